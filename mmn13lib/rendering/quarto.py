"""The engine Quarto: runs ``quarto render``, and reads what its cache holds.

What comes before and after is done by the book's hooks, as of a ``quarto render`` typed by hand.
"""

import os
import shutil
import subprocess
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mmn13lib.foundation.errors import UserError
from mmn13lib.foundation.settings import Settings
from mmn13lib.rendering.book import DIGEST_CELL, Book, Chapter
from mmn13lib.rendering.dependencies import Outside, dependencies, hidden_cell
from mmn13lib.rendering.execution import KEPT, cells_environment, neutral_kernel

if TYPE_CHECKING:
    from nbformat import NotebookNode

OLDEST = (1, 9)
FIX = 'pip install "quarto-cli>=1.9", or https://quarto.org/docs/get-started/'
PREPARED = "MMN13_PREPARED"
"""Set where ``mmn13 render`` has prepared, so that the hook needn't."""


def executable() -> str | None:
    """Find Quarto: in this Python's environment, activated or not, then on the PATH."""
    folders = [str(Path(sys.executable).parent), os.environ.get("PATH", os.defpath)]
    return shutil.which("quarto", path=os.pathsep.join(folders))


def installed() -> tuple[bool, str]:
    """Say whether a Quarto that is new enough is there, and what was found."""
    path = executable()
    if path is None:
        return False, "not on the PATH"
    try:
        answer = subprocess.run(
            [path, "--version"], capture_output=True, text=True, timeout=60, check=True
        ).stdout.strip()
        version = tuple(int(part) for part in answer.split("-")[0].split(".")[:2])
    except (OSError, subprocess.SubprocessError, ValueError):
        return False, f"{path} does not run"
    if version < OLDEST:
        return False, f"{answer} is too old"
    return True, f"{answer}, {path}"


def chosen(engine: str, root: Path) -> str:
    """Name the engine that renders: with auto, Quarto where there is one that can.

    Raises `UserError` if Quarto is asked for and can't be used.
    """
    if engine == "built-in":
        return engine
    usable, detail = installed()
    if usable and (fault := fault_of_folder(root)):
        usable, detail = False, fault
    if engine == "quarto" and not usable:
        raise UserError(
            f"Quarto can't be used: {detail}. To get it: {FIX}; "
            "or `mmn13 render --engine built-in`, which needs none."
        )
    return "quarto" if usable else "built-in"


def fault_of_folder(root: Path) -> str:
    """Say why Quarto's cache can't lie in this folder; empty where it can."""
    # its database is opened by an address, in which both mean something
    wrong = "".join(sorted(set("%?") & set(str(root))))
    return f"its cache can't lie in a folder with {wrong} in its path, {root}" if wrong else ""


def render(settings: Settings, book: Book, outside: Outside, rerun: Iterable[Chapter]) -> None:
    """Make the site and the PDF with Quarto, which says itself what it does."""
    write_cells(book)
    for chapter in rerun:
        forget(chapter, hidden_cell(dependencies(chapter, book, outside), book))
    environment = {
        **cells_environment(settings),
        **neutral_kernel(settings.cache / "kernel"),
        "QUARTO_PYTHON": sys.executable,
        PREPARED: "1",
    }
    command = [executable() or "quarto", "render"]
    try:
        done = subprocess.run(command, cwd=settings.root, env=environment, stdin=subprocess.DEVNULL)
    except KeyboardInterrupt:
        raise UserError(f"Interrupted. {KEPT}") from None
    if done.returncode:
        raise UserError(f"Quarto failed, as it says above. {KEPT}")


def write_cells(book: Book) -> None:
    """Make the files that the chapters include, where there are none: Quarto reads them first."""
    for chapter in book.chapters:
        if chapter.cells and not chapter.cells[0].file.exists():
            write_cell(chapter, DIGEST_CELL)


def write_cell(chapter: Chapter, source: str) -> None:
    """Write a chapter's hidden cell into the file that it includes."""
    file, text = chapter.cells[0].file, f"```{{python}}\n{source}\n```\n"
    file.parent.mkdir(exist_ok=True)
    if not file.is_file() or file.read_text("utf-8") != text:  # a preview watches it
        file.write_text(text, "utf-8")


def written_cell(chapter: Chapter) -> str:
    """Return the hidden cell as Quarto has read it."""
    return "\n".join(chapter.cells[0].file.read_text("utf-8").splitlines()[1:-1])


def outputs(chapter: Chapter, hidden: str) -> tuple[list[Any], ...] | None:
    """Return what Quarto's cache holds of a chapter with this hidden cell; None for nothing."""
    for _, notebook in _cached(chapter):
        cells = [cell for cell in notebook.cells if cell.cell_type == "code"][1:]  # but Quarto's
        if len(cells) == len(chapter.cells) and hidden in cells[0].source:
            return tuple(cell.outputs for cell in cells)
    return None


def forget(chapter: Chapter, hidden: str) -> None:
    """Drop a chapter with this hidden cell from Quarto's cache, so that it is executed again."""
    from jupyter_cache import get_cache

    for number, notebook in list(_cached(chapter)):
        if any(hidden in cell.source for cell in notebook.cells):
            get_cache(_folder(chapter)).remove_cache(number)


def drop_damaged(chapter: Chapter) -> None:
    """Delete a chapter's cache if it can't be read: Quarto would fail over it."""
    list(_cached(chapter))


def _cached(chapter: Chapter) -> Iterator[tuple[int, "NotebookNode"]]:
    """Yield the numbers and notebooks of a chapter in Quarto's cache, the newest first."""
    folder = _folder(chapter)
    if not folder.exists():
        return
    from jupyter_cache import get_cache
    from sqlalchemy.exc import SQLAlchemyError

    try:
        cache = get_cache(folder)
        for record in sorted(cache.list_cache_records(), key=lambda record: -record.pk):
            if Path(record.uri).stem == chapter.name:
                yield record.pk, cache.get_cache_bundle(record.pk).nb
    except (SQLAlchemyError, OSError, ValueError, KeyError):
        shutil.rmtree(folder) if folder.is_dir() else folder.unlink()


def _folder(chapter: Chapter) -> Path:
    return chapter.path.parent / ".jupyter_cache"
