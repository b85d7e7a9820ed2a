"""Whatever it is given, the command ends with a sentence and exit code 1, never a traceback.

A row of `ATTACKS` is what is given, the command, and how its sentence begins. What is given is a
function that spoils a tiny book, whose folder is then the working folder; it may return variables
for the environment.
"""

import re
from collections.abc import Callable
from pathlib import Path

import pytest
from support.tiny_book import cell, write_book, write_chapter

from mmn13lib import cli

Attack = Callable[[Path], dict[str, str] | None]


def local(text: str) -> Attack:
    """Put this into `_quarto.yml.local`."""
    return lambda root: (root / "_quarto.yml.local").write_text(text, "utf-8") and None


def chapter(content: bytes) -> Attack:
    """Make this the first chapter."""
    return lambda root: (root / "report/q1-alpha.qmd").write_bytes(content) and None


def included(content: bytes) -> Attack:
    """Include a file with this content in the first chapter."""

    def spoil(root: Path) -> None:
        write_chapter(root, "q1-alpha", "# Alpha\n\n{{< include part.md >}}\n")
        (root / "report/part.md").write_bytes(content)

    return spoil


def option(text: str) -> Attack:
    """Give a cell of the first chapter this option."""
    return lambda root: write_chapter(root, "q1-alpha", "# A" + cell("q1-a", "1", text)) and None


