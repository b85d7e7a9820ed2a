"""Renders the report: prepares, chooses the engine, executes what has to be, publishes."""

import shutil
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from importlib.metadata import version
from pathlib import Path

from mmn13lib.foundation import storage
from mmn13lib.foundation.errors import UserError
from mmn13lib.foundation.provenance import file_digest, key
from mmn13lib.foundation.settings import Settings
from mmn13lib.rendering import document, notebook, quarto
from mmn13lib.rendering.book import Book, read_book
from mmn13lib.rendering.dependencies import Outside, dependencies
from mmn13lib.rendering.execution import Executed, Progress, execute_all, render_lock
from mmn13lib.rendering.publishing import publish

HERE = Path(__file__).parent
Prepare = Callable[[], tuple[list[str], Outside]]
"""Makes what the chapters need; returns warnings, and what they depend on beside code."""


def render(
    settings: Settings,
    prepare: Prepare,
    engine: str = "auto",
    rerun: Sequence[str] = (),
    progress: Progress = print,
) -> tuple[list[Path], list[str]]:
    """Make the report with an engine; return its files, first the one to open, and warnings.

    `rerun` names chapters to execute whatever is stored, as ``q2`` or ``q2-backpropagation``.
    Raises `UserError` if a chapter can't be made; the last good report then stays where it is.
    """
    engine = quarto.chosen(engine, settings.root)
    book = read_book(settings.root)
    for name in rerun:
        if not any(name in (chapter.short_name, chapter.name) for chapter in book.chapters):
            known = ", ".join(chapter.short_name for chapter in book.chapters if chapter.cells)
            raise UserError(f"There is no chapter {name} to run again; there are {known}.")
    again = [c for c in book.chapters if c.cells and {c.short_name, c.name} & {*rerun}]
    with render_lock(settings, progress):
        warnings, outside = prepare()
        if engine == "quarto":
            quarto.render(settings, book, outside, again)
            name = book.option("book.output-file", "report")
            made = ("index.html", f"{name}.pdf", f"{name}.ipynb")
            return [settings.report / file for file in made], warnings
        names = [chapter.name for chapter in again]
        return render_built_in(settings, book, outside, names, progress), warnings


def render_built_in(
    settings: Settings,
    book: Book,
    outside: Outside,
    rerun: Sequence[str] = (),
    progress: Progress = print,
) -> list[Path]:
    """Make one HTML file, one PDF and the notebook with the built-in engine."""
    if not rerun and (files := _made_before(book, settings, outside)):
        for chapter in book.chapters:
            if chapter.cells:
                progress(f"{chapter.short_name}: fresh")
        progress("The documents are fresh.")
        return files
    executed = execute_all(book.chapters, book, settings, outside, progress, rerun)
    progress("Making the documents.")
    made_from, folder = _key(book, outside), settings.cache / "documents"
    try:
        shutil.rmtree(folder, ignore_errors=True)
        made = _make(executed, book, folder)
        publish({file.name: file for file in made}, settings.report)
    except OSError as error:
        raise storage.disk_error(folder, error) from error
    digests = {file.name: file_digest(file) for file in made}
    storage.write_json(settings.cache / "documents.json", {"key": made_from, "digests": digests})
    return [settings.report / file.name for file in made]


def _make(executed: Sequence[Executed], book: Book, folder: Path) -> list[Path]:
    """Make each format in a folder of its own, since all of them write the figures' files."""

    def make(format: str) -> Path:
        (folder / format).mkdir(parents=True)
        if format == "notebook":
            return notebook.write(executed, book, folder / format)
        return document.build(executed, book, format, folder / format)

    with ThreadPoolExecutor() as pool:
        return list(pool.map(make, ("html", "typst", "notebook")))


def _made_before(book: Book, settings: Settings, outside: Outside) -> list[Path]:
    """Find the finished documents, if they are still those of the same chapters."""
    try:
        made = storage.read_json(settings.cache / "documents.json")
        found = {name: file_digest(settings.report / name) for name in made["digests"]}
    except (storage.Damaged, OSError):
        return []
    fresh = found == made["digests"] and made["key"] == _key(book, outside)
    return [settings.report / name for name in found] if fresh else []


def _key(book: Book, outside: Outside) -> str:
    """Digest all that the documents are made of."""
    content = [(repr(c.parts), dependencies(c, book, outside)) for c in book.chapters]
    files = [book.root / name for name in book.files]
    files += [
        *sorted(HERE.glob("*.py")),
        HERE / "filter.lua",
        *sorted((HERE / "templates").iterdir()),
    ]
    digests = [file_digest(file) for file in files]
    versions = [version(name) for name in ("pypandoc_binary", "typst")]
    return key(content=content, files=digests, book=book.config, versions=versions)
