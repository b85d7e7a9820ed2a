"""Renders the report: prepares, chooses the engine, executes what has to be, publishes."""

import shutil
from collections.abc import Sequence
from importlib.metadata import version
from pathlib import Path

from mmn13lib.foundation import storage
from mmn13lib.foundation.errors import UserError
from mmn13lib.foundation.provenance import file_digest, key
from mmn13lib.foundation.settings import Settings
from mmn13lib.rendering import cache, document, notebook, quarto
from mmn13lib.rendering.book import Book, read_book
from mmn13lib.rendering.dependencies import dependencies
from mmn13lib.rendering.execution import Progress, execute_all, render_lock
from mmn13lib.rendering.publishing import publish

HERE = Path(__file__).parent


def render(
    settings: Settings,
    engine: str = "auto",
    rerun: Sequence[str] = (),
    strict: bool = False,
    progress: Progress = print,
) -> tuple[list[Path], list[str]]:
    """Make the report with an engine; give its files, first the one to open, and warnings.

    `rerun` names chapters to execute whatever the cache says, as ``q2`` or ``q2-backpropagation``.
    Raises `UserError` if a chapter can't be made; the last good report then stays where it is.
    """
    from mmn13lib.rendering.prepare import prepare

    engine = quarto.chosen(engine)
    book = read_book(settings.root)
    names = {chapter.short_name: chapter.name for chapter in book.chapters}
    names |= {chapter.name: chapter.name for chapter in book.chapters}
    for name in rerun:
        if name not in names:
            known = ", ".join(chapter.short_name for chapter in book.chapters if chapter.cells)
            raise UserError(f"There is no chapter {name} to run again; there are {known}.")
    with render_lock(settings, progress):
        warnings = prepare(settings, strict, progress)
        make = quarto.render if engine == "quarto" else render_embedded
        return make(settings, [names[name] for name in rerun], progress), warnings


def render_embedded(
    settings: Settings, rerun: Sequence[str] = (), progress: Progress = print
) -> list[Path]:
    """Make one HTML file and one PDF with the embedded engine."""
    book = read_book(settings.root)
    if not rerun and (files := _made_before(book, settings)):
        for chapter in book.chapters:
            if chapter.cells:
                progress(f"{chapter.short_name}: fresh")
        progress("The documents are fresh.")
        return files
    executed = execute_all(book.chapters, book, settings, progress, rerun)
    progress("Making the documents.")
    made_from, folder = _key(book, settings), settings.cache / "documents"
    try:
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        made = [*document.build(executed, book, folder), notebook.write(executed, book, folder)]
        publish(folder, settings.report, {file.name for file in made})
    except OSError as error:
        raise storage.disk_error(folder, error) from error
    digests = {file.name: file_digest(file) for file in made}
    storage.write_json(settings.cache / "documents.json", {"key": made_from, "digests": digests})
    return [settings.report / file.name for file in made]


def _made_before(book: Book, settings: Settings) -> list[Path]:
    """Find the finished documents, if they and the cache are still those of the same chapters."""
    try:
        made = storage.read_json(settings.cache / "documents.json")
        found = {name: file_digest(settings.report / name) for name in made["digests"]}
    except (storage.Damaged, OSError):
        return []
    fresh = made["key"] and found == made["digests"] and made["key"] == _key(book, settings)
    return [settings.report / name for name in found] if fresh else []


def _key(book: Book, settings: Settings) -> str:
    """Digest all that the documents are made of; empty, if a chapter has to be executed."""
    content = []
    for chapter in book.chapters:
        found = dependencies(chapter, book, settings)
        if chapter.cells and cache.reasons(chapter, found, settings, cache.EMBEDDED):
            return ""
        content += [repr(chapter.parts), found]
    files = [book.root / name for name in book.files]
    files += [
        HERE / "document.py",
        HERE / "notebook.py",
        HERE / "filter.lua",
        *sorted((HERE / "templates").iterdir()),
    ]
    digests = [file_digest(file) for file in files]
    versions = [version(name) for name in ("pypandoc_binary", "typst")]
    return key(content=content, files=digests, book=book.config, versions=versions)
