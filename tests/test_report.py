"""The whole book, rendered once by the built-in engine on the sample, read as a user reads it."""

import re
import subprocess
from collections.abc import Callable
from functools import cache
from pathlib import Path

import pytest
from bs4 import BeautifulSoup
from pypdf import PdfReader
from support.git import git

from mmn13lib.rendering.book import read_book

Command = Callable[..., subprocess.CompletedProcess[str]]

pytestmark = pytest.mark.slow  # it renders the report

PROJECT = Path(__file__).parents[1]
CHAPTERS = sorted({*PROJECT.glob("report/*.qmd")} - {PROJECT / "report/video-script.qmd"})


@pytest.fixture(scope="module")
def html(project_copy: Path, rendered: str) -> BeautifulSoup:
    return BeautifulSoup((project_copy / "_report/mmn13.html").read_text("utf-8"), "html.parser")


@pytest.fixture(scope="module")
def pdf(project_copy: Path, rendered: str) -> PdfReader:
    return PdfReader(project_copy / "_report/mmn13.pdf")


def plain(text: str) -> str:
    """Take away what line breaking and typesetting add."""
    text = text.replace("­", "").replace("ﬁ", "fi").replace("ﬂ", "fl").replace("ﬀ", "ff")
    return re.sub(r"[-‐]?\s+|[“”\"'’‘`*_$\\-]", "", text)


@cache  # reading the text out takes seconds
def pdf_text(pdf: PdfReader) -> str:
    return "\n".join(page.extract_text() for page in pdf.pages)


def headings(chapter: Path) -> list[str]:
    """List a chapter's headings, without those in code blocks and without attributes."""
    prose = re.sub(r"^```.*?^```", "", chapter.read_text("utf-8"), flags=re.M | re.S)
    found = re.findall(r"^#{1,3} (.+?)(?: *\{[^}]*\})?$", prose, flags=re.M)
    return [re.sub(r"\$[^$]*\$", "", heading) for heading in found]


def test_sample_render_says_loudly_what_is_missing(rendered: str) -> None:
    assert "NOT CIFAR-10" in rendered
    assert "mmn13 fetch" in rendered


@pytest.mark.parametrize("chapter", CHAPTERS, ids=lambda chapter: chapter.stem)
def test_every_heading_stands_in_html_and_pdf(
    chapter: Path, html: BeautifulSoup, pdf: PdfReader
) -> None:
    page, paper = plain(html.get_text()), plain(pdf_text(pdf))
    for heading in headings(chapter):
        assert plain(heading) in page
        assert plain(heading) in paper


def test_nothing_is_left_unresolved(html: BeautifulSoup, pdf: PdfReader) -> None:
    for element in html.select("pre, code, script, style, annotation"):
        element.extract()
    for text in (html.get_text(), pdf_text(pdf)):
        for trace in ("@fig-", "@eq-", "@tbl-", "@sec-", "??", "?@", "Traceback", "{{<"):
            assert trace not in text, trace


def test_pdf_says_what_it_is_and_by_whom(pdf: PdfReader) -> None:
    book = read_book(Path(__file__).parents[1])
    said = pdf.metadata
    assert said and said.title == book.option("book.title") and said.author
    assert said.keywords == ", ".join(book.option("keywords"))
    assert pdf.root_object["/Lang"] == book.option("lang")
    assert b"<pdfuaid:part>1</pdfuaid:part>" in pdf.root_object["/Metadata"].get_data()


def test_pdf_is_a_compact_paper(pdf: PdfReader) -> None:
    assert 12 <= len(pdf.pages) <= 14
    width, height = (float(side) for side in pdf.pages[0].mediabox[2:])
    assert (round(width), round(height)) == (595, 842)  # A4, in points


def test_second_render_executes_nothing_and_leaves_git_clean(
    project_copy: Path, rendered: str, mmn13: Command
) -> None:
    again = mmn13("render", "--engine", "built-in")
    assert again.returncode == 0, again.stderr
    assert not re.search(r"\bcell \d+/\d+", again.stdout), again.stdout
    assert git(project_copy, "diff", "--name-only") == ""
    assert git(project_copy, "ls-files", "--others", "--exclude-standard") == ""
