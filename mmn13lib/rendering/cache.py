"""The outputs of executed chapters, each file beside a record of what they were made from.

Both engines put theirs here: the notebook is made from them, whichever executed the chapter.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from mmn13lib.foundation import storage
from mmn13lib.foundation.settings import Settings
from mmn13lib.rendering.book import Book, Chapter
from mmn13lib.rendering.dependencies import Outside, changes, dependencies, key

Outputs = tuple[list[Any], ...]
"""The outputs of each of a chapter's cells, the hidden one among them."""


def read(chapter: Chapter, found: Mapping[str, str], settings: Settings) -> Outputs | None:
    """Return the outputs that were made from these dependencies; None if there are none."""
    from nbformat import from_dict

    path = _path(chapter, found, settings)
    try:
        outputs = tuple(from_dict(storage.read_json(path)["outputs"]))
    except storage.Damaged:
        return None
    path.touch()  # the latest is the one that changes are told from
    return outputs


def write(
    chapter: Chapter, found: Mapping[str, str], outputs: Sequence[Any], settings: Settings
) -> None:
    """Store a chapter's outputs."""
    storage.write_json(
        _path(chapter, found, settings), {"made from": found, "outputs": list(outputs)}
    )


def reasons(chapter: Chapter, found: Mapping[str, str], settings: Settings) -> list[str]:
    """Say why a chapter has to be executed: an empty list, if it hasn't."""
    path = _path(chapter, found, settings)
    if path.exists():
        return []
    last = max(path.parent.glob("*.json"), key=lambda other: other.stat().st_mtime_ns, default=path)
    try:
        return changes(storage.read_json(last)["made from"], found)
    except storage.Damaged:
        return ["it was never executed"]


def status(book: Book, outside: Outside, settings: Settings) -> list[tuple[str, list[str]]]:
    """List each chapter with what changed since it was executed: nothing for a fresh one."""
    return [
        (chapter.name, reasons(chapter, dependencies(chapter, book, outside), settings))
        for chapter in book.chapters
        if chapter.cells
    ]


def _path(chapter: Chapter, found: Mapping[str, str], settings: Settings) -> Path:
    return settings.cache / "executed" / chapter.name / f"{key(found)}.json"
