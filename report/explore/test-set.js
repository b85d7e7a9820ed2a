// Question 3: the images in a cell of either confusion matrix, with what both models say of them.

customElements.define("mmn-test-set", class extends Explorable {
  get options() {
    const {classes, counts, models, start} = this.data;
    const [truth, given] = start.map(n => startingWith(classes[n], classes));
    return {model: models, true: truth, predicted: given, labels: counts.toReversed()};
  }

  build() {
    const {classes, confusion, images, models, stamp, sprite} = this.data, {settings} = this;
    const [truth, given] = [settings.true, settings.predicted].map(name => classes.indexOf(name));
    const m = models.indexOf(settings.model), count = confusion[m][truth][given];
    const isHere = image => image.true === truth && image.given[m] === given;
    const here = images.filter(isHere).slice(0, 12), tables = models.map(name => this.table(name));
    tables[m].rows[truth + 1].cells[given + 1].ariaCurrent = true;
    this.style = `--sprite: url(${sprite})`;
    this.say.textContent = `${settings.model}: ${settings.true} predicted as ${settings.predicted}`
      + `, ${count} images${count > here.length ? `, ${here.length} of them here` : ""}`;
    this.replaceChildren(stamp, row(...this.offer("model", "true", "predicted")), row(...tables),
      this.say, make("ul", {}, ...here.map(image => this.item(image))), this.curve());
  }

  /** Make a confusion matrix; a click on a cell chooses it, as the three menus do. */
  table(model) {
    const {classes, confusion, models} = this.data, counts = confusion[models.indexOf(model)];
    const cell = (count, truth, given) => make("td", {
      style: `--share: ${100 * Math.sqrt(count / total(counts[truth]))}%`,
      onclick: () => this.change({model, true: classes[truth], predicted: classes[given]}),
    }, count || "");
    const head = name => make("th", {}, name), line = cells => make("tr", {}, ...cells);
    const rows = mapped(counts, cell).map((cells, n) => [head(classes[n]), ...cells]);
    return make("table", {}, make("caption", {}, model),
      ...[[make("td"), ...classes.map(head)], ...rows].map(line));
  }

  /** Show an image from the sprite; below each model's probabilities, the true class's in green. */
  item(image) {
    const {classes, columns, images, models} = this.data, place = images.indexOf(image);
    const [x, y] = [place % columns, Math.floor(place / columns)].map(n => -64 * n);
    const opinion = (percent, m) => {
      const says = `${classes[image.given[m]]}, ${percent[image.given[m]]}%`;
      const bars = percent.map((height, k) =>
        make(k === image.true ? "b" : "i", {style: `height: ${height}%`}));
      return [make("div", {role: "img", ariaLabel: `${models[m]}: ${says}`}, ...bars), says];
    };
    return make("li", {}, make("div", {role: "img", ariaLabel: `test image ${image.index}`,
      style: `background: var(--sprite) ${x}px ${y}px / ${64 * columns}px`}),
      ...image.percent.flatMap(opinion));
  }

  /** Make the slider along the curve of both models' accuracies. */
  curve() {
    const {counts, curve} = this.data, said = make("output");
    const show = () => {
      this.settings.labels = counts[slider.value];
      said.textContent = curve[slider.value];
    };
    const slider = make("input", {type: "range", max: counts.length - 1, oninput: show,
      value: counts.indexOf(this.settings.labels), onchange: () => this.writeAddress()});
    show();
    return row(make("label", {}, "labelled images", slider), said);
  }
});
