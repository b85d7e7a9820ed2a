"""Killed at random moments, a render ends with the page and the PDF of one that was left alone."""

from pathlib import Path

import pytest
from pypdf import PdfReader
from support.kills import KILLS, kill_at_random_moments
from support.tiny_book import write_book

from mmn13lib.foundation.settings import Settings
from mmn13lib.rendering.render import render


def write_two_chapters(root: Path) -> None:
    write_book(root)
    for name, unwanted in (
        ("_quarto.yml", ", report/q2-beta.qmd"),
        ("_quarto.yml", "  appendices: [report/appendix.qmd]\n"),
        ("index.qmd", " and @sec-extra"),
    ):
        text = (root / name).read_text("utf-8")
        assert unwanted in text
        (root / name).write_text(text.replace(unwanted, ""), "utf-8")


def rendered(root: Path) -> list[Path]:
    return render(Settings(root), lambda: {}, "built-in", progress=lambda line: None)


def content(root: Path) -> tuple[bytes, str, bytes]:
    page, pdf, notebook = rendered(root)
    text = "".join(page.extract_text() for page in PdfReader(pdf).pages)
    return page.read_bytes(), text, notebook.read_bytes()


@pytest.mark.slow
@pytest.mark.timeout(100 + 60 * KILLS)
def test_killed_at_random_moments_it_ends_with_the_same_report(tmp_path: Path) -> None:
    kill_at_random_moments(rendered, content, tmp_path, write_two_chapters)
