// What the figures to play with share. A figure's own file follows it, in the same module.

const range = count => [...Array(count).keys()];
const grid = (rows, columns, of) => range(rows).map(i => range(columns).map(j => of(i, j)));
const mapped = (rows, of) => rows.map((values, i) => values.map((value, j) => of(value, i, j)));
const total = numbers => numbers.reduce((sum, number) => sum + number, 0);
const written = value => String(Number(value.toFixed(3))).replace("-", "−");
const signed = value => value < 0 ? `(${written(value)})` : written(value);
const product = (first, second) => `${signed(first)}·${signed(second)}`;
const startingWith = (start, values) => [...new Set([start, ...values])];
const row = (...children) => make("div", {className: "explore-row"}, ...children);
const SIZES = grid(3, 3, (u, v) => `${u + 1}x${v + 1}`).flat();
const sides = size => size.split("x").map(Number);
const outputSide = (side, window, stride) => Math.floor((side - window) / stride) + 1;

/** Make an element with properties and children. */
function make(tag, properties, ...children) {
  const element = Object.assign(document.createElement(tag), properties);
  element.append(...children);
  return element;
}

/** Make a matrix from rows of cells, under its title. */
function matrix(title, rows, properties) {
  const style = `--columns: ${rows[0].length}`;
  const cells = make("div", {className: "explore-cells", style}, ...rows.flat());
  return make("div", {role: "group", ariaLabel: title, ...properties}, title, cells);
}

/**
 * A figure to play with. It takes the place of the static figure that the attribute `figure` names,
 * its data from the JSON in it, and its settings from an address like #window?stride=2. A subclass
 * has `options`, each setting's values with the default first; `read(query)`, where an address says
 * more; and `build()`, which shows it all.
 */
class Explorable extends HTMLElement {
  say = make("p", {className: "explore-say", role: "status"});

  connectedCallback() {
    if (this.data) return; // it comes by here again when it moves into its figure
    this.data = JSON.parse(this.querySelector("script").textContent);
    this.name = this.localName.replace("mmn-", "");
    this.takePlaceOf(document.querySelector(`#${this.getAttribute("figure")} figcaption`));
    addEventListener("hashchange", () => this.isAddressed() && this.readAddress());
    this.readAddress();
  }

  /** Move in front of the static figure's caption; the style then shows one of the two. */
  takePlaceOf(caption) {
    const label = caption.textContent.match(/^\s*Figure\s[\w.]+:/)?.[0] ?? "";
    caption.replaceChildren(make("span", {className: "on-paper"}, ...caption.childNodes),
      make("span", {className: "on-screen"}, `${label} ${this.data.caption}`));
    caption.before(this);
  }

  isAddressed() { return location.hash.split("?")[0] === `#${this.name}`; }

  /** Take the settings from the address; what is not among a setting's values falls back. */
  readAddress() {
    const query = new URLSearchParams(this.isAddressed() ? location.hash.split("?")[1] : "");
    const asked = (name, values) => values.find(value => String(value) === query.get(name));
    this.settings = Object.fromEntries(Object.entries(this.options).map(([name, values]) =>
      [name, asked(name, values) ?? values[0]]));
    this.read?.(query);
    this.build();
    if (this.isAddressed()) this.scrollIntoView({block: "center"});
  }

  writeAddress() {
    const query = new URLSearchParams(this.settings).toString().replaceAll("%2C", ",");
    history.replaceState(null, "", `#${this.name}?${query}`);
  }

  /** Show a change; the control that had the focus gets it back, a field with what is typed. */
  change(settings) {
    const controls = () => [...this.querySelectorAll("select, input, button")];
    const {activeElement} = document, focused = controls().indexOf(activeElement);
    Object.assign(this.settings, settings);
    this.build();
    if (activeElement.type === "text") controls()[focused]?.replaceWith(activeElement);
    controls()[focused]?.focus({preventScroll: true});
    this.writeAddress();
  }

  /** Offer the values of some settings. */
  offer(...names) {
    return names.map(name => {
      const values = this.options[name], chosen = this.settings[name];
      const options = values.map(value => make("option", {selected: value === chosen}, value));
      const onchange = event => this.change({[name]: values[event.target.selectedIndex]});
      return make("label", {}, name, make("select", {onchange}, ...options));
    });
  }
}
