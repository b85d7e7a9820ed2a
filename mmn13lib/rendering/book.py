"""Reads the book: `_quarto.yml`, and each chapter as Markdown and code cells.

A Quarto feature that it doesn't know is an error with file and line, never a wrong page.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, NoReturn

from mmn13lib.foundation.errors import UserError
from mmn13lib.rendering.config import look_up, parse, read_config

YES_NO, TEXT = (bool,), (str, int, float)
CELL_OPTIONS: dict[str, tuple[Any, ...]] = {
    **dict.fromkeys(("echo", "include", "warning"), YES_NO),
    "code-fold": (*YES_NO, "show"),
    **dict.fromkeys(("label", "code-summary", "fig-cap", "fig-alt", "tbl-cap"), TEXT),
}
CALLOUTS = ("note", "tip", "important", "warning")
DIGEST_FOLDER = "_dependencies"
DIGEST_CELL = """\
#| label: dependencies
#| include: false
# what this chapter depends on"""

_OPTIONS = re.compile(r"\A(#\|.*\n?)+")
_FENCE = re.compile(r"^((?:[ \t>]|[-*+][ \t]|\d+[.)][ \t])*)(`{3,}|~{3,})[ \t]*([^`]*?)[ \t]*$")
_BLOCK = re.compile(r"[\w+#.-]*|\{( *\.[\w-]+)+ *\}|\{=(html|typst)\}")
_LABEL = re.compile(r"[A-Za-z0-9]+([-_][A-Za-z0-9]+)*")  # what a reference can name
_SHORTCODE = re.compile(r"\{\{<.*?>\}\}")
_DIGEST = re.compile(rf"\s*\{{\{{<\s*include\s+(\S*{DIGEST_FOLDER}/\S+)\s*>\}}\}}\s*")
_DIV = re.compile(r"^\s*:{3,}\s*(\{.*\}|[\w-]+)\s*:*\s*$")
_KNOWN_DIV = re.compile(
    rf'\{{#refs\}}|\{{\.callout-({"|".join(CALLOUTS)})(\s+title="[^"]*")?\s*\}}'
    r'|\{\.content-visible when-format="html"\}'
)


@dataclass(frozen=True)
class Cell:
    """A code cell: its lines as written, its options, and the place of its fence."""

    source: str
    options: dict[str, Any]
    file: Path
    line: int

    @property
    def label(self) -> str:
        """The cell's name, which every cell has."""
        return str(self.options["label"])

    @property
    def holds_digest(self) -> bool:
        """Whether this is the hidden cell that holds the digest of the dependencies."""
        return self.file.parent.name == DIGEST_FOLDER

    @property
    def code(self) -> str:
        """The source without its option lines."""
        return _OPTIONS.sub("", self.source).strip("\n")


@dataclass(frozen=True)
class Chapter:
    """A chapter: lines of Markdown and cells, in order."""

    path: Path
    parts: tuple[str | Cell, ...]
    appendix: bool = False

    @property
    def name(self) -> str:
        """The file's name without its ending, as ``q1-convolution``."""
        return self.path.stem

    @property
    def short_name(self) -> str:
        """The name up to its first hyphen, as ``q1``."""
        return self.name.split("-")[0]

    @property
    def cells(self) -> list[Cell]:
        """The code cells, the hidden one for the digest among them."""
        return [part for part in self.parts if isinstance(part, Cell)]


@dataclass(frozen=True)
class Book:
    """The report: its configuration as a whole, and its chapters."""

    root: Path
    config: dict[str, Any]
    chapters: tuple[Chapter, ...] = ()

    def option(self, name: str, default: Any = "") -> Any:
        """Look up a dotted name."""
        value = look_up(self.config, name)
        return default if value is None else value

    @property
    def authors(self) -> list[str]:
        """The names: the configuration gives one or a list."""
        given = self.option("book.author")
        authors = given if isinstance(given, list) else [given]
        if not all(isinstance(author, str) for author in authors):
            raise UserError(f"_quarto.yml: book.author should be a name in quotes, not {given!r}.")
        return authors


def read_book(root: Path) -> Book:
    """Read the configuration and every chapter; `UserError` for what is missing or not known."""
    book = Book(root, read_config(root))
    templates = book.option("format.typst.template-partials", [])
    for name in (book.option("bibliography"), book.option("format.html.css"), *templates):
        if name and not (root / str(name)).is_file():
            raise UserError(f"_quarto.yml names {name}: there is no such file.")
    chapters = tuple(
        read_chapter(root / str(name), part == "appendices")
        for part in ("chapters", "appendices")
        for name in book.option(f"book.{part}", [])
    )
    for chapter in chapters:
        if not any(str(part).startswith("# ") for part in chapter.parts):
            _fail(chapter.path, 1, "a chapter has a title, a line that begins with #")
    labels: dict[str, Cell] = {}
    for cell in (cell for chapter in chapters for cell in chapter.cells if not cell.holds_digest):
        other = labels.setdefault(cell.label, cell)
        if other is not cell:
            place = f"{other.file.name}, line {other.line}"
            _fail(cell.file, cell.line, f"the label {cell.label} is taken already ({place})")
    return replace(book, chapters=chapters)


