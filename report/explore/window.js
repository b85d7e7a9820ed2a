// Question 1: a window moves over the image; its column lights up, and the product fills in.

/** Compute what a convolution shows: the windows, their columns, outputs, a pixel's windows. */
function convolution(padded, kernel, stride) {
  const rows = outputSide(padded.length, kernel.length, stride);
  const columns = outputSide(padded[0].length, kernel[0].length, stride);
  const positions = grid(rows, columns, (m, n) => [m, n]).flat(), weights = kernel.flat();
  const patches = positions.map(([m, n]) =>
    mapped(kernel, (_, u, v) => padded[stride * m + u][stride * n + v]).flat());
  const outputs = patches.map(patch => total(patch.map((pixel, r) => weights[r] * pixel)));
  const covering = (i, j) => range(outputs.length).filter(q =>
    kernel[i - stride * positions[q][0]]?.[j - stride * positions[q][1]] !== undefined);
  return {columns, positions, patches, weights, outputs, covering};
}

customElements.define("mmn-window", class extends Explorable {
  get options() {
    const start = `${this.data.kernel.length}x${this.data.kernel[0].length}`;
    return {kernel: startingWith(start, SIZES), stride: [1, 2, 3], padding: [0, 1, 2]};
  }

  /** Take the window's place, and nine weights, the upper left of which a smaller kernel has. */
  read(query) {
    const at = query.get("at");
    this.settings.at = /^\d+$/.test(at) ? Number(at) : this.data.position;
    const asked = query.get("weights")?.split(",").map(parseFloat) ?? [];
    const start = grid(3, 3, (u, v) => this.data.kernel[u]?.[v] ?? 0).flat();
    this.settings.weights = asked.length === 9 && asked.every(isFinite) ? asked : start;
  }

  build() {
    this.timer = clearInterval(this.timer);
    const {image} = this.data, {stride, padding, weights, at} = this.settings;
    const padded = grid(image.length + 2 * padding, image[0].length + 2 * padding,
      (i, j) => image[i - padding]?.[j - padding] ?? 0);
    const kernel = grid(...sides(this.settings.kernel), (u, v) => weights[3 * u + v]);
    this.shown = convolution(padded, kernel, stride);
    this.replaceChildren(this.controls(), this.matrices(padded, kernel), this.table(), this.say,
      this.facts());
    this.show(Math.min(at, this.shown.outputs.length - 1));
  }

  controls() {
    const presets = Object.entries(this.data.presets).map(([name, weights]) =>
      make("button", {onclick: () => this.change({kernel: "3x3", weights: weights.flat()})}, name));
    this.slider = make("input", {type: "range", max: this.shown.outputs.length - 1,
      oninput: () => this.move(Number(this.slider.value))});
    return row(...this.offer("kernel", "stride", "padding"), ...presets,
      make("label", {}, "position", this.slider),
      make("button", {onclick: () => this.play()}, "Play or pause"));
  }

  matrices(padded, kernel) {
    const {columns, outputs, covering} = this.shown, {image} = this.data, {padding} = this.settings;
    const pixel = (value, i, j) => {
      const windows = covering(i, j), isPadding = image[i - padding]?.[j - padding] === undefined;
      const className = `${isPadding ? "outside" : ""} ${windows.length ? "" : "unread"}`;
      return make("div", {windows, className, place: [i, j]}, written(value));
    };
    const weight = (value, u, v) => make("input", {
      value: written(value), ariaLabel: `weight ${u}, ${v}`, oninput: ({target}) => {
        const typed = parseFloat(target.value.replace("−", "-")), {weights} = this.settings;
        if (isFinite(typed)) super.change({weights: weights.with(3 * u + v, typed)});
      }});
    this.pixels = mapped(padded, pixel);
    this.outputs = grid(outputs.length / columns, columns, (m, n) => this.sum(m * columns + n));
    const onpointer = event => this.drag(event);
    const picture = matrix(padding ? "image, padded" : "image", this.pixels,
      {className: "explore-drag", onpointerdown: onpointer, onpointermove: onpointer});
    return row(picture, matrix("kernel", mapped(kernel, weight)),
      matrix("output y", this.outputs, {className: "explore-scroll", tabIndex: 0}));
  }

  /** Show a change, of the window's size, steps or place, from the first position on. */
  change(settings) { super.change({...settings, at: 0}); }

  /** Make a cell that belongs to window q alone. */
  cell(q, ...text) { return make("div", {windows: [q], onclick: () => this.move(q)}, ...text); }

  /** Make a cell for an output; it has its width before it is shown. */
  sum(q) { return this.cell(q, make("span", {}, written(this.shown.outputs[q]))); }

  table() {
    const {positions, patches, weights} = this.shown;
    const bare = text => make("div", {className: "bare"}, text);
    this.patches = weights.map((_, r) => patches.map((each, q) => this.cell(q, written(each[r]))));
    this.sums = patches.map((_, q) => this.sum(q));
    return matrix("columns P, times the weights W, added up", [
      [bare("m,n"), ...positions.map(at => bare(at.join()))],
      ...this.patches.map((cells, r) => [bare(`${written(weights[r])} ×`), ...cells]),
      [bare("sum"), ...this.sums],
    ], {className: "explore-scroll", tabIndex: 0});
  }

  /** Write the size formula, its numbers with a word on rounding, and the call that does it. */
  facts() {
    const {image} = this.data, {kernel, stride, padding} = this.settings;
    const size = (letter, side, window) => {
      const steps = (side + 2 * padding - window) / stride, whole = Math.floor(steps);
      const why = `; ${steps.toFixed(2)} rounds down to ${whole}: one more step leaves the image`;
      return make("div", {innerHTML: `<i>${letter}</i><sub>out</sub> = ⌊(${side} + 2·${padding} − `
        + `${window}) / ${stride}⌋ + 1 = ${whole + 1}${steps > whole ? why : ""}`});
    };
    const [high, wide] = sides(kernel), call = `Conv2d(1, 1, kernel_size=(${high}, ${wide})`
      + `${stride > 1 ? `, stride=${stride}` : ""}${padding ? `, padding=${padding}` : ""})`;
    return make("div", {className: "explore-facts"},
      "output = ⌊(image + 2·padding − kernel) / stride⌋ + 1", size("H", image.length, high),
      size("W", image[0].length, wide), make("p", {}, make("code", {}, call)));
  }

  /** Light up what belongs to the window where it stands; the outputs after it are still empty. */
  show(at) {
    const {positions, patches, weights, outputs} = this.shown;
    this.settings.at = this.slider.value = at;
    for (const cell of this.querySelectorAll(".explore-cells > *")) {
      cell.classList.toggle("lit", cell.windows?.includes(at) ?? false);
    }
    for (const cells of [this.sums, this.outputs.flat()]) {
      cells.forEach((cell, q) => cell.firstChild.style.visibility = q > at ? "hidden" : "");
      const box = cells[at].closest(".explore-scroll");
      box.scrollLeft = cells[at].offsetLeft - box.offsetLeft - box.clientWidth / 2;
    }
    const terms = patches[at].map((pixel, r) => product(weights[r], pixel)).join(" + ");
    this.say.textContent = `Window at (${positions[at]}): ${terms} = ${written(outputs[at])}`;
  }

  move(at) {
    this.show(at);
    this.writeAddress();
  }

  /** Put the window's middle under the pointer, as near as its stride allows. */
  drag({buttons, clientX, clientY}) {
    const {place} = document.elementFromPoint(clientX, clientY) ?? {};
    if (!buttons || !place) return;
    const {kernel, stride} = this.settings, middle = sides(kernel).map(side => (side - 1) / 2);
    const away = this.shown.positions.map(position => Math.hypot(
      ...place.map((index, axis) => index - stride * position[axis] - middle[axis])));
    this.move(away.indexOf(Math.min(...away)));
  }

  play() {
    const next = () => this.move((this.settings.at + 1) % this.shown.outputs.length);
    this.timer = this.timer ? clearInterval(this.timer) : setInterval(next, 700);
  }
});
