"""The documents: what the chapters say, numbered and referred to alike in HTML and PDF."""

import html
import re
from pathlib import Path
from typing import Any

import pytest
from nbformat.v4 import new_output
from pypdf import PdfReader
from support.tiny_book import cell, write_chapter

from mmn13lib.foundation.errors import UserError
from mmn13lib.rendering.book import Book, read_book
from mmn13lib.rendering.config import is_web_address
from mmn13lib.rendering.document import MADE_BY, assemble, build, convert
from mmn13lib.rendering.execution import Executed

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
BETA = "# Beta {#sec-beta}\n\nBack to @fig-wave.[^1]\n\n[^1]: Second note.\n" + cell(
    "fig-late", "late()", "fig-cap: Late", "fig-alt: A square"
)


def by_hand(book: Book, outputs: dict[str, list[Any]]) -> list[Executed]:
    return [
        Executed(chapter, tuple(outputs.get(cell.label, []) for cell in chapter.cells))
        for chapter in book.chapters
    ]


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> tuple[str, str]:
    """Build the documents once: HTML without tags, and the PDF's text."""
    from support.tiny_book import write_book

    root = write_book(tmp_path_factory.mktemp("made") / "book")
    write_chapter(root, "q1-alpha", ALPHA)
    write_chapter(root, "q2-beta", BETA)
    book = read_book(root)
    folder = root / "build"
    folder.mkdir()
    page, paper = build(by_hand(book, OUTPUTS), book, folder)
    text = " ".join(page.extract_text() for page in PdfReader(paper).pages)
    return page.read_text("utf-8"), " ".join(text.split())


def plain(page: str) -> str:
    body = page.split("<body>")[1].split("<script>")[0]
    return " ".join(html.unescape(re.sub(r"<[^>]+>", " ", body)).split())


SAYS = [
    "Figure 1.1: A wave, see here.",
    "Table 1.1: A pipe table",
    "Table 1.2: Numbers",
    "Figure 2.1: Late",
    "Answer of",
    "1.1 Part",
    "A Extra",
    "As Knuth (1968) says.",
    "First note.",
    "Second note.",
    "fenced",
    "123456782",
]


def test_the_page_names_its_engine(made: tuple[str, str]) -> None:
    assert MADE_BY in plain(made[0])


@pytest.mark.parametrize("sentence", SAYS)
def test_both_documents_say_the_same(made: tuple[str, str], sentence: str) -> None:
    page, paper = made
    for text in (plain(page), paper):
        spaced = re.sub(r"\s+([.,\]])", r"\1", text.replace("\u00a0", " "))
        assert sentence in re.sub(r"(\() | (\))", r"\1\2", spaced)


def test_references_read_as_numbers_in_both(made: tuple[str, str]) -> None:
    page, paper = made
    expected = (
        "See Figure 1.1, Table 1.2, Table 1.1, Equation 1.1, Equation 1.2, Section 1.1, "
        "Appendix A, Figure 2.1."
    )
    spaced = re.sub(r"\s+([.,])", r"\1", plain(page).replace("\u00a0", " "))
    assert expected in spaced
    assert expected in paper.replace("\u00a0", " ")
    for text in (spaced, paper):
        assert not re.search(r"@(fig|tbl|eq|sec)-|\?\?|\{#", text)


def test_every_link_in_the_page_has_its_target_once(made: tuple[str, str]) -> None:
    page, _ = made
    ids = re.findall(r'\bid="([^"]+)"', page)
    assert len(ids) == len(set(ids))
    assert set(re.findall(r'href="#([^"]+)"', page)) <= set(ids)


def test_the_page_needs_no_other_file_and_no_network(made: tuple[str, str]) -> None:
    page, _ = made
    assert page.count('src="data:image/svg+xml;base64,') == 2
    assert not re.search(r'src="(?!data:)|<link|@import|url\((?!data:)', page)
    assert "<math" in page


