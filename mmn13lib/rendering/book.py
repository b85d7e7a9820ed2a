"""Reads the book: `_quarto.yml`, and each chapter as Markdown and code cells.

A Quarto feature that it doesn't know is an error with file and line, never a wrong page.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import dropwhile, takewhile
from pathlib import Path
from typing import Any, NoReturn

import yaml

from mmn13lib.foundation.errors import UserError
from mmn13lib.rendering.config import is_unicode, look_up, read_config

CELL_OPTIONS = frozenset(("label", "echo", "include", "output", "warning"))
CELL_OPTIONS |= {"code-fold", "code-summary", "fig-cap", "fig-alt", "tbl-cap"}
CALLOUTS = frozenset(("note", "tip", "important", "warning"))
DIGEST_FOLDER = "_dependencies"
DIGEST_CELL = "#| label: dependencies\n#| include: false\n# what this chapter depends on"

_FENCE = re.compile(r"^(\s*)(`{3,}|~{3,})\s*([^`]*?)\s*$")
_SHORTCODE = re.compile(r"\{\{<\s*(\S+)\s*(.*?)\s*>\}\}")
_DIV = re.compile(r"^\s*:{3,}\s*(\{.*\}|[\w-]+)\s*:*\s*$")
_UNKNOWN_DIV = re.compile(
    r"\.(panel-\w+|column-\w+|content-(?:visible|hidden)|aside|incremental|callout)(?![\w-])"
    r"|\b(layout[\w-]*)=|#((?:fig|lst|thm|lem|cor|prp|cnj|def|exm|exr|sol|rem|alg)-[\w-]+)"
)
_CALLOUT = re.compile(r"\.callout-([\w-]+)")


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
        lines = dropwhile(_is_option, self.source.splitlines())
        return "\n".join(lines).strip("\n")


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
    def names(self) -> set[str]:
        """Both names, by which it can be asked for."""
        return {self.name, self.short_name}

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
        """Look up a dotted name at the configuration's top level, or else under ``book``."""
        found = (look_up(start, name) for start in (self.config, self.config.get("book")))
        return next((value for value in found if value is not None), default)

    @property
    def files(self) -> list[str]:
        """What the configuration names: bibliography, style sheet, the paper's templates."""
        templates = self.option("format.typst.template-partials", [])
        names = [self.option("bibliography"), self.option("format.html.css"), *templates]
        return [str(name) for name in names if name]

    @property
    def authors(self) -> list[str]:
        """The names, of which the configuration may give one or a list."""
        author = self.option("book.author")
        return [str(name) for name in (author if isinstance(author, list) else [author])]


def read_book(root: Path) -> Book:
    """Read the configuration and every chapter; `UserError` for what is missing or not known."""
    book = Book(root, read_config(root))
    for name in book.files:
        if not (root / name).is_file():
            raise UserError(f"_quarto.yml names {name}: there is no such file.")
    chapters = tuple(
        read_chapter(root / str(name), book, part == "appendices")
        for part in ("chapters", "appendices")
        for name in book.option(f"book.{part}", [])
    )
    labels: dict[str, Cell] = {}
    for cell in (cell for chapter in chapters for cell in chapter.cells if not cell.holds_digest):
        other = labels.setdefault(cell.label, cell)
        if other is not cell:
            place = f"{other.file.name}, line {other.line}"
            _fail(cell.file, cell.line, f"the label {cell.label} is taken already ({place})")
    return replace(book, chapters=chapters)


def read_chapter(path: Path, book: Book, appendix: bool = False) -> Chapter:
    """Read one chapter, with its includes in their places, and what `meta` finds in the book."""
    if not path.resolve().is_relative_to(book.root.resolve()) or ".." in path.parts:
        raise UserError(f"_quarto.yml lists the chapter {path}: it must lie in the project.")
    if not path.is_file():
        raise UserError(
            f"_quarto.yml lists the chapter {path.relative_to(book.root).as_posix()}: no such file."
        )
    chapter = Chapter(path, tuple(_pieces(path, book)), appendix)
    if chapter.cells and not chapter.cells[0].holds_digest:
        include = f"{DIGEST_FOLDER}/{chapter.name}.md"
        _fail(path, 1, f"a chapter with cells includes {include} right after its title")
    return chapter


