// Question 2: what an element of image or kernel feeds, and the terms of its derivative.

const symbol = (letter, i, j) => [make("i", {}, letter), make("sub", {}, `${i}${j}`)];

customElements.get("mmn-way-back") ?? customElements.define("mmn-way-back", class extends Explorable {
  get options() {
    const {image, size} = this.data, start = size.join("x");
    const sizes = grid(image.length, image[0].length, (u, v) => `${u + 1}x${v + 1}`).flat();
    return {kernel: [start, ...sizes.filter(each => each !== start)], stride: ["1", "2"],
      view: ["terms", "sliding"]};
  }

  read(query) { this.pinned = query.get("of"); }

  query() { return {of: this.pinned}; }

  build() {
    const [high, wide] = this.settings.kernel.split("x").map(Number), {image, kernel, upstream} = this.data;
    this.stride = Number(this.settings.stride);
    this.kernel = kernel.slice(0, high).map(weights => weights.slice(0, wide));
    this.rows = Math.floor((image.length - high) / this.stride) + 1;
    this.columns = Math.floor((image[0].length - wide) / this.stride) + 1;
    this.upstream = upstream.slice(0, this.rows).map(values => values.slice(0, this.columns));
    this.cells = {};
    const cells = (letter, values, make = this.cell) =>
      values.map((each, i) => each.map((value, j) => this.cells[letter + i + j] = make.call(this, letter, i, j, value)));
    this.view = make("div");
    this.say = make("p", {className: "explore-say", ariaLive: "polite"});
    this.replaceChildren(row(...Object.keys(this.options).map(key => this.offer(key))),
      row(matrix("image X", cells("x", image, this.button)), matrix("kernel K", cells("k", this.kernel, this.button)),
        matrix("outputs Y", cells("y", this.upstream.map(values => values.map(() => null)))),
        matrix("derivatives G", cells("g", this.upstream)), this.view), this.say);
    if (this.pinned !== "none" && !this.cells[this.pinned]?.type) this.pinned = this.data.start;
    this.show(this.pinned);
  }

  cell(letter, i, j, value) {
    const number = value === null ? [] : [make("small", {}, ` ${written(value)}`)];
    return make("div", {}, ...symbol(letter, i, j), ...number);
  }

  button(letter, i, j, value) {
    const of = letter + i + j, preview = () => this.pinned === "none" && this.show(of);
    return make("button", {type: "button", ariaLabel: `${of}, ${written(value)}`, onclick: () => this.pin(of),
      onfocus: preview, onmouseenter: preview}, ...this.cell(letter, i, j, value).childNodes);
  }

  /** A click pins an element, and frees the one that is pinned. */
  pin(of) {
    this.pinned = this.pinned === of ? "none" : of;
    this.show(of);
    this.writeAddress();
  }

  /** List the terms of an element's derivative: an output's g, and what the output multiplies by it. */
  terms(of) {
    const term = (m, n, u, v) => {
      const [i, j] = [this.stride * m + u, this.stride * n + v], g = this.upstream[m][n];
      if (of === `x${i}${j}`) return {m, n, g, beside: ["k", u, v], value: this.kernel[u][v]};
      return of === `k${u}${v}` && {m, n, g, beside: ["x", i, j], value: this.data.image[i][j]};
    };
    return grid(this.rows, this.columns, (m, n) => this.kernel.map((weights, u) =>
      weights.map((_, v) => term(m, n, u, v)))).flat(3).filter(Boolean);
  }

  /** Light up an element, the outputs that it feeds and their g, and put its formula together. */
  show(of) {
    const terms = this.terms(of), [letter, i, j] = of;
    const lit = [of, ...terms.flatMap(({m, n, beside}) => [`y${m}${n}`, `g${m}${n}`, beside.join("")])];
    for (const [name, cell] of Object.entries(this.cells)) {
      cell.classList.toggle("lit", lit.includes(name));
      if (cell.type) cell.ariaPressed = String(name === this.pinned);
    }
    const isSliding = this.settings.view !== "terms" && of !== "none";
    this.view.replaceChildren(...isSliding ? [this.sliding(letter, Number(i), Number(j))] : []);
    if (of === "none") return this.say.replaceChildren("Choose a pixel or a weight; a click pins it.");
    const sum = make("output", {}, written(terms.reduce((total, {g, value}) => total + g * value, 0)));
    const formula = terms.flatMap(({m, n, beside}, t) =>
      [t ? " + " : "", ...symbol("g", m, n), " ", ...symbol(...beside)]);
    const numbers = terms.map(({g, value}) => product(g, value)).join(" + ");
    this.say.replaceChildren("∂C/∂", ...symbol(letter, i, j), " = ", ...formula,
      ...terms.length ? [` = ${numbers} = `, sum] : [sum, ": no window reaches this pixel, so it feeds nothing."]);
  }

  /** Draw the theorem: K turned, over the dilated G in zeros; for a weight, that G over the image. */
  sliding(letter, i, j) {
    const {image} = this.data, s = this.stride, [high, wide] = [this.kernel.length, this.kernel[0].length];
    const dilated = grid((this.rows - 1) * s + 1, (this.columns - 1) * s + 1, (a, b) =>
      a % s || b % s ? 0 : this.upstream[a / s][b / s]);
    const turned = this.kernel.map(weights => weights.toReversed()).toReversed();
    const ringed = grid(image.length + high - 1, image[0].length + wide - 1, (a, b) =>
      dilated[a - high + 1]?.[b - wide + 1] ?? 0);
    const [title, below, window] = letter === "x"
      ? ["K turned by 180° on the dilated G in zeros", ringed, turned] : ["dilated G on X", image, dilated];
    this.slid = 0;
    const cells = below.map((values, a) => values.map((value, b) => {
      const weight = window[a - i]?.[b - j];
      if (weight === undefined) return make("div", {}, written(value));
      this.slid += value * weight;
      return make("div", {className: "lit"}, product(value, weight));
    }));
    return matrix(`${title}: sum ${written(this.slid)}`, cells);
  }
});
