"""What the two engines' caches hold: executed notebooks, and what they were executed from."""

import json
import shutil
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mmn13lib.foundation import storage
from mmn13lib.foundation.errors import UserError
from mmn13lib.foundation.settings import Settings
from mmn13lib.rendering.book import read_book
from mmn13lib.rendering.dependencies import changes, dependencies, key_of

if TYPE_CHECKING:
    from nbformat import NotebookNode

KEPT = 50
ENTRY = "{}/executed/{}/base.ipynb"


def look_up(notebook: "NotebookNode", folder: Path) -> tuple["NotebookNode | None", str]:
    """Find an executed notebook in jupyter-cache's folder, and the name of its entry."""
    from jupyter_cache import get_cache

    try:
        cache = get_cache(folder)
        number, merged = cache.merge_match_into_notebook(notebook)
        return merged, ENTRY.format(folder.name, cache.get_cache_record(number).hashkey)
    except Exception:  # not there, damaged, or another version's: all the same, execute it
        return None, ""


def store(notebook: "NotebookNode", name: str, folder: Path) -> str:
    """Put an executed notebook into the cache, a new one where it is damaged; name its entry."""
    from jupyter_cache import get_cache
    from jupyter_cache.base import CacheBundleIn

    drop_damaged(folder)
    try:
        bundle = CacheBundleIn(notebook, name)
        record = get_cache(folder).cache_notebook_bundle(bundle, overwrite=True)
    except OSError as error:
        raise storage.disk_error(folder / name, error) from error
    except Exception as error:  # the database's own words for the same
        raise UserError(
            f"{folder} could not be written to ({error.__cause__ or error}): "
            "free some space, make it writable, and render again."
        ) from error
    return ENTRY.format(folder.name, record.hashkey)


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


def record(
    chapter: str, found: dict[str, str], settings: Settings, engine: str, entry: str
) -> None:
    """Note that `entry`, a path from `settings.cache`, holds a chapter executed with these."""
    known = _recorded(chapter, settings, engine)
    known.pop(key_of(found), None)
    known[key_of(found)] = {"dependencies": found, "entry": entry}
    storage.write_json(_record(chapter, settings, engine), dict([*known.items()][-KEPT:]))


def reasons(chapter: str, found: dict[str, str], settings: Settings, engine: str) -> list[str]:
    """Say why a chapter has to be executed: an empty list, if it hasn't."""
    known = _recorded(chapter, settings, engine)
    if not known:
        return ["not executed yet"]
    kept = known.get(key_of(found))
    if kept is None:
        return changes(list(known.values())[-1]["dependencies"], found)
    return [] if (settings.cache / kept["entry"]).exists() else ["its cached output is gone"]


def status(settings: Settings, engine: str) -> list[tuple[str, list[str]]]:
    """List each chapter with what changed since an engine executed it: nothing for a fresh one."""
    book = read_book(settings.root)
    return [
        (chapter.name, reasons(chapter.name, found, settings, engine))
        for chapter in book.chapters
        if (found := dependencies(chapter, book, settings))
    ]


def _record(chapter: str, settings: Settings, engine: str) -> Path:
    return settings.cache / "chapters" / engine / f"{chapter}.json"


def _recorded(chapter: str, settings: Settings, engine: str) -> dict[str, Any]:
    try:
        known = storage.read_json(_record(chapter, settings, engine))
        return {key: state for key, state in known.items() if "entry" in state}
    except (storage.Damaged, ValueError, AttributeError, TypeError):
        return {}
