"""The book's hooks: `_quarto.yml` has every ``quarto render`` run this file, before and after.

A render that fails before the second one leaves the last good report alone.
"""

import os
import sys
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent
LACKS = (
    "mmn13: {python} lacks {name}. Activate .venv (`make report` makes it) or set QUARTO_PYTHON "
    "to its Python, then render again."
)
if __name__ == "__main__":
    # run by its path: the modules beside this file must not hide libraries of the same names
    sys.path = [str(HERE.parents[1]), *(path for path in sys.path if Path(path) != HERE)]

try:
    from mmn13lib.foundation import storage
    from mmn13lib.foundation.errors import UserError
    from mmn13lib.foundation.settings import Settings
    from mmn13lib.q3_transfer.data import inputs
    from mmn13lib.rendering import cache, notebook
    from mmn13lib.rendering.book import DIGEST_CELL, Book, Chapter, read_book
    from mmn13lib.rendering.config import fault_of_link
    from mmn13lib.rendering.dependencies import changes, dependencies, digest_source
    from mmn13lib.rendering.execution import Executed, neutral_kernel, render_lock
    from mmn13lib.rendering.publishing import publish
except ImportError as error:
    sys.exit(LACKS.format(python=sys.executable, name=error.name))

PREPARED = "MMN13_PREPARED"
PENDING = "quarto-render.json"
SAYS = "mmn13| "
MARKUP = frozenset("<>[]{}@$*_`^~|\\")


def before(settings: Settings) -> None:
    """Prepare, and write each chapter's dependencies into the hidden cell that it includes."""
    book = read_book(settings.root)
    _refuse_what_quarto_would_read(book)
    _refuse_personal_settings(settings)
    warnings = [] if os.environ.get(PREPARED) else _prepare(settings)
    for folder in {cache.folder_of(chapter, settings, cache.QUARTO) for chapter in book.chapters}:
        if cache.drop_damaged(folder):
            _say(f"{folder} is damaged: what it held is executed again")
    rendered, state = _rendered(book), _state(book, settings)
    depends = {}
    for chapter in (chapter for chapter in book.chapters if chapter.cells):
        found = dependencies(chapter, book, settings)
        _write_cell(chapter, digest_source(found) + _quarto_version())
        if chapter.path in rendered:
            reasons = cache.reasons(chapter, found, settings, cache.QUARTO)
            _say(f"{chapter.short_name}: {'; '.join(reasons) or 'fresh'}")
            depends[chapter.name] = found
    pending = {
        "dependencies": depends,
        "state": state,
        "whole": rendered >= {chapter.path for chapter in book.chapters},
        "warnings": [] if warnings == _warned(settings) else warnings,
        "warned": warnings,
        "quarto": os.getppid(),
    }
    storage.write_json(settings.cache / PENDING, pending)


def after(settings: Settings, built: Path) -> None:
    """Note what was executed, from what it still is made from, and publish the report."""
    pending = storage.read_json(settings.cache / PENDING)
    book = read_book(settings.root)
    touched = pending["state"] != _state(book, settings)
    if pending["whole"]:
        _write_notebook(book, pending["dependencies"], built, settings)
    for chapter in book.chapters:
        if found := pending["dependencies"].get(chapter.name):
            now = dependencies(chapter, book, settings) if touched else found
            _note(chapter, found, now, settings)
    publish(built, settings.report, whole=pending["whole"])
    for warning in pending["warnings"]:
        print(f"\n{warning}", flush=True)
    if not os.environ.get(PREPARED):
        names = " and ".join(_made(built))
        print(f"\nThe report, copied from {built.name}: {names} in {settings.report}", flush=True)


def _write_notebook(
    book: Book, depends: dict[str, dict[str, str]], built: Path, settings: Settings
) -> None:
    """Make the notebook of what Quarto has executed, as its cache holds it."""
    executed = []
    for chapter in book.chapters:
        outputs: tuple[list[Any], ...] | None = ()
        if chapter.cells:
            folder = cache.folder_of(chapter, settings, cache.QUARTO)
            outputs = cache.outputs(chapter, digest_source(depends[chapter.name]), folder)
        if outputs is None:
            _say(f"{chapter.short_name}: not in Quarto's cache, so there is no notebook")
            return
        executed.append(Executed(chapter, outputs))
    notebook.write(executed, book, built)


def write_cells(settings: Settings) -> None:
    """Make the files that the chapters include, where there are none: Quarto reads them first."""
    for chapter in read_book(settings.root).chapters:
        if chapter.cells and not chapter.cells[0].file.exists():
            _write_cell(chapter, DIGEST_CELL)


