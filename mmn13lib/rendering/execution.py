"""Executes chapters, once: a notebook that the cache knows is not executed again."""

import asyncio
import os
import re
import tempfile
import threading
import time
from collections.abc import Callable, Coroutine, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import psutil

from mmn13lib.foundation.errors import UserError
from mmn13lib.foundation.locks import exclusive
from mmn13lib.foundation.settings import Settings
from mmn13lib.rendering import cache
from mmn13lib.rendering.book import Book, Cell, Chapter
from mmn13lib.rendering.dependencies import changes, dependencies, digest_source

if TYPE_CHECKING:
    from nbformat import NotebookNode

AT_ONCE = 2  # chapters: one that is starting and importing leaves all cores but one idle
ATTEMPTS = 3  # where what a chapter is made from changes while it is executed
KEPT = "The last good report and all finished chapters are kept."
Progress = Callable[[str], None]
T = TypeVar("T")
_INTERRUPTED = threading.Event()

_LINE = re.compile(
    r"^Cell In\[\d+\], line (\d+)|\(line (\d+)\)|^\s*File <ipython.*>:(\d+)", flags=re.MULTILINE
)

# As Quarto does it: the same figures for both formats.
_SET_UP = """\
import matplotlib.pyplot as plt
plt.rcParams.update({{
    "figure.figsize": ({width}, {height}), "figure.dpi": {dpi}, "savefig.dpi": "figure"}})
"""

# Personal start-up files would change what the cells give; the warning is about a socket that
# only this machine reaches.
_KERNEL_OPTIONS = """\
c.InteractiveShellApp.exec_PYTHONSTARTUP = False
c.HistoryManager.enabled = False
c.IPKernelApp.log_level = "CRITICAL"
"""


@dataclass(frozen=True)
class Executed:
    """A chapter, and the outputs of each of its cells."""

    chapter: Chapter
    outputs: tuple[list[Any], ...]


def render_lock(settings: Settings, progress: Progress) -> AbstractContextManager[None]:
    """Let one render at a time work here; a second one waits and says so."""
    words = "Another render is running here ({}): waiting until it has ended."
    return exclusive(settings.locks / "render.lock", lambda holder: progress(words.format(holder)))


class CellFailed(Exception):  # noqa: N818 - it names what happened
    """The notebook's cell `index` failed at `line` (from 1; 0 where that is not known)."""

    def __init__(self, index: int, error: str, line: int = 0) -> None:
        super().__init__(error)
        self.index, self.line = index, line


def execute(
    chapter: Chapter,
    book: Book,
    settings: Settings,
    progress: Progress = print,
    rerun: bool = False,
) -> Executed:
    """Give a chapter's outputs: from the cache, or by executing it; `UserError` if a cell fails."""
    again = {chapter.name} if rerun else ()
    return execute_all([chapter], book, settings, progress, again)[0]


def execute_all(
    chapters: Iterable[Chapter],
    book: Book,
    settings: Settings,
    progress: Progress = print,
    rerun: Iterable[str] = (),
) -> list[Executed]:
    """Give chapters' outputs as `execute` does, `AT_ONCE` at a time; `rerun` has their names."""
    free = asyncio.Semaphore(AT_ONCE)
    failures: list[Exception] = []

    async def one(chapter: Chapter) -> Executed:
        async with free:
            if not failures:  # what has begun is finished, and nothing else begins
                try:
                    return await _execute(chapter, book, settings, progress, chapter.name in rerun)
                except Exception as failure:
                    failures.append(failure)
        return Executed(chapter, ())

    async def all_of_them() -> list[Executed]:
        return await asyncio.gather(*map(one, chapters))

    executed = run_interruptibly(all_of_them())
    if failures:
        raise failures[0]
    return executed


def run_interruptibly(work: Coroutine[Any, Any, T]) -> T:
    """Run a coroutine; at Ctrl-C end its kernels, then raise `UserError`.

    It runs in a thread of its own: in the main one, each notebook would want the signal.
    """
    with ThreadPoolExecutor(1) as thread:
        done = thread.submit(asyncio.run, work)
        try:
            return done.result()
        except KeyboardInterrupt:
            _INTERRUPTED.set()
            for kernel in psutil.Process().children():
                kernel.kill()
            raise UserError(f"Interrupted. {KEPT}") from None


async def _execute(
    chapter: Chapter, book: Book, settings: Settings, progress: Progress, rerun: bool
) -> Executed:
    if not chapter.cells:
        return Executed(chapter, ())
    folder = cache.folder_of(chapter, settings, cache.EMBEDDED)
    for _ in range(ATTEMPTS):
        found = dependencies(chapter, book, settings)
        notebook = _notebook(chapter, book, found)
        cached = None if rerun else cache.look_up(notebook, folder)
        if cached is None:
            reasons = cache.reasons(chapter, found, settings, cache.EMBEDDED)
            why = ["asked for"] if rerun else reasons or ["its cached output is damaged"]
            progress(f"{chapter.short_name}: {'; '.join(why)}")
            await _run(notebook, chapter, settings, progress)
            if changed := ", ".join(changes(found, dependencies(chapter, book, settings))):
                progress(f"{chapter.short_name}: {changed} changed meanwhile: once more")
                continue
            cache.store(notebook, chapter.name, folder)
        else:
            progress(f"{chapter.short_name}: fresh")
        cache.record(chapter, found, settings, cache.EMBEDDED)
        return Executed(chapter, tuple(cell.outputs for cell in (cached or notebook).cells))
    raise UserError(
        f"{chapter.path.name}: {changed} kept changing while it was executed: render again when "
        "the files are at rest."
    )


