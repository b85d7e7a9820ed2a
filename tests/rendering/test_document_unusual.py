"""What other projects' bug reports predicted: shown as it was meant, or refused with its place.

Each row is a chapter below its title, which is lines 1 to 4 of its file, and the outputs of its
cell; then what the page and the paper say, or the sentence that refuses it.
"""

import base64
import io
import re
from collections.abc import Mapping
from html import unescape
from itertools import combinations
from pathlib import Path
from typing import Any

import pytest
from nbformat.v4 import new_output
from PIL import Image
from pypdf import PageObject, PdfReader
from support.tiny_book import by_hand, cell, write_book, write_chapter

from mmn13lib.foundation.errors import UserError
from mmn13lib.rendering.book import read_book
from mmn13lib.rendering.document import build, convert


def picture(kind: str, size: tuple[int, int] = (40, 20)) -> bytes:
    file = io.BytesIO()
    Image.new("RGB", size, "red").save(file, kind)
    return file.getvalue()


def prints(text: str) -> list[Any]:
    return [new_output("stream", text=text)]


def displays(kind: str, content: str | bytes) -> list[Any]:
    text = base64.b64encode(content).decode() if isinstance(content, bytes) else content
    return [new_output("display_data", {kind: text, "text/plain": "<object>"})]


def make(root: Path, text: str, outputs: Mapping[str, list[Any]], format: str) -> str:
    """Make a book with this chapter; return what can be read of it."""
    write_chapter(root, "q1-alpha", f"# Alpha {{#sec-alpha}}\n\n{text}")
    book = read_book(root)
    file = build(by_hand(book, outputs), book, format, root)
    if format == "html":
        page = file.read_text("utf-8").split("<main>")[1].split("</main>")[0]
        shown = unescape(re.sub(r"<annotation.*?</annotation>|<[^>]+>", " ", page))
    else:
        shown = " ".join(page.extract_text() for page in PdfReader(file).pages)
    return " ".join(shown.replace("\u00a0", " ").split())


