"""What a chapter depends on, and the one line of code that makes the cache notice a change.

jupyter-cache compares a chapter's code cells and nothing else. So each chapter includes a hidden
cell whose only content is a digest of all that it depends on: another digest, another cell, and
the chapter is executed again. Quarto's pre-render hook writes that cell into a file; the embedded
engine puts it in its place in memory. Nothing here imports what it looks at, so it is quick.
"""

import ast
import hashlib
import json
import platform
import re
import shutil
import sys
from collections.abc import Iterator
from functools import cache
from importlib.metadata import PackageNotFoundError, distributions, version
from pathlib import Path
from typing import Any

from mmn13lib.benchmarks.measurements import measurement_path
from mmn13lib.foundation import provenance, storage
from mmn13lib.foundation.errors import UserError
from mmn13lib.foundation.settings import Settings
from mmn13lib.rendering.book import Book, Cell, Chapter, read_book

CELLS = "its code cells"
FIGURES = "the figure options in _quarto.yml"
INPUTS = "q3_transfer/data/inputs.py"
MISSING = "none"
KEPT = 50


def dependencies(chapter: Chapter, book: Book, settings: Settings) -> dict[str, str]:
    """List what a chapter's output is made from.

    Parameters
    ----------
    chapter
        The chapter.
    book
        Its book, whose figure options count too.
    settings
        The run's settings.

    Returns
    -------
    dict
        Name → digest or version: the cells, the modules of this package that they import
        (directly or through others), the libraries that all of these import, Python, the
        measurements that they load and, if they read the run's inputs, what those are (under
        names that end with a colon).
    """
    cells = [cell for cell in chapter.cells if not cell.holds_digest]
    if not cells:
        return {}
    figure_options = {name: book.option(name) for name in book.config if name.startswith("fig-")}
    found = {
        CELLS: _digest([cell.source for cell in cells]),
        FIGURES: _digest(figure_options),
        "Python": platform.python_version(),
    }
    package = settings.root / "mmn13lib"
    code = "\n".join(_plain_python(cell) for cell in cells)
    files, libraries = provenance.import_closure(provenance.imported_names(code), package)
    for file in files:
        found[file.relative_to(settings.root).as_posix()] = _file_digest(file)
    found |= {name: number for name in sorted(libraries) if (number := _version(name))}
    for name in sorted(_measurements([code, *(file.read_text("utf-8") for file in files)])):
        path = measurement_path(settings, name)
        digest = _file_digest(path) if path.is_file() else MISSING
        found[path.relative_to(settings.root).as_posix()] = digest
    if package / INPUTS in files:
        found |= _inputs(settings)
    return found


def digest_cell(found: dict[str, str]) -> str:
    """Write the hidden cell that makes dependencies part of jupyter-cache's key.

    Parameters
    ----------
    found
        What `dependencies` gave.

    Returns
    -------
    str
        Markdown: the text of ``report/_dependencies/<chapter>.md``.
    """
    return f"```{{python}}\n{digest_source(found)}\n```\n"


def digest_source(found: dict[str, str]) -> str:
    """Write that cell's lines alone; see `digest_cell`."""
    return (
        "#| label: dependencies\n#| include: false\n"
        f"# what this chapter depends on: {_digest(found)}"
    )


def changes(old: dict[str, str], new: dict[str, str]) -> list[str]:
    """Say in words what differs between two sets of dependencies.

    Parameters
    ----------
    old, new
        What `dependencies` gave, then and now.

    Returns
    -------
    list of str

    Examples
    --------
    >>> changes({"torch": "2.14.1", "weights:": "sample"}, {"torch": "2.15.0", "weights:": "mine"})
    ['torch 2.14.1 → 2.15.0', 'weights: sample → mine']
    """
    return [
        _change(name, old.get(name, MISSING), new.get(name, MISSING))
        for name in {**new, **old}
        if old.get(name) != new.get(name)
    ]


def _change(name: str, old: str, new: str) -> str:
    if name in (CELLS, FIGURES):
        return name
    if "/" in name:
        return name + {old: " (new)", new: " (no longer used)"}.get(MISSING, "")
    return f"{name} {old} → {new}"


def remember(
    chapter: Chapter, found: dict[str, str], settings: Settings, engine: str, entry: str = ""
) -> None:
    """Note that an engine's cache holds a chapter executed with these dependencies.

    Parameters
    ----------
    chapter
        The chapter.
    found
        What `dependencies` gave before it was executed.
    settings
        The run's settings.
    engine
        Whose cache: embedded or quarto.
    entry
        The file that holds it, from the caches' folder, where the engine tells.
    """
    known = _remembered(chapter, settings, engine)
    state = {"dependencies": found, "entry": entry}
    digest = _digest(found)
    if list(known.items())[-1:] != [(digest, state)]:
        known.pop(digest, None)
        kept = [*known.items(), (digest, state)][-KEPT:]
        storage.write_json(_record(chapter, settings, engine), dict(kept))


