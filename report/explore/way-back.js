// Question 2: what an element of image or kernel feeds, and the terms of its derivative.

const symbol = name => `<i>${name[0]}</i><sub>${name.slice(1)}</sub>`;

customElements.define("mmn-way-back", class extends Explorable {
  get options() {
    return {kernel: startingWith(this.data.size.join("x"), SIZES), stride: [1, 2],
      view: ["terms", "convolution"]};
  }

  read(query) { this.settings.of = query.get("of"); }

  build() {
    const {image, kernel, upstream, start} = this.data, {stride, of} = this.settings;
    const [high, wide] = sides(this.settings.kernel);
    this.kernel = grid(high, wide, (u, v) => kernel[u][v]);
    this.upstream = grid(outputSide(image.length, high, stride),
      outputSide(image[0].length, wide, stride), (m, n) => upstream[m][n]);
    this.cells = {};
    this.view = make("div");
    this.replaceChildren(row(...this.offer("kernel", "stride", "view")),
      row(this.matrix("image X", image), this.matrix("kernel K", this.kernel),
        this.matrix("outputs Y", this.upstream), this.matrix("derivatives G", this.upstream),
        this.view), this.say);
    this.settings.of = of === "none" || this.cells[of]?.onclick ? of : start;
    this.show(this.settings.of);
  }

  /** Make a matrix, whose elements its title's last letter names; image and kernel are buttons. */
  matrix(title, values) {
    const letter = title.at(-1).toLowerCase(), tag = "xk".includes(letter) ? "button" : "div";
    return matrix(title, mapped(values, (value, i, j) => {
      const name = letter + i + j, shown = letter === "y" ? "" : `<small>${written(value)}</small>`;
      const cell = make(tag, {innerHTML: `${symbol(name)} ${shown}`, number: value});
      this.cells[name] = cell;
      if (tag === "button") { // a click pins it, another frees it; then to point at one is enough
        cell.onclick = () => this.change({of: this.settings.of === name ? "none" : name});
        cell.onmouseenter = () => this.settings.of === "none" && this.show(name);
      }
      return cell;
    }));
  }

  /** List an element's terms: the names of an output's g, and of what that output multiplies by. */
  terms(of) {
    const {stride} = this.settings;
    return mapped(this.upstream, (_, m, n) => mapped(this.kernel, (_, u, v) => {
      const factors = [`k${u}${v}`, `x${stride * m + u}${stride * n + v}`];
      return factors.includes(of) && [`g${m}${n}`, factors.find(name => name !== of)];
    })).flat(3).filter(Boolean);
  }

  /** Light up an element, the outputs that it feeds, their g and the formula's other factors. */
  show(of) {
    const terms = this.terms(of), outputs = terms.map(([g]) => g.replace("g", "y"));
    for (const [name, cell] of Object.entries(this.cells)) {
      cell.classList.toggle("lit", [of, ...outputs, ...terms.flat()].includes(name));
      if (cell.onclick) cell.ariaPressed = name === this.settings.of;
    }
    const isFree = of === "none", isDrawn = this.settings.view === "convolution" && !isFree;
    this.view.replaceChildren(isDrawn ? this.convolution(of) : "");
    this.say.innerHTML = isFree ? "Choose a pixel or a weight." : this.formula(of, terms);
  }

  /** Put an element's derivative together, in symbols and in numbers. */
  formula(of, terms) {
    const numbers = terms.map(names => names.map(name => this.cells[name].number));
    const sum = `<output>${written(total(numbers.map(([g, factor]) => g * factor)))}</output>`;
    const symbols = terms.map(names => names.map(symbol).join(" ")).join(" + ");
    const products = numbers.map(pair => product(...pair)).join(" + ");
    const right = terms.length ? `${symbols} = ${products} = ${sum}`
      : `${sum}: no window reaches this pixel, so it feeds nothing.`;
    return `∂C/∂${symbol(of)} = ${right}`;
  }

  /** Draw the theorem: the turned K on G, dilated and in zeros; for a weight, that G on X. */
  convolution([letter, i, j]) {
    const {kernel, upstream} = this, {image} = this.data, {stride} = this.settings;
    const [high, wide] = [kernel.length - 1, kernel[0].length - 1];
    const spread = (a, b) => upstream[a / stride]?.[b / stride] ?? 0;
    const dilated = grid(stride * (upstream.length - 1) + 1, stride * (upstream[0].length - 1) + 1,
      spread);
    const ringed = grid(image.length + high, image[0].length + wide,
      (a, b) => spread(a - high, b - wide));
    const turned = kernel.map(weights => weights.toReversed()).toReversed();
    const [title, below, name, window] = letter === "x"
      ? ["G surrounded by zeros", ringed, "K turned by 180°", turned]
      : ["X", image, stride > 1 ? "G with zeros between" : "G", dilated];
    this.slid = 0;
    const cells = mapped(below, (value, a, b) => {
      const weight = window[a - Number(i)]?.[b - Number(j)];
      if (weight === undefined) return make("div", {}, written(value));
      this.slid += value * weight;
      return make("div", {className: "lit"}, product(value, weight));
    });
    return row(matrix(name, mapped(window, value => make("div", {}, written(value)))),
      matrix(`${title}, with ${name} laid on it: sum ${written(this.slid)}`, cells));
  }
});