LABEL = re.compile("label: (.*)")
PLAIN = cell("q1-a", "x")
FIGURE = cell("fig-a", "x", "fig-cap: A", "fig-alt: 'a \\'")
HTML = "Before.\n\n```{=html}\n<b>b</b><script>if (1 < 2 && '</div>') { x = `é` }</script>\n```\n"
ROWS = "\n".join(["|a|b|", "|--|--|", *(f"|row {n}|x|" for n in range(120)), "", ": T {#tbl-x}"])
WORD, WORDS = "x" * 300, "Words. " * 2000
PICTURES = 3 * displays("image/png", picture("PNG", (800, 700)))
LARGER: dict[str, tuple[str, list[Any]]] = {
    "a table of 120 rows": (ROWS, []),
    "a table of 25 columns": (f"{'|column' * 25}|\n{'|--' * 25}|\n{'|12.345' * 25}|", []),
    "a long callout": (f"::: {{.callout-tip}}\n{WORDS}\n:::", []),
    "a long word": (f"{WORD} `{WORD}` [^1]\n\n## {WORD}\n\n- {WORD}\n\n[^1]: {WORD}", []),
    "a long word in a table": (f"|a|b|\n|--|--|\n|{WORD}|`{WORD}`|\n\n: {WORD} {{#tbl-x}}", []),
    "a long line of code": (f"```python\nx = '{WORD}'\n```\n{PLAIN}", prints(WORD)),
    "a figure of 200 lines": (FIGURE, prints("\n".join(f"line {n}" for n in range(200)))),
    "a figure of three pictures": (FIGURE, PICTURES),
    "a long caption": (FIGURE.replace("cap: A", f"cap: {WORDS}"), PICTURES[:1]),
    "a wide formula": (f"$$ {'x + ' * 200} x $$ {{#eq-x}}", []),
    "a high formula": (r"$$ \begin{bmatrix} " + r"x \\ " * 120 + r"\end{bmatrix} $$", []),
}  # fmt: skip
SHOWN: dict[str, tuple[str, list[Any], str]] = {
    # Markdown keeps what only looks like Markdown
    "a set in code": ("`[^0-9]+`[^a]\n\n[^a]: Note a.", [], r"\[\^0-9\]\+"),
    "an index in maths": ("$x[^b]$[^b]\n\n[^b]: Note b.", [], r"[x𝑥] ?\[ ?[b𝑏] ?\]"),
    "a note in a listing": ("```python\n[^c]\n```\n\n[^c]\n\n[^c]: Note c.", [], r"\[ ?\^ ?c ?\]"),
    # forms of Quarto's
    "a capital, a bare number": ("A: @Sec-alpha, [-@sec-alpha].", [], "A: Chapter 1 ?, 1"),
    "a chapter by its file": ("[by](q2-beta.qmd), [it](../index.qmd#at-a-glance)", [], "by ?, it"),
    "a heading in a callout": ("::: {.callout-tip}\n## Why\n\nSo it is.\n:::", [], "Why So it is"),
    "two titles": ("## Beta\n\n## Beta\n\n[x](#sec-beta)", [], "1.2 Beta"),
    "an open fold": (cell("q1-a", "x", "code-fold: show"), prints("said"), "said"),
    "a JPEG": (cell("q1-b", "x", "fig-alt: a"), displays("image/jpeg", picture("JPEG")), ""),
    "a GIF": (cell("q1-c", "x", "fig-alt: a"), displays("image/gif", picture("GIF")), ""),
    # text
    "a form feed": (cell("q1-d", "x"), prints("a\x0cb"), "ab"),
    "a terminal's colours": (cell("q1-e", "x"), prints("\x1b[1;31mred\x1b[0m ink"), "red ink"),
    "links": (cell("q1-f", "x"), prints("\x1b]8;;x\x1b\\a link\x1b]8;;\x07"), "a link"),
    "backslashes": (
        cell("fig-b", "x", "fig-cap: 'Cap\\'", "fig-alt: 'Alt\\'"),
        displays("image/png", picture("PNG")), "Figure 1.1: Cap",
    ),
    "a progress bar": (cell("q1-g", "x"), prints("\r 10%\r100%\nA\rB\x1b(B\n"), "100% B"),
    "code in a list": ("> ```\n> [^q]\n> ```\n\n- ```\n  {{< x >}}\n  ```", [], "{< x"),
    "a table of 120 rows": (ROWS, [], "row 119"),
    # files
    "beside the chapter": ("![Here](here.png)", [], "Here"),
    "from the project": ("![There](/a%20b.png) ![](<../a b.png>){fig-alt=x}", [], ""),
}  # fmt: skip


