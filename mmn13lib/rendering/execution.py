"""Executes chapters, once: a notebook that the cache knows is not executed again."""

import os
import re
import shutil
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import nbformat
from filelock import FileLock, Timeout
from nbformat import NotebookNode

from mmn13lib.foundation import storage
from mmn13lib.foundation.errors import UserError
from mmn13lib.foundation.settings import Settings
from mmn13lib.rendering.book import Book, Chapter
from mmn13lib.rendering.dependencies import dependencies, digest_source, remember, why

ENGINE = "embedded"
Progress = Callable[[str], None]

# As Quarto does it: the same figures for both formats.
_SET_UP = """\
import matplotlib.pyplot as plt
from matplotlib_inline.backend_inline import set_matplotlib_formats
set_matplotlib_formats({format!r})
plt.rcParams.update({{
    "figure.figsize": ({width}, {height}), "figure.dpi": {dpi}, "savefig.dpi": "figure"}})"""


@dataclass(frozen=True)
class Executed:
    """A chapter, the outputs of each of its cells, and how many were executed just now."""

    chapter: Chapter
    outputs: tuple[list[Any], ...]
    cells_executed: int


@contextmanager
def only_render(settings: Settings, progress: Progress) -> Iterator[None]:
    """Hold the lock that lets one render at a time work here; a second one waits and says so."""
    path = settings.locks / "render.lock"
    lock = FileLock(path)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        lock.acquire(timeout=0)
    except Timeout:
        progress("Another render is running here: waiting until it has ended.")
        lock.acquire()
    except OSError as error:
        raise storage.disk_error(path, error) from error
    try:
        yield
    finally:
        lock.release()


def execute(
    chapter: Chapter,
    book: Book,
    settings: Settings,
    progress: Progress = print,
    rerun: bool = False,
) -> Executed:
    """Give a chapter's outputs: from the cache, or by executing all its cells.

    Parameters
    ----------
    chapter
        The chapter.
    book
        Its book.
    settings
        The run's settings; the cells see the same.
    progress
        Gets a line for the chapter and one for each cell that is executed.
    rerun
        True executes it whatever the cache holds.

    Returns
    -------
    Executed

    Raises
    ------
    UserError
        If a cell fails: chapter, label, line and the error. The cache stays as it was.
    """
    if not chapter.cells:
        return Executed(chapter, (), 0)
    found = dependencies(chapter, book, settings)
    notebook = _notebook(chapter, book, digest_source(found))
    folder = settings.cache / "jupyter"
    if not rerun:
        cached, entry = _look_up(notebook, folder)
        if cached is not None:
            progress(f"{chapter.short_name}: fresh")
            remember(chapter, found, settings, ENGINE, entry)
            return Executed(chapter, _outputs(cached), 0)
    reasons = ["asked for"] if rerun else why(chapter, found, settings, ENGINE)
    progress(f"{chapter.short_name}: {'; '.join(reasons) or 'its cached output is damaged'}")
    _run(notebook, chapter, settings, progress)
    entry = _store(notebook, chapter, folder)
    remember(chapter, found, settings, ENGINE, entry)
    return Executed(chapter, _outputs(notebook), len(chapter.cells))


def _notebook(chapter: Chapter, book: Book, digest: str) -> NotebookNode:
    """Make the notebook: a hidden set-up cell, then the chapter's cells."""
    set_up = _SET_UP.format(
        format=book.option("fig-format", "svg"),
        width=book.option("fig-width", 6.4),
        height=book.option("fig-height", 3),
        dpi=book.option("fig-dpi", 144),
    )
    sources = [digest if cell.holds_digest else cell.source for cell in chapter.cells]
    cells = [nbformat.v4.new_code_cell(source) for source in (set_up, *sources)]
    for number, cell in enumerate(cells):
        cell.id = f"cell-{number}"
    kernel = {"name": "python3", "language": "python", "display_name": "Python 3"}
    return nbformat.v4.new_notebook(cells=cells, metadata={"kernelspec": kernel})


def _outputs(notebook: NotebookNode) -> tuple[list[Any], ...]:
    return tuple(cell.outputs for cell in notebook.cells[1:])


def _look_up(notebook: NotebookNode, folder: Path) -> tuple[NotebookNode | None, str]:
    """Find an executed notebook, and where the cache has it."""
    from jupyter_cache import get_cache

    try:
        cache = get_cache(folder)
        number, merged = cache.merge_match_into_notebook(notebook)
        return merged, _entry(folder, cache.get_cache_record(number).hashkey)
    except Exception:  # not there, damaged, or another version's: all the same, execute it
        return None, ""