def test_code_is_folded_open_or_hidden_as_its_cell_says(made: tuple[str, str]) -> None:
    page, paper = made
    folded = r"<summary>Look inside</summary>(?:(?!</details>).)*folded.*?</details>"
    assert re.search(folded, page, re.DOTALL)
    before_open = page.split("# open")[0]
    assert before_open.count("<details") == before_open.count("</details>")
    assert "hidden" not in plain(page) and "a warning" not in plain(page)
    assert "# folded" not in paper and "# open" not in paper


def test_figures_have_their_alternative_text(made: tuple[str, str]) -> None:
    page, _ = made
    assert 'alt="An &quot;arc&quot;"' in page and 'alt="A square"' in page


def test_figures_and_formulas_of_the_paper_have_it_too(tiny: Path) -> None:
    write_chapter(tiny, "q1-alpha", ALPHA)
    write_chapter(tiny, "q2-beta", BETA)
    book = read_book(tiny)
    paper = convert(by_hand(book, OUTPUTS), book, "typst", tiny)
    assert r'alt: "An \"arc\""' in paper and 'alt: "A square"' in paper
    assert r'alt: " \\frac{a}{b} = \\sum_i c_i ", numbering: _ => "(1.1)"' in paper
    assert '#math.equation(block: false, alt: "x", $x$);' in paper


def test_the_title_block_has_author_id_and_video(made: tuple[str, str]) -> None:
    page, paper = made
    assert "<bdi>דנה כהן</bdi>" in page
    assert 'href="https://example.org/a_b_c"' in page
    assert "https://example.org/a_b_c" in paper


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("See @fig-nowhere.", r"q1-alpha\.qmd: nothing is labelled fig-nowhere"),
        ("As @nobody says.", "no entry nobody"),
        ("$$ 1 $$ {#eq-a}\n\n$$ 2 $$ {#eq-a}", "eq-a is defined twice"),
    ],
)
def test_what_leads_nowhere_is_an_error(tiny: Path, text: str, said: str) -> None:
    write_chapter(tiny, "q1-alpha", f"# Alpha {{#sec-alpha}}\n\n{text}")
    book = read_book(tiny)
    (tiny / "build").mkdir()
    with pytest.raises(UserError, match=said):
        build(by_hand(book, {}), book, tiny / "build")


def test_an_output_that_the_paper_cannot_show_is_an_error(tiny: Path) -> None:
    book = read_book(tiny)
    table = new_output("execute_result", {"text/html": "<table>", "text/plain": "table"})
    chapter = by_hand(book, {"q2-beta": [table]})[2]
    with pytest.raises(UserError, match=r"q2-beta\.qmd, line \d+: the cell q2-beta shows HTML"):
        assemble(chapter, book, "html", tiny)


def test_a_fence_in_an_output_does_not_end_its_block(tiny: Path) -> None:
    book = read_book(tiny)
    text = "a\n```\nb\n````\nc"
    chapter = by_hand(book, {"q2-beta": [new_output("stream", text=text)]})[2]
    assert f"`````{{.output}}\n{text}\n`````" in assemble(chapter, book, "html", tiny)


def test_what_looks_like_a_cell_in_an_output_stays_as_it_is(tiny: Path) -> None:
    book = read_book(tiny)
    text = "```{python}\n1\n```"
    chapter = by_hand(book, {"q2-beta": [new_output("stream", text=text)]})[2]
    assert f"````{{.output}}\n{text}\n````" in assemble(chapter, book, "html", tiny)


@pytest.fixture(scope="module")
def notebook(tmp_path_factory: pytest.TempPathFactory) -> str:
    """Write the text of a notebook, with the filter's marks."""
    from support.tiny_book import write_book

    root = write_book(tmp_path_factory.mktemp("notebook") / "book")
    write_chapter(root, "q1-alpha", ALPHA)
    write_chapter(root, "q2-beta", BETA)
    book = read_book(root)
    (root / "build").mkdir()
    return convert(by_hand(book, OUTPUTS), book, "notebook", root / "build")


