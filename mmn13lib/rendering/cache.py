"""What the two engines' caches hold: executed notebooks, and what they were executed from."""

import json
import shutil
import sqlite3
from contextlib import closing, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mmn13lib.foundation import storage
from mmn13lib.foundation.errors import UserError
from mmn13lib.foundation.settings import Settings
from mmn13lib.rendering.book import Chapter, read_book
from mmn13lib.rendering.dependencies import changes, dependencies

if TYPE_CHECKING:
    from nbformat import NotebookNode

EMBEDDED, QUARTO = "embedded", "quarto"
KEPT = 50


def folder_of(chapter: Chapter, settings: Settings, engine: str) -> Path:
    """Name jupyter-cache's folder, in which an engine keeps the executed chapter."""
    if engine == EMBEDDED:
        return settings.cache / "jupyter"
    return chapter.path.parent / ".jupyter_cache"


def look_up(notebook: "NotebookNode", folder: Path) -> "NotebookNode | None":
    """Find an executed notebook in jupyter-cache's folder."""
    from jupyter_cache import get_cache

    try:
        return get_cache(folder).merge_match_into_notebook(notebook)[1]
    except Exception:  # not there, damaged, or another version's: all the same, execute it
        return None


def store(notebook: "NotebookNode", name: str, folder: Path) -> None:
    """Put an executed notebook into the cache, a new one where it is damaged."""
    from jupyter_cache import get_cache
    from jupyter_cache.base import CacheBundleIn

    drop_damaged(folder)
    try:
        get_cache(folder).cache_notebook_bundle(CacheBundleIn(notebook, name), overwrite=True)
    except Exception as error:  # the disk's, in its own words or the database's
        raise UserError(
            f"{folder} could not be written to ({error.__cause__ or error}): "
            "free some space, make it writable, and render again."
        ) from error


def forget(mark: str, folder: Path) -> None:
    """Drop the notebooks with this line from the cache, so that they are executed again."""
    from jupyter_cache import get_cache

    if not folder.is_dir():
        return
    try:
        cache = get_cache(folder)
        for record in cache.list_cache_records():
            cells = cache.get_cache_bundle(record.pk).nb.cells
            if any(mark in cell.source for cell in cells):
                cache.remove_cache(record.pk)
    except Exception:  # unreadable: without it everything is executed again, which is right too
        shutil.rmtree(folder, ignore_errors=True)


def outputs(chapter: Chapter, mark: str, folder: Path) -> tuple[list[Any], ...] | None:
    """Return what each cell of an executed chapter shows; None where no notebook has this line."""
    from jupyter_cache import get_cache

    if not folder.is_dir():
        return None
    try:
        cache = get_cache(folder)
        for record in cache.list_cache_records():
            # Quarto has a cell of its own above the chapter's
            cells = cache.get_cache_bundle(record.pk).nb.cells[-len(chapter.cells) :]
            if mark in cells[0].source:
                return tuple(cell.outputs for cell in cells)
    except Exception:  # unreadable: it is executed again
        return None
    return None


def drop_damaged(folder: Path) -> bool:
    """Delete a cache that can't be read, or lacks what it lists; say whether it was."""
    if not folder.exists():
        return False
    try:
        with closing(sqlite3.connect(f"file:{folder / 'global.db'}?mode=ro", uri=True)) as database:
            for (key,) in database.execute("SELECT hashkey FROM nbcache"):
                json.loads((folder / "executed" / key / "base.ipynb").read_bytes())
    except (sqlite3.Error, OSError, ValueError):
        shutil.rmtree(folder, ignore_errors=True) if folder.is_dir() else folder.unlink()
        return True
    return False


def record(chapter: Chapter, found: dict[str, str], settings: Settings, engine: str) -> None:
    """Note that an engine's cache holds a chapter executed with these dependencies."""
    others = [old for old in _recorded(chapter, settings, engine) if old != found]
    storage.write_json(_record(chapter, settings, engine), [*others, found][-KEPT:])


def reasons(chapter: Chapter, found: dict[str, str], settings: Settings, engine: str) -> list[str]:
    """Say why a chapter has to be executed: an empty list, if it hasn't."""
    known = _recorded(chapter, settings, engine)
    if not known:
        return ["not executed yet"]
    if found not in known:
        return changes(known[-1], found)
    gone = not folder_of(chapter, settings, engine).exists()
    return ["its cached output is gone"] if gone else []


def status(settings: Settings, engine: str) -> list[tuple[str, list[str]]]:
    """List each chapter with what changed since an engine executed it: nothing for a fresh one."""
    book = read_book(settings.root)
    return [
        (chapter.name, reasons(chapter, dependencies(chapter, book, settings), settings, engine))
        for chapter in book.chapters
        if chapter.cells
    ]


def _record(chapter: Chapter, settings: Settings, engine: str) -> Path:
    return settings.cache / "dependencies" / engine / f"{chapter.name}.json"


def _recorded(chapter: Chapter, settings: Settings, engine: str) -> list[dict[str, str]]:
    with suppress(storage.Damaged):
        return list(storage.read_json(_record(chapter, settings, engine)))
    return []
