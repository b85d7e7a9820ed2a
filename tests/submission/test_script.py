"""The script for the video: its clock, its numbers, its cells."""

import itertools
import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mmn13lib.foundation.errors import UserError
from mmn13lib.rendering.book import read_book, read_chapter
from mmn13lib.submission import script
from mmn13lib.submission.notebook import questions
from mmn13lib.submission.script import Scene

PROJECT = Path(__file__).parents[2]
SAID = '::: {.callout-note title="Say"}\n' + "word " * 80 + "\n:::"
MADE_UP = [Scene(f"scene {k}", SAID, (f"cell-{k}",)) for k in range(10)]


@given(st.lists(st.floats(0, 10), min_size=10, max_size=10))
def test_the_clock_adds_up_to_six_to_eight_minutes(seconds: list[float]) -> None:
    starts = script.schedule(MADE_UP, {f"cell-{k}": took for k, took in enumerate(seconds)})
    assert starts[0] == 0
    assert all(one < other for one, other in itertools.pairwise(starts))
    assert starts[-1] >= script.SHORTEST
    assert starts[-1] <= script.LONGEST or sum(seconds) > 90


def test_the_script_says_when_each_scene_begins_and_which_cells_are_slow() -> None:
    text = script.timed(MADE_UP, {"cell-0": 45.0, "cell-1": 3.0})
    starts = script.schedule(MADE_UP, {"cell-0": 45.0, "cell-1": 3.0})
    assert "`cell-0` (45 s)" in text and "`cell-1`" not in text
    assert f"# {script.clock(starts[1])} – {script.clock(starts[2])}: scene 1" in text
    assert "too long" not in text
    assert "too long" in script.timed(MADE_UP, {"cell-0": 300.0})


def test_scenes_begin_at_headings_and_name_cells_of_the_chapters() -> None:
    text = f"# One\n\n**Run:** `a` and `b`\n\n{SAID} `no_cell`\n\n# Two\n\n{SAID}"
    one, two = script.scenes(text, {"a", "b"})
    assert (one.title, one.cells, two.title, two.cells) == ("One", ("a", "b"), "Two", ())
    assert 80 <= two.words < 85
    with pytest.raises(UserError, match=r"video-script\.qmd, “One”: no chapter has a cell b"):
        script.scenes(text, {"a"})


def test_the_real_script_names_cells_that_the_chapters_have() -> None:
    book = read_book(PROJECT)
    known = {cell.label for chapter in questions(book) for cell in chapter.cells} | {"set-up"}
    chapter = read_chapter(PROJECT / script.SCRIPT, PROJECT)
    prose = "".join(part for part in chapter.parts if isinstance(part, str))
    story = script.scenes(prose, known)
    assert len(story) > 8 and not re.search(r"@(fig|tbl|sec|eq)-", prose)
