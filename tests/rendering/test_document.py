"""The documents: what the chapters say, numbered and referred to alike in HTML and PDF."""

import html
import os
import re
from pathlib import Path
from typing import Any

import pytest
from nbformat.v4 import new_output
from pypdf import PdfReader
from support.tiny_book import by_hand, cell, write_book, write_chapter

from mmn13lib.rendering.book import Book, read_book
from mmn13lib.rendering.document import build, convert

GOLDEN = Path(__file__).parent / "golden"

SVG = (
    '<svg xmlns="http://www.w3.org/2000/svg" width="90pt" height="40pt">'
    '<rect width="9" height="9"/></svg>'
)
FIGURE = new_output("display_data", {"image/svg+xml": SVG, "text/plain": "<Figure>"})
ALPHA = (
    """# Alpha {#sec-alpha}

See @fig-wave, [@tbl-cell; @tbl-pipe], @eq-sum, @eq-shown, @sec-part, @sec-extra, @fig-late.
As @knuth says.[^1]

[^1]: First note.

$$ \\frac{a}{b} = \\sum_i c_i $$ {#eq-sum}

$a\\;b\\!c$ $f = \\begin{cases} a & b \\end{cases}$, $$ \\begin{aligned} a \\\\& b \\end{aligned} $$
$\\left[\\begin{matrix} a \\end{matrix}\\right]\\left(\\begin{array}{cc} a & b \\end{array}\\right)$

## Part {#sec-part}

| h | k |
|---|--:|
| a | b |

: A pipe table {#tbl-pipe}

::: {.callout-important title="Answer of $x$"}
It is **42**.
:::
"""
    + cell("q1-code", "x = 1  # folded", "code-summary: Look inside")
    + cell("q1-open", "y = 2  # open", "code-fold: false")
    + cell("q1-hidden", "z = 3  # hidden", "include: false")
    + cell("q1-quiet", "import w", "echo: false", "warning: false")
    + cell(
        "fig-wave", "wave()", 'fig-cap: "A wave, [see here](#sec-part)."', "fig-alt: 'An \"arc\"'"
    )
    + cell("tbl-cell", "table()", "tbl-cap: Numbers")
    + cell("q1-maths", "maths()", "echo: false")
    + "\n\n::: {.callout-note}\nBefore."
    + cell(
        "q1-called",
        'Markdown(rf"$$ {x} $$ {{#eq-cell}} and @fig-wave, [@knuth] @decorated")',
        "echo: false",
    )
    + "\n\nAfter.\n:::\n"
)
OUTPUTS: dict[str, list[Any]] = {
    "q1-hidden": [new_output("stream", text="never shown")],
    "q1-quiet": [new_output("stream", name="stderr", text="a warning")],
    "fig-wave": [FIGURE],
    "tbl-cell": [new_output("execute_result", {"text/markdown": "| n | m |\n|--|--|\n| 1 | 2 |"})],
    "q1-maths": [new_output("display_data", {"text/markdown": "$$ e^x $$ {#eq-shown}"})],
    "q1-called": [
        new_output("execute_result", {"text/markdown": "$$ x $$ {#eq-cell} and @fig-wave"})
    ],
    "index-all": [new_output("stream", text="```\nfenced\n```\n")],
    "fig-late": [FIGURE],
}
BETA = (
    "# Beta {#sec-beta}\n\nBack to @fig-wave.[^1]\n\n[^1]: Second note.\n\n## At a glance\n"
    + cell("fig-late", "late()", "fig-cap: Late", "fig-alt: A square")
)


@pytest.fixture(scope="module")
def book(tmp_path_factory: pytest.TempPathFactory) -> Book:
    """Write a book with all that the chapters use."""
    root = write_book(tmp_path_factory.mktemp("all") / "book")
    write_chapter(root, "q1-alpha", ALPHA)
    write_chapter(root, "q2-beta", BETA)
    return read_book(root)


@pytest.fixture(scope="module")
def page(book: Book) -> str:
    return build(by_hand(book, OUTPUTS), book, "html", book.root).read_text("utf-8")


@pytest.mark.parametrize(
    ("format", "begins", "ends"),
    [("html", "<main>", "</main>"), ("typst", "// in index.qmd", "\0"), ("notebook", "", "\0")],
)
def test_the_book_is_written_as_in_the_golden_file(
    book: Book, tmp_path: Path, format: str, begins: str, ends: str
) -> None:
    text = convert(by_hand(book, OUTPUTS), book, format, tmp_path)
    text = text[text.index(begins) :].partition(ends)[0]
    text = re.sub(r"(data:image/svg\+xml;base64,)[\w+/=]+", r"\1…", text)
    golden = GOLDEN / f"{format}.txt"
    if os.environ.get("MMN13_GOLDEN"):  # after a change that is meant: look at git's diff
        golden.write_text(text, "utf-8")
    assert text == golden.read_text("utf-8")


def test_every_link_in_the_page_has_its_target_once(page: str) -> None:
    ids = re.findall(r'\bid="([^"]+)"', page)
    assert len(ids) == len(set(ids))
    assert set(re.findall(r'href="#([^"]+)"', page)) <= set(ids)


def test_the_page_needs_no_other_file_and_no_network(page: str) -> None:
    assert page.count('src="data:image/svg+xml;base64,') == 2
    assert not re.search(r'src="(?!data:)|<link|@import|url\((?!data:)', page)


@pytest.mark.parametrize("name", ["<script>alert(1)</script>", "@dana `#panic()`{=typst} *a* $b$"])
def test_a_name_is_text_in_every_format(tiny: Path, name: str) -> None:
    (tiny / "_quarto.yml.local").write_text(f"book: {{author: '{name}', appendices: []}}")
    (tiny / "index.qmd").write_text("# At a glance {.unnumbered}\n")
    book = read_book(tiny)
    page, paper = (build(by_hand(book, {}), book, f, tiny) for f in ("html", "typst"))
    assert f"<bdi>{html.escape(name)}</bdi>" in page.read_text("utf-8").replace("\n", " ")
    assert name.replace("'", "’") in PdfReader(paper).pages[0].extract_text()
    front = convert(by_hand(book, {}), book, "notebook", tiny).split("\n<!--")[0]
    assert f"<p><strong>{html.escape(name, quote=False)} · id" in commonmark(front)


def test_what_is_for_the_page_alone_is_not_in_the_paper(tiny: Path) -> None:
    div = '::: {.content-visible when-format="html"}'
    text = f"# At a glance {{.unnumbered}}\n\n{div}\n\nOn a screen.\n\n:::\n\nAnywhere.\n"
    (tiny / "index.qmd").write_text(text)
    (tiny / "_quarto.yml.local").write_text("book: {appendices: []}")
    book = read_book(tiny)
    formats = ("html", "typst")
    page, paper = (convert(by_hand(book, {}), book, format, tiny) for format in formats)
    assert "On a screen" in page and "Anywhere" in page
    assert "On a screen" not in paper and "Anywhere" in paper


def commonmark(text: str) -> str:
    """Write Markdown as a viewer shows it."""
    import pypandoc

    return str(pypandoc.convert_text(text, "html", "commonmark"))
