"""Renders the report: chooses the engine, executes what has to be, swaps the new report in."""

import hashlib
import json
import shutil
import tempfile
from collections.abc import Callable, Sequence
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING

from mmn13lib.foundation import storage
from mmn13lib.foundation.errors import UserError
from mmn13lib.foundation.settings import Settings
from mmn13lib.rendering import quarto
from mmn13lib.rendering.book import Book, read_book

if TYPE_CHECKING:
    from mmn13lib.rendering.execution import Executed

HERE = Path(__file__).parent


def render(
    settings: Settings,
    engine: str = "auto",
    rerun: Sequence[str] = (),
    progress: Callable[[str], None] = print,
) -> list[Path]:
    """Make the report with one of the two engines.

    Parameters
    ----------
    settings
        The run's settings.
    engine
        quarto, embedded, or auto: Quarto where there is one that is new enough.
    rerun
        Chapters to execute whatever the cache says: ``q2`` or ``q2-backpropagation``.
    progress
        Gets each line to show.

    Returns
    -------
    list of Path
        The files made, the one to open first.

    Raises
    ------
    UserError
        If a chapter can't be made; the last good report then stays where it is.
    """
    book = read_book(settings.root)
    names = {name for chapter in book.chapters for name in (chapter.name, chapter.short_name)}
    for name in rerun:
        if name not in names:
            known = ", ".join(chapter.short_name for chapter in book.chapters if chapter.cells)
            raise UserError(f"There is no chapter {name} to run again; there are {known}.")
    if engine == "quarto" or (engine == "auto" and quarto.installed()[0]):
        return quarto.render(settings, rerun=rerun, progress=progress)
    return render_embedded(settings, book, rerun, progress)


def render_embedded(
    settings: Settings,
    book: Book,
    rerun: Sequence[str] = (),
    progress: Callable[[str], None] = print,
) -> list[Path]:
    """Make one HTML file and one PDF with the embedded engine; see `render`."""
    # these take a second to import, which other commands shall not wait for
    from mmn13lib.rendering.document import build
    from mmn13lib.rendering.execution import execute, only_render

    asked = set(rerun)
    with only_render(settings, progress):
        executed = []
        for chapter in book.chapters:
            again = not asked.isdisjoint((chapter.name, chapter.short_name))
            executed.append(execute(chapter, book, settings, progress, again))
        key = _key(executed, book)
        files = _made_before(settings, key)
        if files:
            progress("The documents are fresh.")
            return files
        progress("Making the documents.")
        for abandoned in settings.cache.glob("build-*"):
            shutil.rmtree(abandoned, ignore_errors=True)
        try:
            with tempfile.TemporaryDirectory(prefix="build-", dir=settings.cache) as folder:
                return _publish(build(executed, book, Path(folder)), settings, key)
        except OSError as error:
            raise storage.disk_error(settings.report / "mmn13.pdf", error) from error


def _key(executed: "Sequence[Executed]", book: Book) -> str:
    """Digest all that the documents are made of."""
    digest = hashlib.sha256()
    for chapter in executed:
        digest.update(repr(chapter.chapter.parts).encode())
        digest.update(json.dumps(chapter.outputs).encode())
    shared = [book.option("bibliography"), book.option("format.html.css")]
    shared += book.option("format.typst.template-partials", [])
    files = [book.root / str(name) for name in shared if name]
    files += [HERE / "document.py", HERE / "filter.lua", *sorted((HERE / "templates").iterdir())]
    for file in files:
        digest.update(file.read_bytes())
    versions = [version(name) for name in ("pypandoc_binary", "typst")]
    digest.update(json.dumps([book.config, versions]).encode())
    return digest.hexdigest()


def _made_before(settings: Settings, key: str) -> list[Path]:
    """Find the finished documents, if they are still those that were made from the same."""
    try:
        made = storage.read_json(settings.cache / "documents.json")
        files = [settings.report / name for name in made["files"]]
        same = made["key"] == key and [_digest(file) for file in files] == made["digests"]
    except (storage.Damaged, OSError, ValueError, KeyError, TypeError):
        return []
    return files if same else []


def _publish(made: list[Path], settings: Settings, key: str) -> list[Path]:
    """Swap the new documents in, each in one step; what else was there is of an older report."""
    record = {
        "key": key,
        "files": [file.name for file in made],
        "digests": [_digest(file) for file in made],
    }
    settings.report.mkdir(exist_ok=True)
    files = [file.replace(settings.report / file.name) for file in made]
    for other in set(settings.report.iterdir()) - set(files):
        shutil.rmtree(other) if other.is_dir() else other.unlink()
    storage.write_json(settings.cache / "documents.json", record)
    return files


def _digest(file: Path) -> str:
    return hashlib.sha256(file.read_bytes()).hexdigest()
