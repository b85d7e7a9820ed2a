"""Renders the report: prepares, chooses the engine, executes what has to be, publishes."""

import shutil
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from mmn13lib.foundation.errors import UserError
from mmn13lib.foundation.locks import exclusive
from mmn13lib.foundation.settings import Settings
from mmn13lib.rendering import document, notebook, quarto
from mmn13lib.rendering.book import Book, read_book
from mmn13lib.rendering.dependencies import Outside
from mmn13lib.rendering.execution import Executed, Progress, execute_all


def render(
    settings: Settings,
    prepare: Callable[[], Outside],
    engine: str = "auto",
    rerun: Sequence[str] = (),
    progress: Progress = print,
) -> list[Path]:
    """Make the report with an engine; return its files, first the one to open.

    `prepare` makes what the chapters need, and returns what they depend on beside code. `rerun`
    names chapters to execute whatever is stored, as ``q2`` or ``q2-backpropagation``. Raises
    `UserError` if a chapter can't be made; the last good report then stays where it is.
    """
    engine = quarto.chosen(engine, settings.root)
    book = read_book(settings.root)
    named = {name: c for c in book.chapters if c.cells for name in (c.short_name, c.name)}
    if unknown := [name for name in rerun if name not in named]:
        raise UserError(f"There is no chapter {unknown[0]} to execute: name {', '.join(named)}.")
    again = [named[name] for name in rerun]
    with exclusive(settings.artifacts / "render.lock", progress):
        outside = prepare()
        if engine == "quarto":
            quarto.render(settings, book, outside, again)
            name = book.option("book.output-file", "report")
            made = ("index.html", f"{name}.pdf", f"{name}.ipynb")
            return [settings.report / file for file in made]
        executed = execute_all(book.chapters, book, settings, outside, progress, again)
        progress("Making the documents.")
        return _make(executed, book, settings)


def _make(executed: Sequence[Executed], book: Book, settings: Settings) -> list[Path]:
    """Make one HTML file, one PDF and the notebook with the built-in engine, and publish them.

    Each has a folder of its own, since all of them write the figures' files.
    """
    folder = settings.cache / "documents"

    def make(format: str) -> Path:
        (folder / format).mkdir(parents=True)
        if format == "notebook":
            return notebook.write(executed, book, folder / format)
        return document.build(executed, book, format, folder / format)

    shutil.rmtree(folder, ignore_errors=True)
    with ThreadPoolExecutor() as pool:
        made = list(pool.map(make, ("html", "typst", "notebook")))
    publish({file.name: file for file in made}, settings.report)
    return [settings.report / file.name for file in made]


def publish(made: Mapping[str, Path], report: Path) -> None:
    """Make the report's folder hold copies of these files, under these names, and no others.

    A full disk leaves the last report.
    """
    new = report.with_name(f"{report.name}.new")
    shutil.rmtree(new, ignore_errors=True)
    for name, file in made.items():
        (new / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(file, new / name)
    if report.exists():
        shutil.rmtree(report)
    new.rename(report)