def why(chapter: Chapter, found: dict[str, str], settings: Settings, engine: str) -> list[str]:
    """Say why a chapter has to be executed: an empty list, if it hasn't.

    Parameters
    ----------
    chapter
        The chapter.
    found
        What `dependencies` gives now.
    settings
        The run's settings.
    engine
        Whose cache: embedded or quarto.

    Returns
    -------
    list of str
    """
    known = _remembered(chapter, settings, engine)
    if not known:
        return ["not executed yet"]
    kept = known.get(_digest(found))
    if kept is None:
        return changes(list(known.values())[-1]["dependencies"], found)
    # an empty entry is the folder itself, which is there
    return [] if (settings.cache / kept["entry"]).exists() else ["its cached output is gone"]


def status(settings: Settings, engine: str = "auto") -> list[tuple[str, list[str]]]:
    """Say of each chapter whether it is fresh, or what changed.

    Parameters
    ----------
    settings
        The run's settings.
    engine
        Whose cache to look into: embedded, quarto, or auto for Quarto's where there is one.

    Returns
    -------
    list
        Chapter's name, and the changes: empty for a fresh one.
    """
    book = read_book(settings.root)
    if engine == "auto":
        engine = "quarto" if shutil.which("quarto") else "embedded"
    return [
        (chapter.name, why(chapter, dependencies(chapter, book, settings), settings, engine))
        for chapter in book.chapters
        if chapter.cells
    ]


def _inputs(settings: Settings) -> dict[str, str]:
    """Name the run's inputs and results as a person does, so that other content is another name."""
    from mmn13lib.q3_transfer.data import inputs
    from mmn13lib.q3_transfer.experiment import completion

    found = inputs.fingerprint(settings)
    sample = found["mode"] == "sample"
    imagenet = found["mode"] == "imagenet"
    given = f"{settings.weights.name if settings.weights else 'file'} {found['weights'][:8]}"
    complete = completion.recall(settings)
    return {
        "data:": f"sample {found['data'][:8]}" if sample else "CIFAR-10",
        "weights:": "sample" if sample else "IMAGENET1K_V1" if imagenet else given,
        "results:": complete["digest"][:8] if complete else MISSING,
    }


def _plain_python(cell: Cell) -> str:
    """Blank out IPython's magic lines, which are no Python; refuse what still is none."""
    code = re.sub(r"(?m)^(\s*)[%!].*$", r"\1pass", cell.code)
    try:
        ast.parse(code)
    except SyntaxError as error:
        raise UserError(
            f"{cell.file.name}, line {cell.line}: {cell.label} is no valid Python: {error}."
        ) from error
    return code


def _measurements(sources: list[str]) -> Iterator[str]:
    """Yield the names in calls ``measurements.load(settings, "name")``, however it is imported."""
    for source in sources:
        if "measurements" not in source:
            continue
        nodes = list(ast.walk(ast.parse(source)))
        calls = {"measurements.load"}
        for node in nodes:
            if (
                isinstance(node, ast.ImportFrom)
                and node.module == "mmn13lib.benchmarks.measurements"
            ):
                calls |= {name.asname or name.name for name in node.names if name.name == "load"}
        for node in nodes:
            if (
                isinstance(node, ast.Call)
                and ast.unparse(node.func) in calls
                and len(node.args) == 2
                and isinstance(node.args[1], ast.Constant)
            ):
                yield str(node.args[1].value)


@cache
def _version(library: str) -> str:
    """Look up a library's version by its import name; empty for what comes with Python."""
    if library in sys.stdlib_module_names or library == "__future__":
        return ""
    try:
        return version(library)
    except PackageNotFoundError:  # it is imported by another name, as Pillow is
        for distribution in distributions():
            if library in (distribution.read_text("top_level.txt") or "").split():
                return distribution.version
    return ""


def _file_digest(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()[:16]


def _digest(value: Any) -> str:
    return hashlib.sha256(json.dumps(value, sort_keys=True).encode()).hexdigest()[:16]


def _record(chapter: Chapter, settings: Settings, engine: str) -> Path:
    return settings.cache / "chapters" / engine / f"{chapter.name}.json"


def _remembered(chapter: Chapter, settings: Settings, engine: str) -> dict[str, Any]:
    try:
        known = storage.read_json(_record(chapter, settings, engine))
        return {digest: state for digest, state in known.items() if "entry" in state}
    except (storage.Damaged, ValueError, AttributeError, TypeError):
        return {}