def _notebook(chapter: Chapter, book: Book, found: dict[str, str]) -> "NotebookNode":
    """Make the notebook: a hidden cell with set-up and digest, then the chapter's own."""
    from nbformat.v4 import new_code_cell, new_notebook

    defaults = {"width": 6.4, "height": 3, "dpi": 144}
    figures = {name: book.option(f"fig-{name}", value) for name, value in defaults.items()}
    hidden = _SET_UP.format(**figures) + digest_source(found)
    sources = [hidden, *(cell.source for cell in chapter.cells[1:])]
    return new_notebook(cells=[new_code_cell(source) for source in sources])


async def _run(
    notebook: "NotebookNode", chapter: Chapter, settings: Settings, progress: Progress
) -> None:
    """Execute a chapter's notebook; a failure names the chapter, the line and the cell."""
    cells = chapter.cells  # the first holds the digest

    def on_cell(index: int, seconds: float) -> None:
        if index:
            place = f"cell {index}/{len(cells) - 1} {cells[index].label}"
            progress(f"{chapter.short_name}, {place}, {seconds:.0f} s")

    try:
        # conda sets this for everybody, and chapters know by it that Quarto executes them
        environment = {**cells_environment(settings), "QUARTO_SHARE_PATH": ""}
        environment.setdefault("OMP_NUM_THREADS", str(max(1, (os.cpu_count() or 1) // AT_ONCE)))
        await run_notebook(notebook, settings.root, environment, on_cell)
    except CellFailed as error:
        raise UserError(failure_of(cells[error.index], error.line, str(error))) from error


def failure_of(cell: Cell, line: int, error: str) -> str:
    """Say where a cell failed, so many lines below its fence."""
    place = f"{cell.file.name}, line {cell.line + line}"
    return f"{place}: the cell {cell.label} failed: {error}\n{KEPT}"


def cells_environment(settings: Settings) -> dict[str, str]:
    """Pass the run's settings on to the cells, and have them import the project's own package."""
    path = [str(settings.root), os.environ.get("PYTHONPATH", "")]
    return {
        **os.environ,
        "MMN13_DATA": str(settings.data or ""),
        "MMN13_WEIGHTS": str(settings.weights or ""),
        "MMN13_OFFLINE": "1" if settings.offline else "",
        "PYTHONPATH": os.pathsep.join(filter(None, path)),
    }


async def run_notebook(
    notebook: "NotebookNode",
    folder: Path,
    environment: Mapping[str, str],
    on_cell: Callable[[int, float], None],
) -> None:
    """Execute a notebook in place, in `folder`; `on_cell` gets each cell's index and seconds.

    Raises `CellFailed` for a cell's own error and for a kernel that died.
    """
    from jupyter_client.kernelspec import KernelSpecManager
    from jupyter_client.manager import AsyncKernelManager
    from nbclient import NotebookClient
    from nbclient.exceptions import CellExecutionError

    began: list[float] = []  # when each cell did

    def on_start(**_: object) -> None:
        began.append(time.monotonic())
        if _INTERRUPTED.is_set():
            raise RuntimeError

    with tempfile.TemporaryDirectory(prefix="mmn13-") as private:
        manager = AsyncKernelManager(
            kernel_spec_manager=KernelSpecManager(kernel_dirs=[]),  # none that the machine has
            transport="tcp" if os.name == "nt" else "ipc",
            connection_file=str(Path(private) / "kernel.json"),
        )
        client = NotebookClient(
            notebook,
            km=manager,
            timeout=None,
            startup_timeout=600,  # a busy machine needs more than the minute that is the default
            record_timing=False,
            coalesce_streams=True,
            resources={"metadata": {"path": str(folder)}},
            on_cell_start=on_start,
            on_cell_executed=lambda cell_index, **_: on_cell(
                cell_index, time.monotonic() - began[-1]
            ),
        )
        client.owns_km = True  # it shuts the kernel down at the end
        try:
            await client.async_execute(env={**environment, **neutral_kernel(Path(private))})
        except CellExecutionError as error:
            raise CellFailed(len(began) - 1, *explain(error.traceback)) from error
        except (RuntimeError, AssertionError) as error:  # it died, or never answered
            died = "Python died while it ran (out of memory?)"
            raise CellFailed(max(len(began) - 1, 0), died) from error


def neutral_kernel(folder: Path) -> dict[str, str]:
    """Write settings for a kernel that takes nobody's own, and name them as variables do."""
    profile = folder / "profile_default"
    profile.mkdir(parents=True, exist_ok=True)
    (profile / "ipython_kernel_config.py").write_text(_KERNEL_OPTIONS)
    (folder / "matplotlibrc").touch()
    return {"IPYTHONDIR": str(folder), "MATPLOTLIBRC": str(folder / "matplotlibrc")}


def explain(traceback: str) -> tuple[str, int]:
    """Pick the error's own words out of a cell's traceback, and the line (0 where it has none)."""
    text = re.sub(r"\x1b\[[0-9;]*[A-Za-z]", "", traceback)
    said = [line for line in text.splitlines() if line and not line.startswith("WARN:")]
    ends = [i for i, line in enumerate(said) if re.match(r"[A-Za-z_][\w.]*(: |$)", line)]
    words = " ".join(said[ends[-1] :] if ends else said[-1:])
    line = _LINE.search(text)
    return re.sub(r"^\S*UserError: ", "", words), int(line[line.lastindex or 0]) if line else 0
