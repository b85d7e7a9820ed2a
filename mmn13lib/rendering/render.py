"""Renders the report: prepares, chooses the engine, executes what has to be, publishes."""

import shutil
import tempfile
from collections.abc import Sequence
from importlib.metadata import version
from pathlib import Path

from mmn13lib.foundation import storage
from mmn13lib.foundation.errors import UserError
from mmn13lib.foundation.provenance import file_digest, key
from mmn13lib.foundation.settings import Settings
from mmn13lib.rendering import cache, quarto
from mmn13lib.rendering.book import Book, read_book
from mmn13lib.rendering.dependencies import dependencies
from mmn13lib.rendering.execution import ENGINE, Progress, execute, render_lock
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
    names = {name for chapter in book.chapters for name in (chapter.name, chapter.short_name)}
    for name in rerun:
        if name not in names:
            known = ", ".join(chapter.short_name for chapter in book.chapters if chapter.cells)
            raise UserError(f"There is no chapter {name} to run again; there are {known}.")
    with render_lock(settings, progress):
        warnings = prepare(settings, strict, progress)
        make = quarto.render if engine == "quarto" else render_embedded
        return make(settings, rerun, progress), warnings


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
    executed = []
    for chapter in book.chapters:
        again = chapter.name in rerun or chapter.short_name in rerun
        executed.append(execute(chapter, book, settings, progress, again))
    progress("Making the documents.")
    from mmn13lib.rendering.document import build

    made_from = _key(book, settings)
    for abandoned in settings.root.glob("_report.build-*"):
        shutil.rmtree(abandoned, ignore_errors=True)
    try:
        with tempfile.TemporaryDirectory(prefix="_report.build-", dir=settings.root) as folder:
            made = build(executed, book, Path(folder))
            publish(Path(folder), settings.report, {file.name for file in made})
    except OSError as error:
        raise storage.disk_error(settings.report / "mmn13.pdf", error) from error
    files = [settings.report / file.name for file in made]
    digests = {file.name: file_digest(file) for file in files}
    storage.write_json(settings.cache / "documents.json", {"key": made_from, "digests": digests})
    return files


def _made_before(book: Book, settings: Settings) -> list[Path]:
    """Find the finished documents, if they and the cache are still those of the same chapters."""
    try:
        made = storage.read_json(settings.cache / "documents.json")
        files = [settings.report / name for name in made["digests"]]
        if [file_digest(file) for file in files] != [*made["digests"].values()]:
            return []
    except (storage.Damaged, OSError, ValueError, KeyError, TypeError, AttributeError):
        return []
    return files if _key(book, settings) == made["key"] else []


def _key(book: Book, settings: Settings) -> str:
    """Digest all that the documents are made of; empty, if a chapter has to be executed."""
    content = []
    for chapter in book.chapters:
        found = dependencies(chapter, book, settings)
        if chapter.cells and cache.reasons(chapter.name, found, settings, ENGINE):
            return ""
        content += [repr(chapter.parts), found]
    names = [book.option("bibliography"), book.option("format.html.css")]
    names += book.option("format.typst.template-partials", [])
    files = [book.root / name for name in names if name]
    files += [HERE / "document.py", HERE / "filter.lua", *sorted((HERE / "templates").iterdir())]
    versions = [version(name) for name in ("pypandoc_binary", "typst")]
    digests = [file_digest(file) for file in files]
    return key(content=content, files=digests, book=book.config, versions=versions)
