// The test set: choose a cell of either confusion matrix and see its images with both models'
// probabilities; move along the curve of accuracy against labels. The data are the run's.

const el = (name, attributes = {}, ...children) => {
  const made = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) {
    if (key in made && key !== "style") made[key] = value;
    else made.setAttribute(key, value);
  }
  made.append(...children);
  return made;
};
const percent = (share, digits = 1) => `${(100 * share).toFixed(digits)}%`;

class TestSet extends HTMLElement {
  connectedCallback() {
    if (this.data) return; // it was moved
    this.data = JSON.parse(this.querySelector("script").textContent);
    const picture = document.getElementById(this.dataset.figure)?.querySelector("img, svg");
    picture?.classList.add("mmn-static"); // stays for print
    picture?.after(this);
    this.style.setProperty("--sprite", `url(${this.data.sprite})`);
    const wanted = new URLSearchParams(location.hash.split("?")[1] ?? "");
    const within = (name, most, usual) => {
      const value = Number(wanted.get(name) ?? NaN);
      const known = location.hash.startsWith("#test-set?") && Number.isInteger(value);
      return known && value >= 0 && value <= most ? value : usual;
    };
    const last = this.data.classes.length - 1;
    const [row, column] = this.worst(0);
    this.cell = [within("model", 1, 0), within("true", last, row), within("given", last, column)];
    this.matrices = this.data.models.map((_, model) => this.matrix(model));
    this.images = el("ul", { className: "images" });
    this.summary = el("p", { role: "status" });
    const counts = this.data.counts;
    this.slider = el("input", {
      type: "range", min: 0, max: counts.length - 1, step: 1,
      value: within("labels", counts.length - 1, counts.length - 1),
      oninput: () => this.showLabels(),
    });
    this.accuracy = el("output");
    const parts = [
      el("div", { className: "matrices" }, ...this.matrices), this.summary, this.images,
      el("label", { className: "labels" }, "labelled images ", this.slider), this.accuracy,
    ];
    parts.unshift(el("p", {}, "Rows: the true class. Columns: the class that was given. Choose a cell; ",
      `the bars are the probabilities of ${this.data.models.join(" (above) and ")} (below), `,
      "green for the true class."));
    if (this.data.stamp) parts.unshift(el("p", { className: "stamp" }, this.data.stamp));
    this.append(el("section", { ariaLabel: "The test set, image by image" }, ...parts));
    this.show(...this.cell, false);
    this.showLabels(false);
  }

  // the largest mistake of a model
  worst(model) {
    const cells = this.data.confusion[model].flatMap((row, r) =>
      row.map((count, c) => [r === c ? -1 : count, r, c]));
    return cells.reduce((most, cell) => (cell[0] > most[0] ? cell : most)).slice(1);
  }

  matrix(model) {
    const { classes, confusion, models } = this.data;
    const cell = (row, column) => {
      const count = confusion[model][row][column];
      const share = count / Math.max(1, confusion[model][row].reduce((sum, n) => sum + n));
      return el("td", {}, el("button", {
        style: `--share: ${Math.sqrt(share)}`, tabIndex: -1,
        ariaLabel: `${classes[row]} taken for ${classes[column]}: ${count}`,
        onclick: () => this.show(model, row, column),
        onkeydown: (event) => this.step(event, model, row, column),
      }, count ? String(count) : ""));
    };
    const header = el("tr", {}, el("th"), ...classes.map((name) => el("th", { scope: "col" },
      el("span", {}, name))));
    const rows = classes.map((name, row) => el("tr", {}, el("th", { scope: "row" }, name),
      ...classes.map((_, column) => cell(row, column))));
    return el("table", {}, el("caption", {}, models[model]), header, ...rows);
  }

  button([model, row, column]) {
    return this.matrices[model].rows[row + 1].cells[column + 1].firstChild;
  }

  step(event, model, row, column) {
    const moves = { ArrowUp: [-1, 0], ArrowDown: [1, 0], ArrowLeft: [0, -1], ArrowRight: [0, 1] };
    if (!(event.key in moves)) return;
    event.preventDefault();
    const last = this.data.classes.length - 1;
    const [down, right] = moves[event.key];
    const clamp = (place) => Math.min(last, Math.max(0, place));
    this.show(model, clamp(row + down), clamp(column + right));
    this.button(this.cell).focus();
  }

  show(model, row, column, remember = true) {
    Object.assign(this.button(this.cell), { ariaPressed: null });
    this.cell = [model, row, column];
    for (const other of [0, 1]) { // one button of each matrix can be reached with the tab key
      for (const button of this.matrices[other].querySelectorAll("button")) button.tabIndex = -1;
      this.button([other, row, column]).tabIndex = 0;
    }
    this.button(this.cell).ariaPressed = "true";
    const { classes, images, models, confusion } = this.data;
    const all = confusion[model][row][column];
    const shown = images.filter((one) => one.true === row && one.given[model] === column);
    this.images.replaceChildren(...shown.slice(0, 12).map((one) => this.image(one)));
    const what = row === column ? `${classes[row]}, recognised`
      : `${classes[row]} taken for ${classes[column]}`;
    const few = all > shown.length ? `, the ${Math.min(12, shown.length)} surest` : "";
    this.summary.textContent = `${models[model]}: ${what}, ${all} images${few}`;
    if (remember) this.remember();
  }

  image(one) {
    const { classes, columns, models } = this.data;
    const place = this.data.images.indexOf(one);
    const [x, y] = [place % columns, Math.floor(place / columns)];
    const picture = el("div", {
      className: "picture", role: "img", ariaLabel: `test image ${one.index}`,
      style: `background: var(--sprite) -${64 * x}px -${64 * y}px / ${64 * columns}px auto`,
    });
    const bars = models.map((name, model) => el("div", {
      className: "bars", role: "img",
      ariaLabel: `${name}: ${classes[one.given[model]]}, ${one.percent[model][one.given[model]]}%`,
    }, ...one.percent[model].map((height, k) => el("i", {
      title: `${name}: ${classes[k]} ${height}%`, style: `--height: ${height}%`,
      className: k === one.true ? "true" : "",
    })), el("b", {}, classes[one.given[model]])));
    return el("li", {}, picture, ...bars);
  }

  showLabels(remember = true) {
    const at = Number(this.slider.value);
    const { counts, means, models } = this.data;
    const parts = models.map((name, model) =>
      `${name} ${means[model][at] === null ? "–" : percent(means[model][at])}`);
    this.accuracy.textContent = `${counts[at].toLocaleString("en")} labels: ${parts.join(", ")}`;
    this.slider.ariaValueText = this.accuracy.textContent;
    if (remember) this.remember();
  }

  remember() {
    const [model, row, column] = this.cell;
    const setting = `model=${model}&true=${row}&given=${column}&labels=${this.slider.value}`;
    history.replaceState(null, "", `#test-set?${setting}`);
  }
}

customElements.define("mmn-test-set", TestSet);