def read_chapter(path: Path, appendix: bool = False) -> Chapter:
    """Read one chapter; of what it includes, only the cell for its digest is known."""
    if not path.is_file():
        raise UserError(f"_quarto.yml lists the chapter {path}: no such file.")
    chapter = Chapter(path, tuple(_pieces(path)), appendix)
    if chapter.cells and not chapter.cells[0].holds_digest:
        include = f"{DIGEST_FOLDER}/{chapter.name}.md"
        _fail(path, 1, f"a chapter with cells includes {include} right after its title")
    return chapter


def _pieces(path: Path) -> Iterator[str | Cell]:
    """Yield a file's lines of Markdown and its cells."""
    try:
        # `splitlines` would cut at a form feed too, or at U+2028; editors of Windows write a BOM
        lines = path.read_text("utf-8-sig").removesuffix("\n").split("\n")
    except UnicodeDecodeError as error:
        above_it = path.read_bytes()[: error.start].count(b"\n")
        _fail(path, above_it + 1, "this is no UTF-8; save the file in that encoding")
    if lines[0].strip() == "---":
        _fail(path, 1, "front matter isn't supported; settings belong into _quarto.yml")
    numbered = enumerate(lines, 1)
    for number, line in numbered:
        fence = _FENCE.match(line)
        if fence is None:
            yield _prose(line, path, number)
            continue
        closing = re.compile(rf"^[ \t>]*{fence[2][0]}{{{len(fence[2])},}}[ \t]*$")
        inside = []
        for _, last in numbered:
            if closing.match(last):
                break
            inside.append(last)
        else:
            _fail(path, number, "this fenced block is never closed")
        if fence[3] == "{python}" and not fence[1]:
            yield _cell(inside, path, number)
        elif _BLOCK.fullmatch(fence[3]):
            yield "\n".join([line, *inside, last]) + "\n"
        else:
            known = "a cell begins with ```{python} at the margin, other code with its language"
            _fail(path, number, f"{line.strip()} isn't supported: {known}")


def _prose(line: str, path: Path, number: int) -> str | Cell:
    if digest := _DIGEST.fullmatch(line):  # a file made for Quarto; here only its cell counts
        file = (path.parent / digest[1]).resolve()
        return Cell(DIGEST_CELL, {"label": "dependencies", "include": False}, file, 1)
    if code := _SHORTCODE.search(line):
        _fail(path, number, f"the shortcode {code[0]} isn't supported, only a digest's include")
    if "`{python}" in line:
        _fail(path, number, "inline code isn't run; let a cell display the number as Markdown")
    if (div := _DIV.match(line)) and not _KNOWN_DIV.fullmatch(div[1]):
        known = f"only {{#refs}}, callouts ({', '.join(CALLOUTS)}) and what HTML alone shows"
        _fail(path, number, f"the div {div[1]} isn't supported, {known}")
    return f"{line}\n"


def _cell(lines: list[str], path: Path, number: int) -> Cell:
    source = "\n".join(lines)
    header = _OPTIONS.match(source)
    try:
        options = parse(re.sub(r"(?m)^#\| ?", "", header[0] if header else "")) or {}
    except ValueError as error:
        _fail(path, number + 1, f"the cell's options are no valid YAML ({error})")
    if not isinstance(options, dict) or not options.get("label"):
        _fail(path, number, "this cell has no `#| label:`")
    label = str(options["label"])
    for option, value in options.items():
        known = CELL_OPTIONS.get(option, ())
        if value not in known and type(value) not in known:
            _fail(path, number, f"the cell option {option}: {value!r} isn't supported")
    if not _LABEL.fullmatch(label):
        _fail(path, number, f"the label {label} should be letters and digits, with - or _ between")
    for prefix, caption in (("fig-", "fig-cap"), ("tbl-", "tbl-cap")):
        if label.startswith(prefix) != bool(options.get(caption)):
            _fail(path, number, f"a cell has {caption} if and only if its label begins {prefix}")
    if "fig-cap" in options and not options.get("fig-alt"):
        _fail(path, number, f"the figure {label} has no fig-alt, a text for those who can't see it")
    return Cell(source, options, path, number)


def _fail(path: Path, line: int, what: str) -> NoReturn:
    raise UserError(f"{path.name}, line {line}: {what}.")
