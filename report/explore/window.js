// Question 1: a window moves over the image; its column lights up, and the product fills in.

const SIDES = ["1", "2", "3"];

/** Compute what a convolution shows: the padded image, the windows' positions, columns, outputs. */
function convolution(image, kernel, stride, padding) {
  const [height, width] = [image.length + 2 * padding, image[0].length + 2 * padding];
  const padded = grid(height, width, (i, j) => image[i - padding]?.[j - padding] ?? 0);
  const rows = Math.floor((height - kernel.length) / stride) + 1;
  const columns = Math.floor((width - kernel[0].length) / stride) + 1;
  const positions = grid(rows, columns, (m, n) => [m, n]).flat(), weights = kernel.flat();
  const patches = positions.map(([m, n]) =>
    kernel.flatMap((each, u) => each.map((_, v) => padded[stride * m + u][stride * n + v])));
  const outputs = patches.map(patch => patch.reduce((sum, pixel, r) => sum + weights[r] * pixel, 0));
  const covers = (q, i, j) => kernel[i - stride * positions[q][0]]?.[j - stride * positions[q][1]] !== undefined;
  return {kernel, stride, padding, padded, rows, columns, positions, patches, weights, outputs, covers};
}

/** Write the size formula with its numbers, rounding included. */
function sizeInWords(letter, side, padding, window, stride) {
  const steps = (side + 2 * padding - window) / stride, size = Math.floor(steps) + 1;
  const rounded = Number.isInteger(steps) ? "" : `⌊${steps.toFixed(2)}⌋ + 1 = `;
  return make("div", {}, make("i", {}, letter), make("sub", {}, "out"),
    ` = ⌊(${side} + 2·${padding} − ${window}) / ${stride}⌋ + 1 = ${rounded}${size}`);
}

