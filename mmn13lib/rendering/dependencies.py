"""What a chapter depends on, and the hidden cell with its digest that the cache compares.

jupyter-cache compares code cells and nothing else: another digest is another cell, and the chapter
is executed again. Nothing here imports what it looks at, so it is quick.
"""

import ast
import platform
import re
import sys
from functools import cache
from importlib.metadata import Distribution, PackageNotFoundError, distributions, version

from mmn13lib.foundation import provenance
from mmn13lib.foundation.errors import UserError
from mmn13lib.foundation.settings import Settings
from mmn13lib.foundation.storage import digest
from mmn13lib.q3_transfer.data import inputs
from mmn13lib.q3_transfer.experiment import completion
from mmn13lib.rendering.book import DIGEST_CELL, Book, Cell, Chapter

CELLS = "its code cells"
FIGURES = "the figure options in _quarto.yml"
INPUTS = "q3_transfer/data/inputs.py"
MISSING = "none"


def dependencies(chapter: Chapter, book: Book, settings: Settings) -> dict[str, str]:
    """List what a chapter's output is made from: names, each with a digest or a version."""
    cells = [cell for cell in chapter.cells if not cell.holds_digest]
    if not cells:
        return {}
    figure_options = {name: book.option(name) for name in book.config if name.startswith("fig-")}
    found = {
        CELLS: provenance.key(cells=[cell.source for cell in cells]),
        FIGURES: provenance.key(options=figure_options),
        "Python": platform.python_version(),
    }
    package = settings.root / "mmn13lib"
    code = "\n".join(map(_checked_code, cells))
    files, libraries = provenance.import_closure(provenance.imported_names(code), package)
    sources = [code, *(file.read_text("utf-8") for file in files)]
    for file, source in zip(files, sources[1:], strict=True):
        found[file.relative_to(settings.root).as_posix()] = digest(source)[:16]
    libraries |= _texts(sources, "importlib.metadata")
    found |= {name: number for name in sorted(libraries) if (number := _version(name))}
    measured = _texts(sources, "measurements")
    for path in sorted(settings.benchmarks.glob("*.json")):
        if path.stem in measured:
            found[path.relative_to(settings.root).as_posix()] = provenance.file_digest(path)[:16]
    if package / INPUTS in files:
        found |= _inputs(settings)
    return found


def digest_source(found: dict[str, str]) -> str:
    """Write the hidden cell that makes dependencies part of jupyter-cache's key."""
    return f"{DIGEST_CELL}: {provenance.key(dependencies=found)}"


def changes(old: dict[str, str], new: dict[str, str]) -> list[str]:
    """Say in words what differs between two sets of dependencies."""
    words = []
    for name in {**new, **old}:
        before, now = old.get(name, MISSING), new.get(name, MISSING)
        if before == now:
            continue
        if name in (CELLS, FIGURES):
            words.append(name)
        elif "/" in name:
            words.append(name + {before: " (new)", now: " (no longer used)"}.get(MISSING, ""))
        else:
            words.append(f"{name} {before} → {now}")
    return words


def _inputs(settings: Settings) -> dict[str, str]:
    """Name the run's inputs and results as a person does, so that other content is another name."""
    found = inputs.fingerprint(settings)
    data = f"sample {found['data'][:8]}" if found["mode"] == "sample" else "CIFAR-10"
    weights = "IMAGENET1K_V1" if found["mode"] == "imagenet" else found["weights"][:8]
    complete = completion.recall(settings)
    results = complete["digest"][:8] if complete else MISSING
    return {"data:": data, "weights:": weights, "results:": results}


def _checked_code(cell: Cell) -> str:
    try:
        ast.parse(cell.code)
    except SyntaxError as error:
        raise UserError(
            f"{cell.file.name}, line {cell.line}: {cell.label} is no valid Python: {error}."
        ) from error
    return cell.code


def _texts(sources: list[str], mark: str) -> set[str]:
    """List the texts that can be a name, in all code that speaks of `mark`."""
    return set().union(*(_names(source) for source in sources if mark in source))


@cache
def _names(source: str) -> set[str]:
    nodes = (node for node in ast.walk(ast.parse(source)) if isinstance(node, ast.Constant))
    texts = {node.value for node in nodes if isinstance(node.value, str)}
    return {text for text in texts if re.fullmatch(r"[\w.-]+", text)}


@cache
def _version(library: str) -> str:
    """Look up a library's version by its import name; empty for what comes with Python."""
    if library in sys.stdlib_module_names:
        return ""
    try:
        return version(library)
    except PackageNotFoundError:
        found = _by_import_name().get(library)
        return found.version if found else ""


@cache
def _by_import_name() -> dict[str, Distribution]:
    """List libraries by their import names, in a hundredth of `packages_distributions`' time."""
    return {
        name: distribution
        for distribution in distributions()
        for name in (distribution.read_text("top_level.txt") or "").split()
    }