def _pieces(path: Path, book: Book, above: tuple[Path, ...] = ()) -> Iterator[str | Cell]:
    """Yield a file's lines of Markdown and its cells, following includes."""
    try:
        lines = path.read_text("utf-8").splitlines()
    except UnicodeDecodeError as error:
        above_it = path.read_bytes()[: error.start].count(b"\n")
        _fail(path, above_it + 1, "this is no UTF-8; save the file in that encoding")
    if lines and lines[0].strip() == "---":
        _fail(path, 1, "front matter isn't supported; settings belong into _quarto.yml")
    numbered = enumerate(lines, 1)
    for number, line in numbered:
        fence = _FENCE.match(line)
        if fence is None:
            yield from _prose(line, path, number, book, above)
            continue
        closing = re.compile(rf"^\s*{fence[2][0]}{{{len(fence[2])},}}\s*$")
        inside = []
        for _, last in numbered:
            if closing.match(last):
                break
            inside.append(last)
        else:
            _fail(path, number, "this fenced block is never closed")
        if not re.match(r"\{\w", fence[3]):
            yield "\n".join([line, *inside, last]) + "\n"
        elif fence[3] == "{python}" and not fence[1]:
            yield _cell(inside, path, number)
        else:
            wrong = line.strip()
            _fail(path, number, f"a cell begins with ```{{python}} at the margin, not {wrong}")


def _prose(
    line: str, path: Path, number: int, book: Book, above: tuple[Path, ...]
) -> Iterator[str | Cell]:
    include = re.fullmatch(r"\s*\{\{<\s*include\s+(\S+)\s*>\}\}\s*", line)
    if include:
        file = (path.parent / include[1].strip("\"'")).resolve()
        if file.parent.name == DIGEST_FOLDER:  # made for Quarto; here the cell is all that counts
            yield Cell(DIGEST_CELL, {"label": "dependencies", "include": False}, file, 1)
        elif not file.is_file():
            _fail(path, number, f"there is no file {include[1]} to include")
        elif file in (*above, path.resolve()):
            _fail(path, number, f"{include[1]} would be included in itself")
        else:
            yield from _pieces(file, book, (*above, path.resolve()))
        yield "\n"
        return

    def meta(match: re.Match[str]) -> str:
        if match[1] != "meta":
            _fail(path, number, f"the shortcode {match[0]} isn't supported, only include and meta")
        value = book.option(match[2], None)
        if value is None:
            _fail(path, number, f"neither _quarto.yml nor _quarto.yml.local says {match[2]}")
        return ", ".join(map(str, value)) if isinstance(value, list) else str(value)

    line = _SHORTCODE.sub(meta, line)
    if "`{python}" in line:
        _fail(path, number, "inline code isn't run; let a cell display the number as Markdown")
    _check_div(line, path, number)
    yield line + "\n"


def _check_div(line: str, path: Path, number: int) -> None:
    div = _DIV.match(line)
    if div is None:
        return
    if unknown := _UNKNOWN_DIV.search(div[1]):
        _fail(path, number, f"the div {unknown[0].rstrip('=')} isn't supported")
    if callout := _CALLOUT.search(div[1]):
        if callout[1] not in CALLOUTS:
            kinds = ", ".join(sorted(CALLOUTS))
            _fail(path, number, f"no callout is called {callout[1]}; there are {kinds}")
        for option in re.findall(r"([\w-]+)=", re.sub(r'"[^"]*"', "", div[1])):
            if option != "title":
                _fail(path, number, f"a callout has a title and no {option}")


def _cell(lines: list[str], path: Path, number: int) -> Cell:
    header = [line[2:].removeprefix(" ") for line in takewhile(_is_option, lines)]
    try:
        options = yaml.safe_load("\n".join(header)) or {}
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        _fail(path, number + 1, f"the cell's options are no valid YAML ({error})")
    if not isinstance(options, dict) or not options.get("label"):
        _fail(path, number, "this cell has no `#| label:`")
    for option in sorted(map(str, set(options) - CELL_OPTIONS)):
        _fail(path, number, f"the cell option {option} isn't supported")
    label = str(options["label"])
    for option, value in options.items():
        if not is_unicode(str(value)):
            _fail(path, number, f"{option} holds half a character (a surrogate), {value!r}")
    for prefix, caption in (("fig-", "fig-cap"), ("tbl-", "tbl-cap")):
        if label.startswith(prefix) != (caption in options):
            _fail(path, number, f"a cell has {caption} if and only if its label begins {prefix}")
    if "fig-cap" in options and not options.get("fig-alt"):
        _fail(path, number, f"the figure {label} has no fig-alt, a text for those who can't see it")
    return Cell("\n".join(lines), options, path, number)


def _is_option(line: str) -> bool:
    return line.startswith("#|")


def _fail(path: Path, line: int, what: str) -> NoReturn:
    raise UserError(f"{path.name}, line {line}: {what}.")
