"""Executes chapters, once: what is stored of a chapter as it is now is not executed again."""

import asyncio
import atexit
import os
import re
import sys
import tempfile
import time
from collections.abc import Callable, Container, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, wait
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil

from mmn13lib.foundation.errors import UserError
from mmn13lib.foundation.settings import Settings
from mmn13lib.rendering import cache
from mmn13lib.rendering.book import Book, Chapter
from mmn13lib.rendering.dependencies import Outside, changes, dependencies, hidden_cell

AT_ONCE = 2  # chapters: one that is starting and importing leaves all cores but one idle
KEPT = "The last good report and all finished chapters are kept."
Progress = Callable[[str], None]

# Personal start-up files would change what the cells give; the warning is about sockets that
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


def execute_all(
    chapters: Sequence[Chapter],
    book: Book,
    settings: Settings,
    outside: Outside,
    progress: Progress = print,
    rerun: Container[Chapter] = (),
) -> list[Executed]:
    """Return chapters' outputs: the stored ones, or those of executing them, `AT_ONCE` at a time.

    Those of `rerun` are executed in any case. Raises `UserError` if a cell fails.
    """
    works: list[Future[cache.Outputs]] = []

    def outputs(chapter: Chapter) -> cache.Outputs:
        # after a failure what has begun is finished, and nothing else begins
        if not chapter.cells or any(work.done() and work.exception() for work in works):
            return ()
        found = dependencies(chapter, book, outside)
        again = chapter in rerun
        if not again and (stored := cache.read(chapter, found, settings)) is not None:
            progress(f"{chapter.short_name}: fresh")
            return stored
        reasons = cache.reasons(chapter, found, settings) or ["what is stored of it is damaged"]
        progress(f"{chapter.short_name}: {'asked for' if again else '; '.join(reasons)}")
        made = run_cells(chapter, hidden_cell(found, book), settings, progress)
        if changed := ", ".join(changes(found, dependencies(chapter, book, outside))):
            progress(f"{chapter.short_name}: {changed} meanwhile: render it once more")
        else:
            cache.write(chapter, found, made, settings)
        return made

    with ThreadPoolExecutor(AT_ONCE) as pool:
        works.extend(pool.submit(outputs, chapter) for chapter in chapters)
        try:
            wait(works)
        except KeyboardInterrupt:
            while wait(works, timeout=0.1).not_done:  # one may be about to start
                for kernel in psutil.Process().children():
                    kernel.kill()
            raise UserError(f"Interrupted. {KEPT}") from None
    return [Executed(chapter, work.result()) for chapter, work in zip(chapters, works, strict=True)]


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


def run_cells(
    chapter: Chapter, hidden: str, settings: Settings, progress: Progress
) -> cache.Outputs:
    """Execute a chapter's cells, the hidden one first; `UserError` says which failed, and where."""
    from jupyter_client.kernelspec import KernelSpecManager
    from jupyter_client.manager import AsyncKernelManager
    from nbclient import NotebookClient
    from nbclient.exceptions import CellExecutionError
    from nbformat.v4 import new_code_cell, new_notebook

    cells = chapter.cells
    sources = [hidden, *(cell.source for cell in cells[1:])]
    notebook = new_notebook(cells=[new_code_cell(source) for source in sources])
    began: list[float] = []  # when each cell did

    def on_start(**_: object) -> None:
        began.append(time.monotonic())

    def on_end(cell_index: int, **_: object) -> None:
        if cell_index:
            place = f"cell {cell_index}/{len(cells) - 1} {cells[cell_index].label}"
            progress(f"{chapter.short_name}, {place}, {time.monotonic() - began[-1]:.0f} s")

    with (
        tempfile.TemporaryDirectory(prefix="mmn13-") as temporary,
        Path(temporary, "said").open("w+", encoding="utf-8", errors="replace") as stderr,
    ):
        try:
            manager = AsyncKernelManager(
                kernel_spec_manager=KernelSpecManager(kernel_dirs=[]),  # none that the machine has
                connection_file=f"{temporary}/kernel.json",
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
                resources={"metadata": {"path": str(settings.root)}},
                on_cell_start=on_start,
                on_cell_executed=on_end,
            )
            client.owns_km = True  # it shuts the kernel down at the end
            environment = {**cells_environment(settings), **neutral_kernel(Path(temporary))}
            environment.setdefault("OMP_NUM_THREADS", str(max(1, (os.cpu_count() or 1) // AT_ONCE)))
            try:
                asyncio.run(client.async_execute(env=environment, stderr=stderr))
            finally:
                atexit.unregister(client._cleanup_kernel)  # of one that never started
        except Exception as error:
            stderr.seek(0)
            said = stderr.read().strip().rpartition("\n")[2]  # the machine's own words
            words = said or f"{type(error).__name__}: {error}"
            cell, line = cells[max(len(began) - 1, 0)], 0
            if not began:
                what = f"{chapter.path.name}: Python did not start to execute it: {words}"
            else:
                if isinstance(error, CellExecutionError):
                    words, line = explain(error)
                else:
                    words = f"Python died while it ran ({words})"
                place = f"{cell.file.name}, line {cell.line + line}"
                what = f"{place}: the cell {cell.label} failed: {words}"
            raise UserError(f"{what}\n{KEPT}") from error
    return tuple(cell.outputs for cell in notebook.cells)


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
