"""A submission's first cells of question 3, on the CIFAR-10 and the weights that variables name."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from support.made_up_results import make_results

from mmn13lib.foundation.settings import Settings
from mmn13lib.q3_transfer.data.inputs import resolve
from mmn13lib.rendering.book import read_book
from mmn13lib.submission.contents import lay_out
from mmn13lib.submission.student import Student

PROJECT = Path(__file__).parents[2]
THERE = os.environ.get("MMN13_DATA") and os.environ.get("MMN13_WEIGHTS")


@pytest.mark.slow
@pytest.mark.skipif(not THERE, reason="MMN13_DATA and MMN13_WEIGHTS are not set")
def test_an_unzipped_submission_reads_the_data_and_weights_that_variables_name(
    tmp_path: Path,
) -> None:
    book = read_book(PROJECT)
    lay_out(tmp_path, Settings(PROJECT), book, Student(), make_results(mode="imagenet"), "")
    (chapter,) = (chapter for chapter in book.chapters if chapter.short_name == "q3")
    labels = [cell.label for cell in chapter.cells]
    cells = chapter.cells[1 : labels.index("q3-features")]
    kept = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    done = subprocess.run(
        [sys.executable, "-c", "\n".join(cell.code for cell in cells)],
        cwd=tmp_path, env=kept | {"MPLBACKEND": "agg"}, capture_output=True, text=True,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr[-3000:]
    assert "50000 10000 (3, 224, 224) frog" in done.stdout
    assert f"loaded: {resolve(Settings.from_environment()).weights_words}" in done.stdout
