"""The script for the video: its clock, its numbers, its cells."""

import itertools
import re
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mmn13lib.q3_transfer.results.records import Results
from mmn13lib.rendering.book import read_book
from mmn13lib.submission import script
from mmn13lib.submission.identity import Student
from mmn13lib.submission.notebook import build
from mmn13lib.submission.story import Scene, scenes

PROJECT = Path(__file__).parents[2]
MADE_UP = [Scene(f"scene {k}", "here", (f"cell-{k}",), "word " * 80) for k in range(10)]


@given(st.lists(st.floats(0, 300), min_size=10, max_size=10))
def test_the_clock_adds_up_to_six_to_eight_minutes(seconds: list[float]) -> None:
    cues = script.schedule(MADE_UP, {f"cell-{k}": took for k, took in enumerate(seconds)})
    assert cues[0].start == 0
    assert all(one.end == other.start for one, other in itertools.pairwise(cues))
    assert script.SHORTEST <= cues[-1].end <= script.LONGEST


def test_a_slow_cell_is_shown_and_not_run() -> None:
    seconds = {f"cell-{k}": 0.0 for k in range(10)} | {"cell-0": 45.0, "cell-1": 3.0}
    cues = script.schedule(MADE_UP, seconds)
    assert cues[0].live == [] and cues[1].live == ["cell-1"]
    text = script.write(cues)
    assert "**Don't run**, show the output of `cell-0`" in text
    assert "**Run:** `cell-1` (3 s)" in text


@pytest.mark.parametrize("mode", ["imagenet", "other-weights", "sample"])
def test_the_real_story_fits_with_the_numbers_of_the_results(
    made_up_results: Callable[..., Results], mode: str
) -> None:
    results = made_up_results(mode=mode)
    story = scenes(results)
    cells = {cell.id for cell in build(read_book(PROJECT), Student("", "")).cells}
    assert {label for scene in story for label in scene.run} <= cells
    cues = script.schedule(story, dict.fromkeys(cells, 1.0))
    assert script.SHORTEST <= cues[-1].end <= script.LONGEST
    said = " ".join(scene.say for scene in story)
    assert f"{results.head.test_accuracy:.2%}" in said
    assert f"{results.small_resnet.test_accuracy:.2%}" in said
    assert f"{results.trap['accuracy_trap']:.1%}" in said
    assert not re.search(r"[*`{}@]|nan", said)


def test_times_come_from_the_notebook() -> None:
    import nbformat

    cell = nbformat.v4.new_code_cell("1", metadata={"mmn13": {"label": "a", "seconds": 1.5}})
    assert script.times(nbformat.v4.new_notebook(cells=[cell])) == {"a": 1.5}
