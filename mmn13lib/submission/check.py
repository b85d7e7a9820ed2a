"""Opens a finished ZIP as a grader would, and says of each thing whether it is there."""

import ast
import io
import unicodedata
import zipfile
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import nbformat

from mmn13lib.foundation.errors import UserError
from mmn13lib.rendering.book import Book, Cell
from mmn13lib.rendering.config import is_web_address
from mmn13lib.submission.contents import FILES, NOTEBOOK, READ_ME, REPORT, belongs
from mmn13lib.submission.definitions import listed
from mmn13lib.submission.material import is_placeholder
from mmn13lib.submission.notebook import KEY, questions
from mmn13lib.submission.package import LARGEST

FOLDERS = ("mmn13lib/", "artifacts/")
EACH_CELL: tuple[tuple[str, str, Callable[[Any], bool]], ...] = (
    ("every cell was executed", "not executed", lambda cell: cell.execution_count is None),
    ("no cell shows an error", "they show an error", lambda cell: "error" in _shown(cell)),
    ("every output is in its place", "their output is gone",
     lambda cell: cell.metadata.get(KEY, {}).get("shows", False) and not cell.outputs),
)  # fmt: skip
"""What is looked for in each cell: in words where all is well, in words where not, what is not."""


@dataclass(frozen=True)
class Finding:
    """One thing that was looked for, in words; for a fault, what is wrong."""

    ok: bool | None  # None for what may be right and should be looked at
    what: str


def unzipped(path: Path) -> dict[str, bytes]:
    """Read the files in a ZIP; `UserError` if it is none."""
    if not path.exists():
        raise UserError(f"There is no file {path}: make it with `mmn13 submit`.")
    try:
        with zipfile.ZipFile(path) as archive:
            names = [name for name in archive.namelist() if not name.endswith("/")]
            return {name: archive.read(name) for name in names}
    except (OSError, zipfile.BadZipFile, zlib.error, RuntimeError, EOFError) as error:
        problem = f"{path} is no ZIP that can be read: make it with `mmn13 submit`."
        raise UserError(problem) from error


def check(contents: dict[str, bytes], book: Book) -> Iterator[Finding]:
    """Look through a submission's files for all that the chapters have."""
    yield from _files(contents)
    link = _link(contents.get(READ_ME, b"").decode("utf-8", "replace"))
    if NOTEBOOK in contents:
        yield from _notebook(contents[NOTEBOOK], book, link)
    if REPORT in contents:
        yield from _report(contents[REPORT], book, link)
    if READ_ME in contents:
        yield Finding(bool(link), f"the video's link in {READ_ME}: {link or 'none'}")
    if link and is_placeholder(link):
        yield Finding(None, f"{link} looks like a placeholder: is it the video's address?")


def listing(contents: dict[str, bytes]) -> Iterator[str]:
    """Yield the files, and each folder with the number of its files."""
    for top in sorted({name.split("/")[0] for name in contents}):
        sizes = [len(contents[name]) for name in contents if name.split("/")[0] == top]
        many = "" if top in contents else f"{len(sizes)} files, "
        yield f"{top}{'/' if many else ''}  {many}{sum(sizes) / 1000:,.0f} kB"


def _files(contents: dict[str, bytes]) -> Iterator[Finding]:
    for name in FILES:
        state = "missing" if name not in contents else "there" if contents[name] else "empty"
        yield Finding(state == "there", f"{name} is {state}")
    for folder in FOLDERS:
        inside = [name for name in contents if name.startswith(folder)]
        yield Finding(bool(inside), f"{folder} has {len(inside)} files")
    others = [name for name in contents if not belongs(name)]
    words = f"it does not belong here: {', '.join(others[:5])}" if others else "nothing else"
    yield Finding(not others, words)


