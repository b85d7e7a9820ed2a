"""Executes chapters, once: what is stored of a chapter as it is now is not executed again."""

import asyncio
import atexit
import os
import re
import sys
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
from mmn13lib.rendering.dependencies import Outside, changes, dependencies, hidden_cell

if TYPE_CHECKING:
    from nbformat import NotebookNode

AT_ONCE = 2  # chapters: one that is starting and importing leaves all cores but one idle
ATTEMPTS = 3  # where what a chapter is made from changes while it is executed
KEPT = "The last good report and all finished chapters are kept."
Progress = Callable[[str], None]
T = TypeVar("T")
_INTERRUPTED = threading.Event()
_LONGEST_SOCKET = 107  # bytes of its path

# Personal start-up files would change what the cells give; the warning is about a socket that
# only this machine reaches.
_KERNEL_OPTIONS = """\
c.InteractiveShellApp.exec_PYTHONSTARTUP = False
c.InteractiveShellApp.exec_lines = []
c.InteractiveShellApp.exec_files = []
c.InteractiveShellApp.extensions = []
c.HistoryManager.enabled = False
c.IPKernelApp.log_level = "CRITICAL"
"""
# Nor does the machine's own configuration count, which IPython reads whatever it is told.
_START = """\
from IPython.core import application
application.SYSTEM_CONFIG_DIRS.clear()
application.ENV_CONFIG_DIRS.clear()
from ipykernel.kernelapp import launch_new_instance
launch_new_instance()
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


def execute_all(
    chapters: Iterable[Chapter],
    book: Book,
    settings: Settings,
    outside: Outside,
    progress: Progress = print,
    rerun: Iterable[str] = (),
) -> list[Executed]:
    """Return chapters' outputs: the stored ones, or those of executing them, `AT_ONCE` at a time.

    `rerun` names chapters to execute in any case. Raises `UserError` if a cell fails.
    """
    free = asyncio.Semaphore(AT_ONCE)
    failures: list[Exception] = []

    async def one(chapter: Chapter) -> Executed:
        async with free:
            if not failures:  # what has begun is finished, and nothing else begins
                try:
                    again = chapter.name in rerun
                    outputs = await _outputs(chapter, book, settings, outside, progress, again)
                    return Executed(chapter, outputs)
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


async def _outputs(
    chapter: Chapter,
    book: Book,
    settings: Settings,
    outside: Outside,
    progress: Progress,
    rerun: bool,
) -> cache.Outputs:
    if not chapter.cells:
        return ()
    for _ in range(ATTEMPTS):
        found = dependencies(chapter, book, outside)
        outputs = None if rerun else cache.read(chapter, found, settings)
        if outputs is not None:
            progress(f"{chapter.short_name}: fresh")
            return outputs
        reasons = cache.reasons(chapter, found, settings) or ["what is stored of it is damaged"]
        progress(f"{chapter.short_name}: {'asked for' if rerun else '; '.join(reasons)}")
        outputs = await _run(hidden_cell(found, book), chapter, settings, progress)
        changed = ", ".join(changes(found, dependencies(chapter, book, outside)))
        if not changed:
            cache.write(chapter, found, outputs, settings)
            return outputs
        progress(f"{chapter.short_name}: {changed} meanwhile: once more")
    raise UserError(
        f"{chapter.path.name}: {changed} again and again while it was executed: render again when "
        "the files are at rest."
    )


async def _run(
    hidden: str, chapter: Chapter, settings: Settings, progress: Progress
) -> cache.Outputs:
    """Execute a chapter's cells; a failure names the chapter, the line and the cell."""
    from nbformat.v4 import new_code_cell, new_notebook

    cells = chapter.cells  # the first is the hidden one
    sources = [hidden, *(cell.source for cell in cells[1:])]
    notebook = new_notebook(cells=[new_code_cell(source) for source in sources])

    def on_cell(index: int, seconds: float) -> None:
        if index:
            place = f"cell {index}/{len(cells) - 1} {cells[index].label}"
            progress(f"{chapter.short_name}, {place}, {seconds:.0f} s")

    try:
        environment = cells_environment(settings)
        environment.setdefault("OMP_NUM_THREADS", str(max(1, (os.cpu_count() or 1) // AT_ONCE)))
        await run_notebook(notebook, settings.root, environment, on_cell)
    except CellFailed as error:
        raise UserError(failure_of(cells[error.index], error.line, str(error))) from error
    return tuple(cell.outputs for cell in notebook.cells)


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

    Raises `CellFailed` for a cell's own error and for a kernel that died, `UserError` for one
    that did not start.
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

    said = ""
    try:
        with tempfile.TemporaryDirectory(prefix="mmn13-") as temporary:
            private = Path(temporary)
            socket = os.fsencode(private / "kernel-ipc-12345")
            manager = AsyncKernelManager(
                kernel_spec_manager=KernelSpecManager(kernel_dirs=[]),  # none that the machine has
                transport="tcp" if os.name == "nt" or len(socket) > _LONGEST_SOCKET else "ipc",
                connection_file=str(private / "kernel.json"),
            )
            assert manager.kernel_spec is not None
            manager.kernel_spec.argv = [sys.executable, "-c", _START, "-f", "{connection_file}"]
            client = NotebookClient(
                notebook,
                km=manager,
                timeout=None,
                startup_timeout=600,  # a busy machine needs more than the minute that is usual
                record_timing=False,
                coalesce_streams=True,
                resources={"metadata": {"path": str(folder)}},
                on_cell_start=on_start,
                on_cell_executed=lambda cell_index, **_: on_cell(
                    cell_index, time.monotonic() - began[-1]
                ),
            )
            client.owns_km = True  # it shuts the kernel down at the end
            own = {**environment, **neutral_kernel(private)}
            with (private / "said").open("w+", encoding="utf-8", errors="replace") as stderr:
                try:
                    await client.async_execute(env=own, stderr=stderr)
                finally:
                    atexit.unregister(client._cleanup_kernel)  # of one that never started
                    stderr.seek(0)
                    said = stderr.read().strip().rpartition("\n")[2]
    except CellExecutionError as error:
        raise CellFailed(len(began) - 1, *explain(error)) from error
    except Exception as error:  # the machine's, in its own words
        words = said or f"{type(error).__name__}: {error}"
        if began:
            raise CellFailed(len(began) - 1, f"Python died while it ran ({words})") from error
        raise UserError(f"Python did not start to execute the chapters: {words} {KEPT}") from error


def neutral_kernel(folder: Path) -> dict[str, str]:
    """Write settings for a kernel that takes nobody's own, and name them as variables do."""
    profile = folder / "profile_default"
    profile.mkdir(parents=True, exist_ok=True)
    (profile / "ipython_kernel_config.py").write_text(_KERNEL_OPTIONS)
    return {"IPYTHONDIR": str(folder)}


def explain(error: Any) -> tuple[str, int]:
    """Return nbclient's error in a cell in its own words, and its line (0 where it has none)."""
    text = re.sub(r"\x1b\[[0-9;]*[A-Za-z]", "", error.traceback)
    line = re.search(r"^Cell In\[\d+\], line (\d+)", text, flags=re.MULTILINE)
    words = " ".join(str(error.evalue).splitlines())
    said = words if error.ename == "UserError" else f"{error.ename}: {words}"
    return said, int(line[1]) if line else 0