HEBREW = "שלום"
LOCAL = r"_quarto\.yml\.local"
ATTACKS = {
    # the configuration
    "an integer as a key": (local("1: one"), ["status"], rf"{LOCAL}: the key 1 under the top"),
    "an integer as an inner key": (
        local("student: {7: x}"), ["status"], rf"{LOCAL}: the key 7 under student",
    ),
    "a boolean as a key": (local("on: one"), ["status"], rf"{LOCAL}: the key True"),
    "nothing as a key": (local("~: one"), ["status"], rf"{LOCAL}: the key None"),
    "a list as a key": (local("? [a]\n: one"), ["status"], rf"{LOCAL} is no valid YAML"),
    "a mapping in itself": (
        local("student: &a {me: *a}"), ["status"], rf"{LOCAL}: student\.me contains itself",
    ),
    "a list in itself": (local("x: &a [*a]"), ["status"], rf"{LOCAL}: x contains itself"),
    "half a character": (local('x: "\\ud800"'), ["status"], rf"{LOCAL}: x holds half"),
    "a tag for objects": (
        local("x: !!python/object:os.system {}"), ["status"], rf"{LOCAL} is no valid YAML",
    ),
    "a thousand brackets": (local("x: " + "[" * 2000), ["status"], rf"{LOCAL} is no valid YAML"),
    "a control character": (local("x: \x07"), ["status"], rf"{LOCAL} is no valid YAML"),
    "a list instead of settings": (local("- x"), ["status"], rf"{LOCAL} should hold"),
    "text instead of settings": (local("x"), ["status"], rf"{LOCAL} should hold"),
    "an unclosed list": (local("x: ["), ["status"], rf"{LOCAL} is no valid YAML"),
    "the bibliography as a list": (
        local("bibliography: [a.bib]"), ["status"], rf"{LOCAL}: bibliography should be the name",
    ),
    "no bibliography there": (
        local("bibliography: gone.bib"), ["status"], r"_quarto\.yml names gone\.bib: there is no",
    ),
    "the style sheet as a list": (
        local("format: {html: {css: [a.css]}}"), ["status"], rf"{LOCAL}: format\.html\.css should",
    ),
    "no style sheet there": (
        local("format: {html: {css: gone.css}}"), ["status"], r"_quarto\.yml names gone\.css",
    ),
    "a template that is not there": (
        local("format: {typst: {template-partials: [gone.typ]}}"),
        ["status"], r"_quarto\.yml names gone\.typ",
    ),
    "execute as text": (local("execute: fast"), ["status"], rf"{LOCAL}: execute should be"),
    "format as text": (local("format: html"), ["status"], rf"{LOCAL}: format should be"),
    "html as text": (local("format: {html: x}"), ["status"], rf"{LOCAL}: format\.html should"),
    "book as a list": (local("book: [x]"), ["status"], rf"{LOCAL}: book should be"),
    "student as text": (local("student: me"), ["status"], rf"{LOCAL}: student should be"),
    "a figure's width as text": (
        local("fig-width: wide"), ["status"], rf"{LOCAL}: fig-width should be a number",
    ),
    "chapters as a number": (
        local("book: {chapters: 3}"), ["status"], rf"{LOCAL}: book\.chapters should be a list",
    ),
    "a chapter as a number": (
        local("book: {chapters: [3]}"), ["status"], r"_quarto\.yml lists the chapter 3: no such",
    ),
    "a chapter elsewhere": (
        local("book: {chapters: [/etc/hostname]}"),
        ["status"], r"_quarto\.yml lists the chapter /etc/hostname: it must lie in the project",
    ),
    "a chapter above": (
        local("book: {chapters: [../x.qmd]}"), ["status"], r"_quarto\.yml lists the chapter \S+x",
    ),
    "a folder as a chapter": (
        local("book: {chapters: [report]}"), ["status"], r"_quarto\.yml lists the chapter report",
    ),
    # chapters
    "latin-1": (chapter("# Café\n".encode("latin-1")), ["status"], r"q1-alpha\.qmd, line 1: this"),
    "cp1255": (
        chapter(f"# A\n\n{HEBREW}\n".encode("cp1255")), ["status"], r"q1-alpha\.qmd, line 3: this",
    ),
    "UTF-16": (chapter("# A\n".encode("utf-16")), ["status"], r"q1-alpha\.qmd, line 1: this is"),
    "a picture": (chapter(b"\x89PNG\r\n\x1a\n\x00"), ["status"], r"q1-alpha\.qmd, line 1: this is"),
    "a surrogate's bytes": (
        chapter(b"# A\n\n\xed\xa0\x80\n"), ["status"], r"q1-alpha\.qmd, line 3: this is no UTF-8",
    ),
    "latin-1 included": (
        included("é".encode("latin-1")), ["status"], r"part\.md, line 1: this is no UTF-8",
    ),
    "a file that includes itself": (
        included(b"{{< include part.md >}}\n"), ["status"], r"part\.md, line 1: part\.md would be",
    ),
    "two files that include each other": (
        included(b"{{< include q1-alpha.qmd >}}\n"), ["status"], r"part\.md, line 1: q1-alpha\.qmd",
    ),
    "half a character in an option": (
        option('code-summary: "\\ud800"'), ["status"], r"q1-alpha\.qmd, line \d+: code-summary",
    ),
    "an option that is a date": (
        option("2026-01-01: x"), ["status"], r"q1-alpha\.qmd, line \d+: the cell option 2026",
    ),
    "an option that no day is": (
        option("echo: 2026-99-99"), ["status"], r"q1-alpha\.qmd, line \d+: the cell's options",
    ),
    "no cell of Python": (
        lambda root: write_chapter(root, "q1-alpha", "# A" + cell("q1-a", "1 +")) and None,
        ["status"], r"q1-alpha\.qmd, line \d+: q1-a is no valid Python",
    ),
}  # fmt: skip


@pytest.mark.parametrize(("given", "arguments", "sentence"), ATTACKS.values(), ids=ATTACKS)
def test_what_is_wrong_is_said_in_a_sentence(
    given: Attack,
    arguments: list[str],
    sentence: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    root = write_book(tmp_path / "book")
    monkeypatch.chdir(root)
    for name in ("MMN13_DATA", "MMN13_WEIGHTS", "MMN13_DEBUG"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("MMN13_OFFLINE", "1")
    for name, value in (given(root) or {}).items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr("sys.argv", ["mmn13", *arguments])
    with pytest.raises(SystemExit) as ended:
        cli.main()
    said = capsys.readouterr().err
    assert ended.value.code == 1
    assert re.match(f"mmn13: {sentence}", said), said
    assert "Traceback" not in said
