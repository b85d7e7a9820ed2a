"""Question 3's figure to play with shows the images that the run's logits put into a cell."""

import random
from pathlib import Path

import numpy as np
from support.explored import needs_chromium, shown
from support.made_up_results import make_results

from mmn13lib.q3_transfer.answer.comparison import compare
from mmn13lib.q3_transfer.answer.test_set import PER_CELL, the_test_set

pytestmark = needs_chromium

READ = """
    const names = element => [...element.querySelectorAll("[role=img]")].map(e => e.ariaLabel);
    return {says: figure.querySelector("[role=status]").textContent,
            images: [...figure.querySelectorAll("li")].map(names),
            curve: figure.querySelector("output").textContent,
            chosen: figure.querySelector("[aria-current=true]").textContent};
"""


def test_fifty_cells_show_what_the_logits_say(tmp_path: Path) -> None:
    results = make_results()
    comparison = compare(results)
    models = (results.head, results.small_resnet)
    labels = results.head.test_labels
    given = [model.test_logits.argmax(axis=1) for model in models]
    data = the_test_set(results, comparison, np.zeros((2000, 32, 32, 3), np.uint8))
    draw = random.Random(13)
    cells = [(draw.randrange(2), draw.randrange(10), draw.randrange(10)) for _ in range(50)]
    names, classes = data["models"], results.classes
    addresses = [
        f"#test-set?model={names[m]}&true={classes[row]}&predicted={classes[k]}&labels=2000"
        for m, row, k in cells
    ]
    pages = shown("test-set", data, addresses, READ, tmp_path)
    for (model, row, column), page in zip(cells, pages, strict=True):
        there = np.flatnonzero((labels == row) & (given[model] == column))
        assert page["chosen"] == (str(len(there)) if len(there) else "")
        assert f"{len(there)} images" in page["says"]
        assert len(page["images"]) == min(PER_CELL, len(there))
        for image, *opinions in page["images"]:
            index = int(image.split()[-1])
            assert index in there
            for k, opinion in zip(given, opinions, strict=True):
                assert f": {results.classes[k[index]]}, " in opinion
        assert page["curve"].startswith("2,000 labelled images: ") and "80.5%" in page["curve"]


def test_nonsense_in_the_address_shows_the_largest_mistake(tmp_path: Path) -> None:
    results = make_results()
    comparison = compare(results)
    data = the_test_set(results, comparison, np.zeros((2000, 32, 32, 3), np.uint8))
    nonsense = "#test-set?model=7&true=x&predicted=-1&labels=99"
    (page,) = shown("test-set", data, [nonsense], READ, tmp_path)
    row, column = comparison.largest_confusions[0]
    classes = results.classes
    assert f"{classes[row]} predicted as {classes[column]}, " in page["says"]
    assert page["curve"].startswith("45,000")
