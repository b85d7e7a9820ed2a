"""The engine Quarto: runs ``quarto render``, shows its progress, says which cell failed.

What comes before and after is done by the book's hooks, as of a ``quarto render`` typed by hand.
"""

import re
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, NoReturn

import psutil

from mmn13lib.foundation import storage
from mmn13lib.foundation.errors import UserError
from mmn13lib.foundation.settings import Settings
from mmn13lib.rendering import cache, execution, hook
from mmn13lib.rendering.book import Book, read_book
from mmn13lib.rendering.dependencies import dependencies, digest_source
from mmn13lib.rendering.execution import KEPT, Progress

_COLOUR = re.compile(r"\x1b\[[0-9;]*[A-Za-z]")
_CHAPTER = re.compile(r"^\[\d+/\d+\] (\S+\.qmd)$")
_CELL = re.compile(r"^\s*Cell (\d+)/(\d+): '(.*?)'\.*")

OLDEST = (1, 9)
FIX = 'pip install "quarto-cli>=1.9", or https://quarto.org/docs/get-started/'
PATIENCE = 10  # seconds that Quarto has to end by itself when it is told to


def installed() -> tuple[bool, str]:
    """Say whether a Quarto that is new enough is on the PATH, and what was found."""
    executable = shutil.which("quarto")
    if executable is None:
        return False, "not on the PATH"
    try:
        answer = subprocess.run(
            [executable, "--version"], capture_output=True, text=True, timeout=60, check=True
        ).stdout.strip()
        version = tuple(int(part) for part in answer.split("-")[0].split(".")[:2])
    except (OSError, subprocess.SubprocessError, ValueError):
        return False, f"{executable} does not run"
    if version < OLDEST:
        return False, f"{answer} is too old"
    return True, f"{answer}, {executable}"


def chosen(engine: str = "auto") -> str:
    """Name the engine that renders: with auto, Quarto where there is one that is new enough.

    Raises `UserError` if Quarto is asked for and can't be used.
    """
    if engine == "embedded":
        return engine
    usable, detail = installed()
    if engine == "quarto" and not usable:
        raise UserError(
            f"Quarto can't be used: {detail}. To get it: {FIX}; "
            "or `mmn13 render --engine embedded`, which needs none."
        )
    return "quarto" if usable else "embedded"


def render(settings: Settings, rerun: Sequence[str] = (), progress: Progress = print) -> list[Path]:
    """Make the site and the PDF with Quarto; `UserError` names the chapter, cell and line."""
    hook.write_cells(settings)
    book = read_book(settings.root)
    for chapter in book.chapters:
        if chapter.cells and chapter.name in rerun:
            mark = digest_source(dependencies(chapter, book, settings))
            cache.forget(mark, cache.folder_of(chapter, settings, cache.QUARTO))
    with _without_leftovers(book):
        _run(book, settings, progress)
    name = book.option("book.output-file", "index")
    made = ("index.html", f"{name}.pdf", f"{name}.ipynb")
    return [settings.report / file for file in made]


@contextmanager
def _without_leftovers(book: Book) -> Iterator[None]:
    """Remove what a Quarto that did not come to its end leaves beside the chapters."""

    def found() -> set[Path]:
        endings = (".html", ".typ", ".pdf", "_files", ".quarto_ipynb*")
        patterns = [f"{chapter.path.stem}{end}" for chapter in book.chapters for end in endings]
        patterns.append("site_libs")
        folders = {book.root, *(chapter.path.parent for chapter in book.chapters)}
        return {path for folder in folders for each in patterns for path in folder.glob(each)}

    before = found()
    try:
        yield
    except BaseException:
        for path in found() - before:
            shutil.rmtree(path) if path.is_dir() else path.unlink(missing_ok=True)
        raise


def _run(book: Book, settings: Settings, progress: Progress) -> None:
    """Run Quarto; show its progress line by line and keep all it says in a log."""
    environment = {
        **execution.cells_environment(settings),
        "QUARTO_PYTHON": sys.executable,
        hook.PREPARED: "1",
        **execution.neutral_kernel(settings.cache / "kernel"),
    }
    said: list[str] = []
    with (
        subprocess.Popen(
            ["quarto", "render"],
            cwd=settings.root,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            encoding="utf-8",
            errors="replace",
            start_new_session=True,  # Ctrl-C comes to this process alone, which ends them all
        ) as process,
        _ending(process),
    ):
        assert process.stdout is not None
        for line in _translated(process.stdout, said):
            progress(line)
    if process.returncode:
        log = settings.cache / "quarto.log"
        storage.write_bytes(log, "\n".join(said).encode())
        raise UserError(f"{failure(said, process.returncode, book)} All that Quarto said: {log}.")


@contextmanager
def _ending(process: "subprocess.Popen[str]") -> Iterator[None]:
    """End Quarto and all that it started, whatever ends this; SIGTERM ends this as Ctrl-C does."""

    def stop(number: int, frame: Any) -> NoReturn:
        raise SystemExit(128 + number)

    previous = signal.signal(signal.SIGTERM, stop)
    try:
        yield
    except BaseException:
        with suppress(psutil.NoSuchProcess):
            quarto = psutil.Process(process.pid)
            started = [quarto, *quarto.children(recursive=True)]
            for one in started:
                with suppress(psutil.NoSuchProcess):
                    one.terminate()
            for one in psutil.wait_procs(started, PATIENCE)[1]:
                with suppress(psutil.NoSuchProcess):
                    one.kill()
        raise
    finally:
        signal.signal(signal.SIGTERM, previous)


def _translated(stream: Iterable[str], said: list[str]) -> Iterator[str]:
    """Turn Quarto's progress into this command's, and keep every line in `said`."""
    chapter, began = "", time.monotonic()
    for raw in stream:
        line = _COLOUR.sub("", raw).replace("\r", "").rstrip()
        said.append(line)
        if title := _CHAPTER.match(line):
            chapter, began = Path(title[1]).stem.split("-")[0], time.monotonic()
        elif cell := _CELL.match(line):
            seconds = time.monotonic() - began
            began = time.monotonic()
            if cell[3] != "dependencies":
                number, total = int(cell[1]) - 1, int(cell[2]) - 1
                yield f"{chapter}, cell {number}/{total} {cell[3]}, {seconds:.0f} s"
        elif line.startswith(hook.SAYS):
            yield line.removeprefix(hook.SAYS)
        elif "Compiling" in line:
            yield "Making the PDF."


def failure(said: Sequence[str], code: int, book: Book) -> str:
    """Put what Quarto said before it failed into a sentence that names the place.

    A negative `code` is the signal that killed it.
    """
    if code < 0:
        return f"Quarto was killed (signal {-code}). {KEPT}"
    place = label = ""
    for line in said:
        if title := _CHAPTER.match(line):
            place = f" at {title[1]}"
        elif cell := _CELL.match(line):
            label = cell[3]
    _, found, trace = "\n".join(said).partition("following cell:")
    known = [cell for chapter in book.chapters for cell in chapter.cells if cell.label == label]
    if not (found and known):
        shown = [line for line in said if line.startswith(("mmn13:", "error:", "ERROR"))]
        why = " ".join(shown[:1] or [line for line in said if line][-3:])
        return f"Quarto failed{place}: {why.rstrip('.')}. {KEPT}"
    error, number = execution.explain(trace)
    # Quarto counts from the line above the first one of code
    options = known[0].source.rstrip("\n").count("\n") - known[0].code.count("\n")
    return execution.failure_of(known[0], options + number, error)