customElements.get("mmn-window") ?? customElements.define("mmn-window", class extends Explorable {
  get options() {
    const start = `${this.data.kernel.length}x${this.data.kernel[0].length}`;
    const sizes = SIDES.flatMap(high => SIDES.map(wide => `${high}x${wide}`));
    return {kernel: [start, ...sizes.filter(size => size !== start)], stride: SIDES, padding: ["0", "1", "2"]};
  }

  read(query) {
    const [high, wide] = this.settings.kernel.split("x"), given = (query.get("weights") ?? "").split(",");
    const isFit = given.length === high * wide && given.every(text => text.trim() && isFinite(text));
    this.weights = grid(3, 3, (u, v) =>
      isFit && u < high && v < wide ? Number(given[u * wide + v]) : this.data.kernel[u]?.[v] ?? 0);
    const at = Number(query.get("at") ?? this.data.position);
    this.at = Number.isInteger(at) && at >= 0 ? at : this.data.position;
  }

  query() { return {weights: this.shown.weights.join(","), at: this.at}; }

  build() {
    this.timer = clearInterval(this.timer);
    const [high, wide] = this.settings.kernel.split("x"), {stride, padding} = this.settings;
    const kernel = this.weights.slice(0, high).map(weights => weights.slice(0, wide));
    this.shown = convolution(this.data.image, kernel, Number(stride), Number(padding));
    this.at = Math.min(this.at, this.shown.positions.length - 1);
    this.say = make("p", {className: "explore-say", ariaLive: "polite"});
    this.replaceChildren(this.controls(), this.matrices(), this.table(), this.say, this.facts());
    this.show();
  }

  controls() {
    const {presets} = this.data, names = ["choose …", ...Object.keys(presets)];
    this.slider = make("input", {type: "range", min: 0, max: this.shown.positions.length - 1,
      ariaLabel: "position", oninput: () => this.move(Number(this.slider.value))});
    const numbers = choice("numbers", names, names[0], name => {
      this.weights = presets[name] ?? this.weights;
      this.change(presets[name] && {kernel: "3x3"});
    });
    return row(...Object.keys(this.options).map(key => this.offer(key)), numbers,
      make("label", {}, "position", this.slider),
      make("button", {type: "button", onclick: () => this.play()}, "Play or pause"));
  }

  matrices() {
    const {kernel, padded, padding, positions, rows, columns, covers} = this.shown, {image} = this.data;
    const kind = (i, j) => (image[i - padding]?.[j - padding] === undefined ? "outside " : "")
      + (positions.some((_, q) => covers(q, i, j)) ? "" : "unread");
    this.pixels = grid(padded.length, padded[0].length, (i, j) =>
      make("div", {className: kind(i, j)}, written(padded[i][j])));
    this.outputs = grid(rows, columns, (m, n) => make("div", {onclick: () => this.move(m * columns + n)}));
    const inputs = kernel.map((weights, u) => weights.map((value, v) => make("input", {type: "number", step: "any",
      value, ariaLabel: `weight ${u}, ${v}`, onchange: event => this.setWeight(u, v, event.target.value)})));
    const picture = matrix("image, padded", this.pixels, {ariaLabel: "image; the arrow keys move the window",
      tabIndex: 0, onkeydown: event => this.onKey(event), onpointerdown: event => this.onDrag(event),
      onpointermove: event => event.buttons && this.onDrag(event)});
    picture.lastChild.classList.add("explore-drag");
    return row(picture, matrix("kernel", inputs), matrix("output y", this.outputs));
  }

  table() {
    const {positions, patches, weights} = this.shown, bare = text => make("div", {className: "bare"}, text);
    const cell = (q, text = "") => make("div", {onclick: () => this.move(q)}, text);
    this.patches = weights.map((_, r) => patches.map((patch, q) => cell(q, written(patch[r]))));
    this.sums = positions.map((_, q) => cell(q));
    this.scroller = matrix("columns P, times the weights W, added up", [
      [bare("m,n"), ...positions.map(at => bare(at.join()))],
      ...weights.map((weight, r) => [bare(`${written(weight)} ×`), ...this.patches[r]]),
      [bare("sum"), ...this.sums],
    ], {className: "explore-scroll", tabIndex: 0});
    return this.scroller;
  }

  facts() {
    const {kernel, padding, stride} = this.shown, {image} = this.data, [high, wide] = [kernel.length, kernel[0].length];
    const code = `Conv2d(1, 1, kernel_size=(${high}, ${wide})${stride > 1 ? `, stride=${stride}` : ""}`
      + `${padding ? `, padding=${padding}` : ""})`;
    const copy = make("button", {type: "button", ariaLabel: "copy the call",
      onclick: () => navigator.clipboard.writeText(code).then(() => copy.textContent = "Copied")}, "Copy");
    return make("div", {className: "explore-facts"}, sizeInWords("H", image.length, padding, high, stride),
      sizeInWords("W", image[0].length, padding, wide, stride), make("code", {}, code), " ", copy);
  }

  /** Light up what belongs to the window where it stands; the outputs after it are still empty. */
  show() {
    const {positions, patches, weights, outputs, covers} = this.shown, at = this.at;
    this.pixels.forEach((cells, i) => cells.forEach((cell, j) => cell.classList.toggle("lit", covers(at, i, j))));
    [...this.patches, this.sums, this.outputs.flat()].forEach((cells, r) => cells.forEach((cell, q) => {
      cell.classList.toggle("lit", q === at);
      if (r >= weights.length) cell.textContent = q <= at ? written(outputs[q]) : "";
    }));
    const terms = patches[at].map((pixel, r) => product(weights[r], pixel)).join(" + ");
    this.say.textContent = `Window at (${positions[at].join(", ")}): ${terms} = ${written(outputs[at])}`;
    this.slider.value = at;
    this.scroller.scrollLeft = this.sums[at].offsetLeft - this.scroller.offsetLeft - this.scroller.clientWidth / 2;
  }

  move(at) {
    this.at = at;
    this.show();
    this.writeAddress();
  }

  moveTo(m, n) {
    const {rows, columns} = this.shown, within = (index, count) => Math.max(0, Math.min(index, count - 1));
    this.move(within(m, rows) * columns + within(n, columns));
  }

  onKey(event) {
    const step = {ArrowUp: [-1, 0], ArrowDown: [1, 0], ArrowLeft: [0, -1], ArrowRight: [0, 1]}[event.key];
    if (!step) return;
    event.preventDefault();
    this.moveTo(...this.shown.positions[this.at].map((index, axis) => index + step[axis]));
  }

  /** Put the window's middle under the pointer, as near as its stride allows. */
  onDrag(event) {
    const under = document.elementFromPoint(event.clientX, event.clientY), {kernel, padded, stride} = this.shown;
    const place = this.pixels.flat().indexOf(under), width = padded[0].length;
    const steps = (index, side) => Math.round((index - (side - 1) / 2) / stride);
    if (place >= 0) this.moveTo(steps(Math.floor(place / width), kernel.length), steps(place % width, kernel[0].length));
  }

  setWeight(u, v, text) {
    if (text) this.weights = this.weights.with(u, this.weights[u].with(v, Number(text)));
    this.change();
  }

  play() {
    const last = this.shown.positions.length - 1, isPlaying = this.timer;
    this.timer = clearInterval(this.timer);
    if (isPlaying) return;
    if (this.at === last) this.move(0);
    this.timer = setInterval(() => this.at < last ? this.move(this.at + 1) : this.play(), 700);
  }
});