def _entry(folder: Path, key: str) -> str:
    return f"{folder.name}/executed/{key}/base.ipynb"


def _store(notebook: NotebookNode, chapter: Chapter, folder: Path) -> str:
    """Put an executed notebook into the cache, and tell where it is."""
    from jupyter_cache import get_cache
    from jupyter_cache.base import CacheBundleIn

    bundle = CacheBundleIn(notebook, chapter.name)
    try:
        record = get_cache(folder).cache_notebook_bundle(bundle, overwrite=True)
    except Exception:  # an unusable cache folder is begun anew
        shutil.rmtree(folder) if folder.is_dir() else folder.unlink(missing_ok=True)
        try:
            record = get_cache(folder).cache_notebook_bundle(bundle, overwrite=True)
        except OSError as error:
            raise storage.disk_error(folder / chapter.name, error) from error
        except Exception as error:  # the database's own words for the same
            raise UserError(
                f"{folder} could not be written to ({error.__cause__ or error}): "
                "free some space, make it writable, and render again."
            ) from error
    return _entry(folder, record.hashkey)


def _run(notebook: NotebookNode, chapter: Chapter, settings: Settings, progress: Progress) -> None:
    """Execute a notebook in place, with a kernel of this very Python."""
    from jupyter_client.manager import AsyncKernelManager
    from nbclient import NotebookClient
    from nbclient.exceptions import CellExecutionError

    cells = chapter.cells
    current = 0
    began = time.monotonic()

    def on_start(cell: NotebookNode, cell_index: int) -> None:
        nonlocal current, began
        current, began = cell_index - 1, time.monotonic()

    def on_end(cell: NotebookNode, cell_index: int, execute_reply: Any) -> None:
        if current >= 0 and not cells[current].holds_digest:
            seconds = time.monotonic() - began
            place = f"cell {current}/{len(cells) - 1} {cells[current].label}"
            progress(f"{chapter.short_name}, {place}, {seconds:.0f} s")

    def failure(message: str) -> UserError:
        cell = cells[max(current, 0)]
        line = re.search(r"Cell In\[\d+\], line (\d+)|\(line (\d+)\)", message)
        number = cell.line + int(line[1] or line[2]) if line else cell.line
        last = re.sub(r"^\S*UserError: ", "", message.strip().rsplit("\n", 1)[-1])
        return UserError(
            f"{chapter.path.name}, line {number}: the cell {cell.label} failed: {last}\n"
            "The last good report is still in its place, and the chapters that were done are kept."
        )

    with tempfile.TemporaryDirectory(prefix="mmn13-") as folder:
        manager = AsyncKernelManager(
            transport="tcp" if os.name == "nt" else "ipc",
            connection_file=str(Path(folder) / "kernel.json"),
        )
        manager._kernel_spec = _kernel_spec()
        client = NotebookClient(
            notebook,
            km=manager,
            timeout=None,
            startup_timeout=600,  # a busy machine needs more than the minute that is the default
            record_timing=False,
            coalesce_streams=True,
            resources={"metadata": {"path": str(settings.root)}},
            on_cell_execute=on_start,
            on_cell_executed=on_end,
        )
        client.owns_km = True  # it shuts the kernel down at the end
        try:
            client.execute(env=_environment(settings, Path(folder)))
        except CellExecutionError as error:
            raise failure(_plain(error.traceback)) from error
        except RuntimeError as error:  # the kernel is dead, or never began to answer
            raise failure("Python died while it ran (out of memory?)") from error


def _kernel_spec() -> Any:
    """Describe a kernel that runs this Python, whatever kernels the machine has registered."""
    from jupyter_client.kernelspec import KernelSpec

    arguments = [sys.executable, "-m", "ipykernel_launcher", "-f", "{connection_file}"]
    return KernelSpec(argv=arguments, display_name="Python 3", language="python")


def _environment(settings: Settings, folder: Path) -> dict[str, str]:
    """Pass the settings on to the cells, and keep personal IPython settings out."""
    given = {
        "MMN13_DATA": str(settings.data or ""),
        "MMN13_WEIGHTS": str(settings.weights or ""),
        "MMN13_OFFLINE": "1" if settings.offline else "",
        "IPYTHONDIR": str(folder / "ipython"),
    }
    return {**os.environ, **given}


def _plain(text: str) -> str:
    """Take the colours out of a traceback."""
    return re.sub(r"\x1b\[[0-9;]*m", "", text)
