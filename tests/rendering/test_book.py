"""Reading the book: what is known is read, what is not known is an error with its place."""

from pathlib import Path

import pytest
from support.tiny_book import cell, write_chapter

from mmn13lib.foundation.errors import UserError
from mmn13lib.rendering.book import Cell, read_book


def test_a_chapter_is_markdown_and_cells_with_their_options_and_lines(tiny: Path) -> None:
    text = "# Alpha\n\nText." + cell("q1-a", "1 + 1", "echo: false", "code-summary: Why?")
    path = write_chapter(tiny, "q1-alpha", text)
    chapter = read_book(tiny).chapters[1]
    digest, shown = chapter.cells
    assert digest.holds_digest
    assert shown.options == {"label": "q1-a", "echo": False, "code-summary": "Why?"}
    assert shown.code == "1 + 1"
    assert path.read_text().splitlines()[shown.line - 1] == "```{python}"
    prose = "".join(part for part in chapter.parts if not isinstance(part, Cell))
    assert "# Alpha" in prose and "Text." in prose and "include" not in prose


def test_the_local_file_is_merged(tiny: Path) -> None:
    (tiny / "_quarto.yml.local").write_text(
        "book: {author: אבי לוי}\nstudent: {id: '000000018'}", "utf-8"
    )
    book = read_book(tiny)
    assert book.authors == ["אבי לוי"]
    assert book.option("student.id") == "000000018"
    assert book.option("student.video") == "https://example.org/a_b_c"
    assert book.option("book.title") == "A tiny book"


def test_code_blocks_are_not_looked_into(tiny: Path) -> None:
    block = "````\n```{r}\n{{< video x >}}\n```\n````"
    write_chapter(tiny, "q1-alpha", f"# Alpha\n\n{block}\n\n```python\nx = 1\n```")
    assert block in "".join(map(str, read_book(tiny).chapters[1].parts))


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("{{< video https://example.org >}}", "shortcode"),
        (cell("q1-x", "1", "output: asis"), "option output"),
        ("```{r}\n1\n```", "```{python}"),
        ("```{python}\n1\n```", "label"),
        (cell("q1-x", "1", "fig-width: 3"), "fig-width"),
        (cell("fig-x", "1"), "fig-cap"),
        (cell("q1-x", "1", "tbl-cap: A table"), "tbl-"),
        (cell("fig-x", "1", "fig-cap: A figure"), "fig-alt"),
        ('::: {.callout-caution title="No"}\n:::', "caution"),
        ("::: {#fig-many}\n:::", "fig-many"),
        ("The value is `{python} x`.", "inline"),
        ("```python\nx = 1", "never closed"),
        (cell("appendix-one", "1"), "taken"),
    ],
)
def test_an_unknown_feature_is_an_error_with_file_and_line(
    tiny: Path, text: str, said: str
) -> None:
    write_chapter(tiny, "q1-alpha", f"# Alpha\n\nText.\n\n{text}")
    with pytest.raises(UserError, match=r"(q1-alpha|appendix)\.qmd, line \d+: ") as error:
        read_book(tiny)
    assert said in str(error.value)


def test_front_matter_and_a_missing_digest_are_errors(tiny: Path) -> None:
    path = write_chapter(tiny, "q1-alpha", "# Alpha\n\nText.")
    path.write_text("---\ntitle: Alpha\n---\n")
    with pytest.raises(UserError, match="front matter"):
        read_book(tiny)
    path.write_text("# Alpha" + cell("q1-a", "1"))
    with pytest.raises(UserError, match=r"_dependencies/q1-alpha\.md"):
        read_book(tiny)


def test_a_listed_chapter_that_is_missing_is_an_error(tiny: Path) -> None:
    (tiny / "report/q2-beta.qmd").unlink()
    with pytest.raises(UserError, match="q2-beta"):
        read_book(tiny)