def _notebook(content: bytes, book: Book, link: str) -> Iterator[Finding]:
    size = len(content) / 1e6
    yield Finding(len(content) <= LARGEST, f"the notebook has {size:.1f} of at most 20 MB")
    try:
        notebook = nbformat.reads(content.decode("utf-8"), as_version=4)
        nbformat.validate(notebook)
    except Exception as error:  # what a foreign file makes the reader raise has no end
        first_line = (str(error).splitlines() or [type(error).__name__])[0]
        yield Finding(False, f"the notebook is not valid: {first_line}")
        return
    yield Finding(True, "the notebook is valid")
    cells = {cell.id: cell for cell in notebook.cells if cell.cell_type == "code"}
    counts = [cell.execution_count for cell in cells.values() if cell.execution_count is not None]
    ordered = counts == sorted(set(counts))
    words = "in order" if ordered else "out of order: restart the kernel and run all"
    yield Finding(ordered, f"the cells were executed {words}")
    for good, bad, is_bad in EACH_CELL:
        labels = ", ".join(label for label, cell in cells.items() if is_bad(cell))
        yield Finding(not labels, f"{bad}: {labels}" if labels else good)
    for chapter in questions(book):
        expected = [cell for cell in chapter.cells if not cell.holds_digest]
        faults = [fault for cell in expected for fault in _missing(cell, cells)]
        title = f"all {len(expected)} cells with what they define and show"
        for what in faults or [title]:
            yield Finding(not faults, f"{chapter.name}: {what}")
    first = notebook.cells[0].source if notebook.cells else ""
    yield _same_link("in the notebook", [_link(first)], link)


def _missing(cell: Cell, cells: dict[str, Any]) -> Iterator[str]:
    """Say what the notebook lacks of one of the chapters' cells."""
    names = [name.rpartition(".")[2] for name in listed(cell.code)]
    for name in names:
        openings = (f"\nclass {name}", f"\ndef {name}(")
        if not any(opening in other.source for opening in openings for other in cells.values()):
            yield f"no cell defines {name} ({cell.label})"
    if names:
        return
    if cell.label not in cells:
        yield f"{cell.label} is missing"
        return
    last = next(reversed(ast.parse(cell.code).body), None)
    shows_text = isinstance(last, ast.Expr) and ast.unparse(last).startswith("Markdown(")
    kind = "image/png" if "fig-cap" in cell.options else "text/markdown" if shows_text else ""
    if kind and kind not in _shown(cells[cell.label]):
        yield f"{cell.label} has no output"


def _shown(cell: Any) -> set[str]:
    """Name the kinds of a cell's outputs: MIME types, or stream and error."""
    return {kind for output in cell.outputs for kind in output.get("data", [output.output_type])}


def _link(text: str) -> str:
    """Find the first address in a text, which may stand between angle brackets."""
    words = text.replace("<", " ").replace(">", " ").split()
    return next(filter(is_web_address, words), "")


def _report(content: bytes, book: Book, link: str) -> Iterator[Finding]:
    from pypdf import PdfReader

    try:
        pages = PdfReader(io.BytesIO(content)).pages
        # the first page has the contents: a chapter's title there is not the chapter
        text = _plain(" ".join(page.extract_text() for page in pages[1:]))
        actions = [note.get_object().get("/A", {}) for note in pages[0].annotations or []]
        links = [str(action.get("/URI", "")) for action in actions]
    except Exception as error:  # as above
        yield Finding(False, f"the PDF can't be read: {error}")
        return
    yield Finding(True, f"the PDF has {len(pages)} pages")
    for title in titles(book):
        there = _plain(title) in text
        yield Finding(there, f"the PDF {'has' if there else 'lacks'} the chapter {title}")
    yield _same_link("on the PDF's first page", links, link)


def titles(book: Book) -> list[str]:
    """Name the chapters after the first, which stands beside the contents."""
    first_lines = [str(chapter.parts[0]).partition("\n")[0] for chapter in book.chapters[1:]]
    return [line.partition("{")[0].strip("# ") for line in first_lines]


def _same_link(where: str, links: list[str], expected: str) -> Finding:
    good = bool(expected) and expected in links
    shown = expected if good else "none, or not that of README.txt"
    return Finding(good, f"the video's link {where}: {shown}")


def _plain(text: str) -> str:
    """Take away what typesetting adds: breaks, hyphens, ligatures."""
    return "".join(filter(str.isalnum, unicodedata.normalize("NFKC", text)))
