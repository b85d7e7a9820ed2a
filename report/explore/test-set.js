// Question 3's test set: the images in a cell of either confusion matrix, with what both models say.

const STYLE = `
mmn-test-set table { border-collapse: collapse; width: auto; margin: 0; font-size: 0.7rem; }
mmn-test-set :is(th, td) { padding: 0; border: 0; font-weight: normal; text-align: right; }
mmn-test-set caption { caption-side: top; color: inherit; }
mmn-test-set th[scope="col"] { writing-mode: vertical-rl; }
.explore td button.share { width: 1.75rem; padding: 0; color: #000; font-size: 0.7rem;
  background: color-mix(in srgb, #56b4e9 var(--share), #fff); }
.explore td button.share[aria-pressed="true"] { box-shadow: inset 0 0 0 3px #d55e00; }
mmn-test-set ul { display: flex; flex-wrap: wrap; gap: 0.6rem; padding: 0; list-style: none; }
mmn-test-set .picture { width: 64px; height: 64px; }
mmn-test-set .bars { display: flex; align-items: end; gap: 1px; width: 6rem; height: 1.6rem;
  border-bottom: 1px solid; margin-top: 0.3rem; }
mmn-test-set .bars i { flex: 1; background: #d55e00; }
mmn-test-set .bars i.true { background: #009e73; }`;

class TestSet extends Explorable {
  get options() {
    const {classes, counts, start} = this.data;
    const from = (first, length) => [first, ...range(length).filter(n => n !== first)].map(String);
    return {model: from(0, 2), true: from(start[0], classes.length),
      given: from(start[1], classes.length), labels: from(counts.length - 1, counts.length)};
  }

  read() {}

  query() { return {}; }

  build() {
    const {classes, images, models, stamp, sprite} = this.data;
    const [model, row, column] = this.cell();
    const here = images.filter(one => one.true === row && one.given[model] === column);
    const shown = here.slice(0, 12), all = this.data.confusion[model][row][column];
    const what = row === column ? "recognised" : `taken for ${classes[column]}`;
    const few = all > shown.length ? `, ${shown.length} of them here` : "";
    this.style.setProperty("--sprite", `url(${sprite})`);
    this.replaceChildren(make("style", {}, STYLE), make("p", {}, stamp),
      make("div", {className: "explore-row explore-scroll"}, ...range(2).map(m => this.matrix(m))),
      make("p", {role: "status"}, `${models[model]}: ${classes[row]} ${what}, ${all} images${few}`),
      make("ul", {}, ...shown.map(one => this.image(one))), ...this.curve());
  }

  cell() {
    const {model, true: row, given: column} = this.settings;
    return [model, row, column].map(Number);
  }

  matrix(model) {
    const {classes, confusion, models} = this.data;
    const head = make("tr", {}, make("td"), ...classes.map(name => make("th", {scope: "col"}, name)));
    const rows = classes.map((name, row) => make("tr", {}, make("th", {scope: "row"}, name),
      ...classes.map((_, column) => make("td", {}, this.button(model, row, column)))));
    return make("table", {}, make("caption", {}, models[model]), head, ...rows);
  }

  button(model, row, column) {
    const {classes, confusion, models} = this.data, count = confusion[model][row][column];
    const share = count / Math.max(1, confusion[model][row].reduce((sum, n) => sum + n));
    const isFirst = row + column === 0 && model !== this.cell()[0]; // of the other matrix
    const chosen = String([model, row, column]) === String(this.cell());
    const choose = (m, r, c) => this.change({model: String(m), true: String(r), given: String(c)});
    const move = event => {
      const [down, right] = {ArrowUp: [-1, 0], ArrowDown: [1, 0], ArrowLeft: [0, -1],
        ArrowRight: [0, 1]}[event.key] ?? [0, 0];
      if (!classes[row + down] || !classes[column + right] || !(down || right)) return;
      event.preventDefault();
      choose(model, row + down, column + right);
      this.querySelector('[aria-pressed="true"]').focus();
    };
    return make("button", {className: "share", ariaPressed: String(chosen),
      style: `--share: ${100 * share ** 0.5}%`, tabIndex: chosen || isFirst ? 0 : -1,
      ariaLabel: `${models[model]}: ${classes[row]} taken for ${classes[column]}, ${count} images`,
      onclick: () => choose(model, row, column), onkeydown: move}, count || "");
  }

  image(one) {
    const {classes, columns, images, models} = this.data, place = images.indexOf(one);
    const [x, y] = [place % columns, Math.floor(place / columns)].map(n => -64 * n);
    const says = models.map((name, m) => `${name}: ${classes[one.given[m]]}, ` +
      `${one.percent[m][one.given[m]]}%`);
    return make("li", {title: says.join("\n")},
      make("div", {className: "picture", role: "img", ariaLabel: `test image ${one.index}`,
        style: `background: var(--sprite) ${x}px ${y}px / ${64 * columns}px`}),
      ...one.percent.map((percent, m) => make("div", {}, make("div", {className: "bars", role: "img",
        ariaLabel: says[m]}, ...percent.map((height, k) => make("i", {style: `height: ${height}%`,
        className: k === one.true ? "true" : ""}))), classes[one.given[m]])));
  }

  curve() {
    const {counts, means, models} = this.data;
    const text = n => `${counts[n].toLocaleString("en")} labelled images: ` + models.map((name, m) =>
      `${name} ${means[m][n] === null ? "–" : (100 * means[m][n]).toFixed(1) + "%"}`).join(", ");
    const said = make("output", {}, text(this.settings.labels));
    const slider = make("input", {type: "range", min: 0, max: counts.length - 1,
      value: this.settings.labels, ariaLabel: "labelled images",
      oninput: () => { said.textContent = slider.ariaValueText = text(slider.value); },
      onchange: () => this.change({labels: slider.value})});
    return [make("div", {className: "explore-row"}, slider, said)];
  }
}

customElements.define("mmn-test-set", TestSet);