@pytest.fixture(scope="module")
def shown(tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    """Make one book of all that is shown: the page's words, and the paper's."""
    root = write_book(tmp_path_factory.mktemp("shown") / "book")
    for name in ("report/here.png", "a b.png"):
        (root / name).write_bytes(picture("PNG"))
    labelled = {found[1]: row[1] for row in SHOWN.values() if (found := LABEL.search(row[0]))}
    text = "\n\n".join(text for text, _, _ in SHOWN.values())
    return [make(root, text, labelled, format) for format in ("html", "typst")]


@pytest.mark.parametrize("words", [words for _, _, words in SHOWN.values()], ids=SHOWN)
def test_is_shown_in_both(shown: list[str], words: str) -> None:
    for said in shown:
        assert re.search(words, said)


def test_nothing_shows_what_it_should_not(shown: list[str]) -> None:
    for said in shown:
        assert not re.search(r"<object>|\x1b|31m|q1-alpha-|@| 10%|[ \d]: Here", said)


def boxes(page: PageObject) -> set[tuple[float, float, float, float]]:
    """List where text and pictures are; a narrow letter has a third of the width of its height."""
    found: list[tuple[list[float], float, float]] = []
    page.extract_text(
        visitor_text=lambda text, at, _, __, size: found.append(
            (at, 0.35 * size * len(text.strip()), size / 2)
        ),
        visitor_operand_before=lambda does, _, at, __: found.append(
            (at, at[0] * (does == b"Do"), at[3])
        ),
    )
    return {(at[4], at[5], at[4] + wide, at[5] + high) for at, wide, high in found if wide}


@pytest.mark.parametrize(("text", "outputs"), LARGER.values(), ids=LARGER)
def test_what_is_larger_is_on_the_page(tmp_path: Path, text: str, outputs: list[Any]) -> None:
    root = write_book(tmp_path / "book")
    (root / "_quarto.yml.local").write_text("book: {author: Dana}")  # pypdf cuts Hebrew up
    make(root, text, {"q1-a": outputs, "fig-a": outputs}, "typst")
    for found in map(boxes, PdfReader(root / "tiny.pdf").pages):
        assert all(x > 0 and y > 0 and right < 596 and top < 842 for x, y, right, top in found)
        for one, other in combinations(found, 2):
            (x, y, right, top), (left, foot, end, head) = one, other
            assert right <= left or end <= x or top <= foot or head <= y


REFUSED: dict[str, tuple[str, list[Any], str]] = {
    "words in a reference's brackets": ("X [see @sec-beta, left].", [], "line 5: Quarto drops"),
    "a reference beside a citation": ("X\n[@knuth; @sec-beta].", [], "line 6: references and cit"),
    "nothing of that label": ("X\n\nY @fig-x.", [], r"line 7: nothing is labelled fig-x, .*\.$"),
    "a citation of nothing": ("X\n\nY @nobody.", [], "line 7: references.bib has no entry nobody"),
    "two of a label": ("$$ 1 $$ {#eq-a}\n\n$$ 2 $$ {#eq-a}", [], "line 5: eq-a is defined twice"),
    "a note that is not there": ("X[^2].", [], r"line 5: the chapter has no footnote \[\^2\]"),
    "a link to no chapter": ("X\n[x](q9.qmd)", [], "line 6: the link to q9.qmd leads to no"),
    "a link to a file": ("[x](../data.csv)", [], r"line 5: the link to \.\./data\.csv leads"),
    "a link to no place": ("[x](q2-beta.qmd#no)", [], "line 5: the link to q2-beta.qmd#no"),
    "a label with a dot": ("$$ x $$ {#eq-a.b}", [], r"line 5: \{#eq-a\.b\} is no label"),
    "a label with a hash": (cell("q1-a#b", "x"), [], "line 7: the label q1-a#b should"),
    "a named block": ('```{.python filename="x"}\n```', [], "line 5: ```{.python"),
    "an option of another kind": (cell("q1-a", "x", "echo: fenced"), [], "line 7: the cell option"),
    "a list of captions": (cell("fig-a", "x", "fig-cap: [a]"), [], "line 7: the cell option"),
    "a widget": (PLAIN, displays("application/x+json", "{}"), "line 7: the cell q1-a shows app"),
    "a table in HTML": (PLAIN, displays("text/html", "<i>"), "line 7: the cell q1-a shows text/h"),
    "no words for it": (PLAIN, displays("image/png", picture("PNG")), "line 7: .* no fig-alt"),
    "a div that is never closed": ("::: {.callout-tip}\nX", [], "line 5: Div .* unclosed"),
    "a div within a paragraph": ("X\n::: {.callout-tip}\nY\n:::", [], "line 6: ::: stands between"),
    "a label with blanks": ("$$ x $$ { #eq-a }", [], "line 5: #eq-a is no label"),
    "a reference in a word": ("X\n\nב@sec-beta", [], "line 7: @sec-beta needs a space"),
    "a label within a line": ("X ![a](a.png){#fig-x}", [], "line 5: an image with a label has"),
    "a second title": ("X\n\n# Beta", [], "line 7: a chapter has one title"),
    "a cell in a comment": (f"<!--{PLAIN}-->", [], "line 7: a cell can't stand in a comment"),
    "a cell in a list": ("- ```{python}\n  x\n  ```", [], "line 5: - ```{python} isn't supported"),
    "a cell in a quote": ("X\n\n> ```{python}\n> x\n> ```", [], "line 7: > ```{python} isn't"),
    "a cell that shows nothing": (FIGURE, [], "line 7: the cell fig-a has a caption, and shows"),
    "no caption": (cell("fig-a", "x", "fig-cap: ''"), [], "line 7: a cell has fig-cap if and only"),
    "HTML": ("|a|\n|--|\n|b<br>c|", [], "line 7: the PDF and the notebook lose the HTML <br>"),
    "HTML over lines": ("X\n<details>\nY\n</details>", [], "line 6: the PDF and the notebook lose"),
    "LaTeX": ("X\n\n\\newpage\n", [], "line 7: this LaTeX is no formula"),
    "settings": ("X\n\n---\ntoc: true\n---\n", [], "line 7: settings belong into"),
    "no such image": ("![a](no.png)", [], r"line 5: there is no image report/no\.png"),
    "an image of the web": ("![a](https://x.org/a.png)", [], r"line 5: the image https:\S+ should"),
    "TeX unknown to pandoc": ("X\n\n$\\argmax x$", [], r"line 7: .* write \\operatorname\{arg"),
    "TeX that is lost": ("X\n\n$$\n\\boxed{x}\n$$", [], r"line 8: PDF or page lose what \\boxed"),
    "a gap of a length": (r"X $a\hspace{1pt}b$", [], r"line 5: PDF or page lose what \\hspace"),
    "half a bracket": (r"$\left\{ x \right.$", [], "line 5: a bracket without its other half"),
    "no brackets": (r"$\begin{matrix} a \end{matrix}$", [], "line 5: the PDF spoils matrix"),
    "rules": (r"$\left(\begin{array}{c|c} a \end{array}\right)$", [], "line 5: .* spoils array"),
    "lines in the midst": (r"$x = \begin{aligned} a \\ b \end{aligned}$", [], "line 5: .* aligned"),
    "columns": (r"$\begin{aligned} a &= b & c &= d \end{aligned}$", [], "line 5: .* no gap betw"),
    "an ampersand": (r"$a \& b$", [], r"line 5: the PDF loses \\&"),
    "an empty formula": ("$$\nx\n$$\n\n$$ $$ {#eq-x}", [], "line 9: there is nothing in this"),
    "lines in lines": (r"$\begin{split}\begin{split}\end{split}\end{split}$", [], "line 5: .*spli"),
    "an empty line in one": ("$$ x $$\n\n$$\ny\n\n$$", [], "line 7: .* it has an empty line"),
    "an option twice": (cell("q1-a", "x", "echo: true", "echo: false"), [], "line 8: .*echo is t"),
    "such in a cell": (PLAIN, displays("text/markdown", "$\\argmax$"), "line 7: the cell q1-a: "),
    "one in a caption": (FIGURE.replace("cap: A", "cap: $\\argmax$"), prints("x"), "line 7: the c"),
}  # fmt: skip
REFUSED_BY_TYPST: dict[str, tuple[str, list[Any], str]] = {
    "TeX that typst does not know": (
        "X\n\n$$\n\\begin{vmatrix} a \\end{vmatrix}\n$$", [], "line 8: typst can't set .*vmatrix",
    ),
    "a sign in no font": ("X\nand ✅", [], r"line 6: the PDF's fonts have no ✅ .U.2705"),
    "a NUL": ("X\nA\0B", [], r"line 6: the PDF's fonts have no \\u\{0\} .U.0000"),
    "a NUL in a cell": (PLAIN, displays("text/markdown", "a\0"), r"line 7: the cell q1-a: .*U.000"),
    "such a sign in a cell": (PLAIN, prints("✅"), "line 7: the cell q1-a: the PDF's fonts"),
    "an image that is none": (FIGURE, displays("image/png", b"x"), "line 7: the cell fig-a: typst"),
    "an SVG of none": (FIGURE, displays("image/svg+xml", "<svg><"), "line 7: the cell fig-a: t"),
}  # fmt: skip


@pytest.mark.parametrize(
    ("format", "text", "outputs", "sentence"),
    [
        pytest.param(format, *row, id=name)
        for format, rows in (("html", REFUSED), ("typst", REFUSED_BY_TYPST))
        for name, row in rows.items()
    ],
)
def test_is_refused_with_its_place(
    tmp_path: Path, format: str, text: str, outputs: list[Any], sentence: str
) -> None:
    root = write_book(tmp_path / "book")
    with pytest.raises(UserError) as error:
        make(root, text, {"q1-a": outputs, "fig-a": outputs}, format)
    said = str(error.value)
    assert re.match(rf"q1-alpha\.qmd, {sentence}", said, re.DOTALL), said
    assert "traceback" not in said


@pytest.mark.parametrize(
    "name", ["Dana's thesis", "com~apple~CloudDocs", "C#", "My%20Project", "תזה", "$x$", "-x?a=1"]
)
def test_the_project_may_lie_in_any_folder(
    tmp_path: Path, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LC_ALL", "C")
    root = write_book(tmp_path / name)
    (root / "report/f.woff").write_bytes(b"font")
    (root / "report/a.css").write_text("@font-face { src: url(f.woff) }")
    (root / "a.png").write_bytes(picture("PNG"))
    (root / "_quarto.yml.local").write_text("format: {html: {css: report/a.css}}")
    text = "[@knuth] ![Image](/a.png)"
    page, paper = (make(root, text, {}, format) for format in ("html", "typst"))
    assert "(Knuth 1968)" in paper and "Knuth, Donald. 1968" in page and "דנה כהן" in page
    assert "url(data:" in (root / "tiny.html").read_text("utf-8")
    assert [path.name for path in tmp_path.iterdir()] == [name]


AUTHORS = {
    "[Dana, Zoe]": "Dana, Zoe",
    "{name: Dana}": "_quarto.yml: book.author should be a name",
    "[[Dana]]": "_quarto.yml: book.author should be a name",
    "አማርኛ": "_quarto.yml: the PDF's fonts have no አ",
}


@pytest.mark.parametrize(("author", "words"), AUTHORS.items(), ids=AUTHORS)
def test_authors_are_names(tiny: Path, author: str, words: str) -> None:
    (tiny / "_quarto.yml.local").write_text(f"book: {{author: {author}}}", "utf-8")
    try:
        assert words in make(tiny, "", {}, "typst")
    except UserError as error:
        assert str(error).startswith(words)


@pytest.mark.parametrize(
    ("title", "words"),
    [("The $x^2$ book", "book"), ("C# & 1 < 2", "C# & 1 < 2"), ("q_x` #b", "q_x` #b")],
)
def test_a_title_may_hold_anything(tiny: Path, title: str, words: str) -> None:
    (tiny / "_quarto.yml.local").write_text(f"book: {{title: '{title}'}}")
    for format in ("html", "typst"):
        assert words in make(tiny, "", {}, format)


def test_cells_keep_every_letter_of_their_text(tiny: Path) -> None:
    code = 's = "a\x0cb\u2028c\x85d\x1ce"'
    path = write_chapter(tiny, "q1-alpha", "# Alpha\n\nText.\u2028More.\x0c" + cell("q1-a", code))
    path.write_text("\ufeff" + path.read_text("utf-8"), "utf-8")
    chapter = read_book(tiny).chapters[1]
    assert chapter.cells[1].code == code
    assert chapter.parts[0] == "# Alpha\n" and "Text.\u2028More.\x0c\n" in chapter.parts


def test_html_to_play_with_reaches_the_page_alone(tiny: Path) -> None:
    write_chapter(tiny, "q1-alpha", "# Alpha {#sec-alpha}" + PLAIN)
    book = read_book(tiny)
    outputs: Mapping[str, list[Any]] = {"q1-a": displays("text/markdown", HTML)}
    page, paper, notebook = (
        convert(by_hand(book, outputs), book, format, tiny)
        for format in ("html", "typst", "notebook")
    )
    assert "<b>b</b><script>if (1 < 2 && '</div>') { x = `é` }</script>" in page
    assert "script" not in paper and "script" not in notebook
