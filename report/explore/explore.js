// What the figures to play with share. A figure's own file follows it, in the same module.

const range = count => [...Array(count).keys()];
const grid = (rows, columns, of) => range(rows).map(i => range(columns).map(j => of(i, j)));
const written = value => String(Number(value.toFixed(4))).replace("-", "−");
const signed = value => value < 0 ? `(${written(value)})` : written(value);
const product = (first, second) => `${signed(first)}·${signed(second)}`;

/** Make an element with properties or attributes, and children. */
function make(tag, properties = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(properties)) {
    if (name in element && name !== "style") element[name] = value;
    else element.setAttribute(name, value);
  }
  element.append(...children);
  return element;
}

const row = (...children) => make("div", {className: "explore-row"}, ...children);

/** Make a matrix from rows of cells, under its title. */
function matrix(title, rows, properties = {}) {
  const cells = make("div", {className: "explore-cells", style: `--columns: ${rows[0].length}`},
    ...rows.flat());
  return make("div", {role: "group", ariaLabel: title, ...properties}, title, cells);
}

/** Offer a few values under a name. */
function choice(label, values, value, onchange) {
  const options = values.map(each => make("option", {value: each, selected: each === value}, each));
  const select = make("select", {ariaLabel: label, onchange: () => onchange(select.value)}, ...options);
  return make("label", {}, label, select);
}

/**
 * A figure to play with. It takes the place of the static figure that the attribute `figure` names,
 * its data from the JSON in it, and its settings from an address like #window?stride=2. A subclass has
 * `options`, each setting's values with the default first; `read(query)`, what else an address says,
 * and `query()`, which writes that; and `build()`, which shows it all.
 */
class Explorable extends HTMLElement {
  connectedCallback() {
    if (this.data) return; // it comes by here again when it moves into its figure
    this.data = JSON.parse(this.querySelector("script").textContent);
    this.name = this.localName.replace("mmn-", "");
    this.className = "explore";
    this.takePlaceOf(document.getElementById(this.getAttribute("figure")));
    addEventListener("hashchange", () => this.readAddress());
    this.readAddress();
  }

  takePlaceOf(figure) {
    const caption = figure?.querySelector("figcaption");
    if (!caption) return;
    const label = caption.textContent.match(/^\s*Figure\s[\w.]+:/)?.[0] ?? "";
    for (const each of caption.parentElement.children) {
      if (each !== caption) each.classList.add("explore-on-paper");
    }
    caption.append(make("span", {className: "explore-on-paper"}, ...caption.childNodes),
      make("span", {className: "explore-on-screen"}, `${label} ${this.data.caption}`));
    caption.before(this);
  }

  /** Take the settings from the address; what is not among a setting's values falls back. */
  readAddress() {
    const [name, words = ""] = location.hash.slice(1).split("?"), isMine = name === this.name;
    const query = new URLSearchParams(isMine ? words : "");
    this.settings = {};
    for (const [key, values] of Object.entries(this.options)) {
      this.settings[key] = values.includes(query.get(key)) ? query.get(key) : values[0];
    }
    this.read(query);
    this.build();
    if (isMine) this.scrollIntoView({block: "center"});
  }

  writeAddress() {
    const query = new URLSearchParams({...this.settings, ...this.query()});
    history.replaceState(null, "", `#${this.name}?${query.toString().replaceAll("%2C", ",")}`);
  }

  /** Show a change; what had the focus gets it back. */
  change(settings = {}) {
    const focused = this.contains(document.activeElement) && document.activeElement.ariaLabel;
    Object.assign(this.settings, settings);
    this.build();
    const labelled = [...this.querySelectorAll("[aria-label]")];
    if (focused) labelled.find(each => each.ariaLabel === focused)?.focus({preventScroll: true});
    this.writeAddress();
  }

  /** Offer the values of a setting. */
  offer(key) {
    return choice(key, this.options[key], this.settings[key], value => this.change({[key]: value}));
  }
}
