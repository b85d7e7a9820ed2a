"""The engine Quarto: runs ``quarto render``, shows its progress, says which cell failed.

What has to be done before and after is done by the book's hooks, `mmn13lib.rendering.hook`, which a
``quarto render`` typed by hand runs too.
"""

import os
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path

from mmn13lib.foundation import storage
from mmn13lib.foundation.errors import UserError
from mmn13lib.foundation.settings import Settings
from mmn13lib.rendering import hook
from mmn13lib.rendering.book import Book, Chapter, read_book
from mmn13lib.rendering.dependencies import dependencies, digest_source

Progress = Callable[[str], None]

_COLOUR = re.compile(r"\x1b\[[0-9;]*[A-Za-z]")
_CHAPTER = re.compile(r"^\[\d+/\d+\] (\S+\.qmd)$")
_CELL = re.compile(r"^\s*Cell (\d+)/(\d+): '(.*?)'\.*")
_ERROR_LINE = re.compile(r"^Cell In\[\d+\], line (\d+)|\(line (\d+)\)|^\s*File <ipython.*>:(\d+)")


OLDEST = (1, 9)
FIX = 'pip install "quarto-cli>=1.9", or https://quarto.org/docs/get-started/'


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


def render(settings: Settings, rerun: Sequence[str] = (), progress: Progress = print) -> list[Path]:
    """Make the site and the PDF with Quarto, both from chapters executed once.

    Parameters
    ----------
    settings
        The run's settings; its data, weights and results are there already.
    rerun
        Chapters to execute whatever the cache says: ``q2`` or ``q2-backpropagation``.
    progress
        Gets each line to show.

    Returns
    -------
    list of Path
        The page to open first, and the PDF.

    Raises
    ------
    UserError
        If Quarto is missing or too old, or if it fails: chapter, cell, line and the error. The
        last good report then stays where it is.
    """
    usable, detail = installed()
    if not usable:
        raise UserError(
            f"Quarto can't be used: {detail}. To get it: {FIX}; "
            "or `mmn13 render --engine embedded`, which needs none."
        )
    # this takes a moment to import, which `mmn13 status` shall not wait for
    from mmn13lib.rendering.execution import only_render

    with only_render(settings, progress):
        hook.restore_placeholders(settings.root)
        book = read_book(settings.root)
        for chapter in book.chapters:
            if not {chapter.name, chapter.short_name}.isdisjoint(rerun):
                forget(chapter, book, settings)
        try:
            _run(book, settings, progress)
        finally:
            hook.restore_placeholders(settings.root)
    return [settings.report / "index.html", settings.report / "mmn13.pdf"]


def forget(chapter: Chapter, book: Book, settings: Settings) -> None:
    """Drop a chapter's present state from Quarto's cache, so that it is executed again.

    Parameters
    ----------
    chapter
        The chapter.
    book
        Its book.
    settings
        The run's settings.
    """
    from jupyter_cache import get_cache

    folder = chapter.path.parent / ".jupyter_cache"
    if not chapter.cells or not folder.is_dir():
        return
    mark = digest_source(dependencies(chapter, book, settings)).splitlines()[-1]
    try:
        cache = get_cache(folder)
        for record in cache.list_cache_records():
            cells = cache.get_cache_bundle(record.pk).nb.cells
            if any(mark in cell.source for cell in cells):
                cache.remove_cache(record.pk)
    except Exception:  # unreadable: without it everything is executed again, which is right too
        shutil.rmtree(folder, ignore_errors=True)


def _run(book: Book, settings: Settings, progress: Progress) -> None:
    """Run Quarto; show its progress line by line and keep all it says in a log."""
    environment = {
        **os.environ,
        "QUARTO_PYTHON": sys.executable,
        hook.PREPARED: "1",
        "MMN13_DATA": str(settings.data or ""),
        "MMN13_WEIGHTS": str(settings.weights or ""),
        "MMN13_OFFLINE": "1" if settings.offline else "",
    }
    process = subprocess.Popen(
        ["quarto", "render"],
        cwd=settings.root,
        env=environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        encoding="utf-8",
        errors="replace",
    )
    assert process.stdout is not None
    said: list[str] = []
    try:
        for line in _translated(process.stdout, said):
            progress(line)
        code = process.wait()
    except BaseException:
        process.terminate()
        process.wait()
        raise
    if code:
        log = settings.cache / "quarto.log"
        storage.write_bytes(log, "\n".join(said).encode())
        raise UserError(f"{failure(said, code, book)} All that Quarto said is in {log}.")


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

    Parameters
    ----------
    said
        Quarto's lines, without colours.
    code
        How it ended; negative for the signal that killed it.
    book
        The chapters, for the line numbers.

    Returns
    -------
    str
    """
    kept = "The last good report is still in its place, and the chapters that were done are kept."
    if code < 0:
        return f"Quarto was killed (signal {-code}). {kept}"
    place, label = "", ""
    for line in said:
        if title := _CHAPTER.match(line):
            place, label = title[1], ""
        elif cell := _CELL.match(line):
            label = cell[3]
    failed = next((i for i, line in enumerate(said) if "following cell:" in line), None)
    if failed is None:
        shown = [line for line in said if line.startswith(("mmn13:", "error:", "ERROR"))]
        why = " ".join(shown[:1] or [line for line in said if line][-3:])
        return f"Quarto failed{' at ' + place if place else ''}: {why.rstrip('.')}. {kept}"
    traceback = said[failed:]
    where = f"{Path(place).name}, line {_line_number(book, label, traceback)}"
    return f"{where}: the cell {label} failed: {_error(traceback)}\n{kept}"


def _line_number(book: Book, label: str, said: Sequence[str]) -> int:
    """Find the failing line in the chapter: Quarto counts from the first line of code."""
    cells = (cell for chapter in book.chapters for cell in chapter.cells)
    cell = next((cell for cell in cells if cell.label == label), None)
    if cell is None:
        return 1
    source = cell.source.splitlines()
    above = next((i for i, line in enumerate(source) if line and not line.startswith("#|")), 0)
    within = next((match for line in said if (match := _ERROR_LINE.search(line))), None)
    return cell.line + above + (int(next(filter(None, within.groups()))) if within else 0)


def _error(said: Sequence[str]) -> str:
    """Pick the error's own words out of a traceback."""
    said = [line for line in said if line and not line.startswith("WARN:")]
    ends = [i for i, line in enumerate(said) if re.match(r"^[A-Za-z_][\w.]*(: |$)", line)]
    words = " ".join(said[ends[-1] :] if ends else said[-1:])
    return re.sub(r"^\S*UserError: ", "", words)