@pytest.mark.parametrize(
    "text",
    [
        "# A tiny book",
        "**דנה כהן · id 123456782**",
        "**Video:** <https://example.org/a_b_c>",
        "<!-- mmn13 chapter report/q1-alpha.qmd -->\n\n# 1 Alpha",
        "See Figure 1.1, Table 1.2, Table 1.1, Equation 1.1, Equation 1.2, Section 1.1, "
        "Appendix A, "
        "Figure 2.1. As Knuth (1968) says.",
        "$$ \\frac{a}{b} = \\sum_i c_i \\tag{1.1} $$",
        "## 1.1 Part",
        "> **Answer of $x$**\n>\n> It is **42**.",
        "z = 3  # hidden",
        "<!-- mmn13 text -->\n\n**Figure 1.1:** A wave, see here.",
        "<!-- mmn13 output 0 -->\n\n| n   | m   |\n|-----|-----|\n| 1   | 2   |\n\n"
        "<!-- mmn13 text -->\n\n**Table 1.2:** Numbers",
        "<!-- mmn13 output 0 -->\n\n$$ e^x \\tag{1.2} $$",
        "**Figure 2.1:** Late",
        "# References\n\n- Knuth, Donald. 1968. *A Book*.",
    ],
)
def test_a_notebook_says_what_the_documents_say(notebook: str, text: str) -> None:
    assert text in notebook


def test_a_notebooks_code_and_output_say_the_same_numbers(notebook: str) -> None:
    code = r'Markdown(rf"$$ {x} \tag{{1.3}} $$ and Figure 1.1, (Knuth 1968) @decorated")'
    quoted, called = notebook.split("<!-- mmn13 cell q1-called -->")
    assert quoted.endswith("> **Note**\n>\n> Before.\n\n")
    assert called.startswith(
        f"\n\n``` source\n{code}\n```\n\n<!-- mmn13 output 0 -->\n\n"
        "$$ x \\tag{1.3} $$ and Figure 1.1\n\n<!-- mmn13 text -->\n\n> After.\n"
    )


def test_nothing_of_quarto_is_left_in_a_notebook(notebook: str) -> None:
    assert not re.search(r"@(fig|tbl|eq|sec)-|\{#|:::|#\||<div|<span|\[\^", notebook)


@pytest.mark.parametrize(
    "name", ["<script>alert(1)</script>", "@dana", "`#panic()`{=typst}", "*a* $b$ [c](d)"]
)
def test_a_name_is_text_in_every_format(tiny: Path, name: str) -> None:
    config = (tiny / "_quarto.yml").read_text("utf-8")
    (tiny / "_quarto.yml").write_text(config.replace("author: דנה כהן", f"author: '{name}'"))
    (tiny / "index.qmd").write_text("# At a glance {.unnumbered}\n")
    book = read_book(tiny)
    (tiny / "build").mkdir()
    page, paper = build(by_hand(book, {}), book, tiny / "build")
    assert name in plain(page.read_text("utf-8"))
    assert name.replace("'", "’") in PdfReader(paper).pages[0].extract_text()
    front = convert(by_hand(book, {}), book, "notebook", tiny / "build").split("\n<!--")[0]
    assert f"<p><strong>{html.escape(name, quote=False)} · id" in commonmark(front)


def commonmark(text: str) -> str:
    """Write Markdown as a viewer shows it."""
    import pypandoc

    return str(pypandoc.convert_text(text, "html", "commonmark"))


def test_a_link_that_is_no_web_address_is_refused(tiny: Path) -> None:
    config = (tiny / "_quarto.yml").read_text("utf-8")
    (tiny / "_quarto.yml").write_text(
        config.replace("https://example.org/a_b_c", "javascript:alert(1)")
    )
    book = read_book(tiny)
    with pytest.raises(UserError, match="no http"):
        convert(by_hand(book, {}), book, "html", tiny)


@pytest.mark.parametrize(
    "address", ["", "zoom.us/rec", "ftp://zoom.us", "https://", "https:// zoom.us", "http://[", "file:///x",
                "https://…", "https://x", "https://zoom.us:abc/"]
)  # fmt: skip
def test_what_a_browser_cannot_open_is_no_web_address(address: str) -> None:
    assert not is_web_address(address)