def _refuse_what_quarto_would_read(book: Book) -> None:
    """Refuse a name, an id and a link that Quarto, which reads Markdown there, would not show."""
    video = str(book.option("student.video"))
    for text in (*book.authors, str(book.option("student.id"))):
        if found := "".join(sorted(MARKUP & set(text))):
            raise UserError(f"Quarto would read {found} in {text!r} as Markdown: leave it out.")
    if fault := fault_of_link(video):
        raise UserError(fault)
    if found := "".join(sorted((MARKUP - set("_~")) & set(video))):
        raise UserError(f"Quarto would read {found} in {video!r} as Markdown: percent-encode it.")


def _refuse_personal_settings(settings: Settings) -> None:
    """Refuse variables that are set already, which Quarto prefers to those in _environment."""
    for name, path in neutral_kernel(settings.cache / "kernel").items():
        if settings.root / (value := os.environ.get(name, path)) != Path(path):
            raise UserError(
                f"{name} is set to {value}: cells would start with your own settings. Unset it "
                "and render again, or use `mmn13 render`, which starts them without."
            )


def _quarto_version() -> str:
    """Give the version that the appendix prints, for the key; empty outside Quarto."""
    share = os.environ.get("QUARTO_SHARE_PATH")
    return f", Quarto {(Path(share) / 'version').read_text('utf-8').strip()}" if share else ""


def _prepare(settings: Settings) -> list[str]:
    from mmn13lib.rendering.prepare import prepare

    with render_lock(settings, print):
        return prepare(settings)


def _rendered(book: Book) -> set[Path]:
    """Find the chapters that this render makes; a preview begins with none, and makes singles."""
    listed = os.environ.get("QUARTO_PROJECT_INPUT_FILES")
    if listed is None or os.environ.get("QUARTO_PROJECT_RENDER_ALL") == "1":
        return {chapter.path for chapter in book.chapters}
    return {book.root / name for name in listed.split("\n") if name}


def _state(book: Book, settings: Settings) -> str:
    """Digest the sizes and times of what dependencies are made from: no file has to be read."""
    data = (settings.data or settings.downloads) / inputs.BATCHES
    files = [*(settings.root / "mmn13lib").rglob("*.py"), *settings.results.rglob("*")]
    files += [*settings.benchmarks.glob("*"), *data.glob("*"), *settings.downloads.glob("*")]
    files += [settings.weights or data, *map(Path, sys.path)]  # where libraries get installed
    states = [(file, file.stat()) for file in {*files} - {settings.root} if file.exists()]
    times = [(str(file), of.st_size, of.st_mtime_ns, of.st_ctime_ns) for file, of in states]
    return storage.digest(repr((book, sorted(times))))


def _note(chapter: Chapter, found: dict[str, str], now: dict[str, str], settings: Settings) -> None:
    """Record a chapter as executed; forget it, if something changed while Quarto was at it."""
    if changed := changes(found, now):
        cache.forget(digest_source(found), cache.folder_of(chapter, settings, cache.QUARTO))
        _say(f"{chapter.short_name}: {', '.join(changed)} changed meanwhile: render it once more")
    else:
        cache.record(chapter, found, settings, cache.QUARTO)


def _made(built: Path) -> list[str]:
    """Name what this render made: its first page and its PDF."""
    listed = os.environ.get("QUARTO_PROJECT_OUTPUT_FILES", "").split("\n")
    made = [Path(name).name for name in listed if name] or [file.name for file in built.iterdir()]
    pages = sorted((name for name in made if name.endswith(".html")), key="index.html".__ne__)
    return [*pages[:1], *(name for name in made if name.endswith(".pdf"))]


def _warned(settings: Settings) -> list[str]:
    """Give the warnings that the very same Quarto, a preview, has shown before."""
    try:
        last = storage.read_json(settings.cache / PENDING)
    except storage.Damaged:
        return []
    return list(last["warned"]) if last["quarto"] == os.getppid() else []


def _write_cell(chapter: Chapter, source: str) -> None:
    file, text = chapter.cells[0].file, f"```{{python}}\n{source}\n```\n"
    try:
        file.parent.mkdir(exist_ok=True)
        if not file.is_file() or file.read_text("utf-8") != text:  # a preview watches it
            file.write_text(text, "utf-8")
    except OSError as error:
        raise storage.disk_error(file, error) from error


def _say(text: str) -> None:
    """Print a line; ``mmn13 render`` knows its own by their beginning."""
    print(f"{SAYS if os.environ.get(PREPARED) else ''}{text}", flush=True)


def main() -> None:
    """Run one of the two hooks, for the book in the working folder."""
    try:
        settings = Settings.from_environment()
        if sys.argv[1] == "before":
            before(settings)
        elif sys.argv[1] == "cells":
            write_cells(settings)
        else:
            after(settings, Path(os.environ["QUARTO_PROJECT_OUTPUT_DIR"]))
    except UserError as error:
        if os.environ.get("MMN13_DEBUG"):
            raise
        sys.exit(f"mmn13: {error}")
    except ImportError as error:
        sys.exit(LACKS.format(python=sys.executable, name=error.name))


if __name__ == "__main__":
    main()
