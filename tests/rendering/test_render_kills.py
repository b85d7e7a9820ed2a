"""Killed at random moments, a render ends with the page and the PDF of one that was left alone."""

from pathlib import Path

import pytest
from nbformat.v4 import new_output
from pypdf import PdfReader
from support.kills import KILLS, kill_at_random_moments
from support.tiny_book import write_book

from mmn13lib.foundation.settings import Settings
from mmn13lib.rendering import execution
from mmn13lib.rendering.book import Chapter
from mmn13lib.rendering.cache import Outputs
from mmn13lib.rendering.render import render


def said(chapter: Chapter, *others: object) -> Outputs:
    """Stand in for a kernel; test_render kills a render that has one."""
    return tuple([new_output("stream", text=f"{cell.label}\n")] for cell in chapter.cells)


def rendered(root: Path) -> list[Path]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(execution, "run_cells", said)
        return render(Settings(root), lambda: {}, "built-in", progress=lambda line: None)


def content(root: Path) -> tuple[bytes, str, bytes]:
    page, pdf, notebook = rendered(root)
    text = "".join(page.extract_text() for page in PdfReader(pdf).pages)
    return page.read_bytes(), text, notebook.read_bytes()


@pytest.mark.slow
@pytest.mark.timeout(100 + 60 * KILLS)
def test_killed_at_random_moments_it_ends_with_the_same_report(tmp_path: Path) -> None:
    kill_at_random_moments(rendered, content, tmp_path, write_book)
