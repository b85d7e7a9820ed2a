"""What a chapter's outputs are made from, and the hidden cell that says so to Quarto's cache.

jupyter-cache compares code cells and nothing else: another digest is another cell, and the chapter
is executed again. Nothing here imports what it looks at, so it is quick.
"""

import json
import platform
import re
from collections.abc import Mapping
from functools import cache
from importlib.metadata import requires, version

from mmn13lib.foundation import provenance
from mmn13lib.foundation.errors import UserError
from mmn13lib.foundation.storage import digest
from mmn13lib.rendering.book import DIGEST_CELL, Book, Chapter

Outside = Mapping[str, Mapping[str, str]]
"""For a module, as imports name it, names and values that a chapter depends on if it imports it."""

CELLS, SET_UP = "its cells", "the hidden set-up cell"

# Both engines show the SVG, and the notebook the PNG. Nobody's own settings reach a figure.
_SET_UP = """\
import matplotlib.pyplot as plt
from matplotlib_inline.backend_inline import set_matplotlib_formats
plt.rcdefaults()
%matplotlib inline
set_matplotlib_formats("svg", "png")
plt.rcParams.update({{
    "figure.figsize": ({width}, {height}), "figure.dpi": {dpi}, "savefig.dpi": "figure"}})"""


def dependencies(chapter: Chapter, book: Book, outside: Outside) -> dict[str, str]:
    """Return what a chapter's outputs are made from: names, each with a digest or a version."""
    cells = [cell for cell in chapter.cells if not cell.holds_digest]
    if not cells:
        return {}
    found = {
        CELLS: digest(*(f"{cell.source}\0" for cell in cells))[:16],
        SET_UP: digest(_set_up(book))[:16],
        "Python": platform.python_version(),
        **versions(),
    }
    modules: set[str] = set()
    what = ""
    try:
        for cell in cells:
            what = f"{cell.file.name}, line {cell.line}: {cell.label} is"
            modules |= provenance.imported_names(cell.code)
        what = f"{chapter.path.name} imports what is"
        files, _ = provenance.import_closure(modules, book.root / "mmn13lib")
    except (SyntaxError, ValueError) as error:
        raise UserError(f"{what} no valid Python: {error}.") from error
    for file in files:
        name = file.relative_to(book.root)
        found[name.as_posix()] = digest(file.read_bytes())[:16]
        modules.add(".".join(name.with_suffix("").parts))
    for module in sorted(outside.keys() & modules):
        found |= outside[module]
    return found


def key(found: Mapping[str, str]) -> str:
    """Return the digest of a chapter's dependencies."""
    return digest(json.dumps(found, sort_keys=True))[:16]


def hidden_cell(found: Mapping[str, str], book: Book) -> str:
    """Return a chapter's first cell: it sets figures up, and is another for other dependencies."""
    return f"{DIGEST_CELL}: {key(found)}\n{_set_up(book)}"


def changes(old: Mapping[str, str], new: Mapping[str, str]) -> list[str]:
    """Say what differs between two sets of dependencies."""
    words = []
    for name in {**new, **old}:
        before, now = old.get(name, "none"), new.get(name, "none")
        if before == now:
            continue
        if name not in (CELLS, SET_UP) and "/" not in name:
            words.append(f"{name}: {before}, now {now}")
        elif name not in new:
            words.append(f"{name} is no longer used")
        else:
            edited = "were edited" if name == CELLS else "was edited"
            words.append(f"{name} {edited if name in old else 'is new'}")
    return words


def _set_up(book: Book) -> str:
    defaults = {"width": 6.4, "height": 3, "dpi": 144}
    return _SET_UP.format_map({n: book.option(f"fig-{n}", value) for n, value in defaults.items()})


@cache
def versions() -> dict[str, str]:
    """Return the versions of the libraries that the package asks for."""
    asked = [line for line in requires("mmn13lib") or () if "extra ==" not in line]
    names = [re.split(r"[^\w.-]", line)[0] for line in asked]
    return {name: version(name) for name in sorted(names)}
