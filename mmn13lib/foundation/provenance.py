"""What a result was made from: the code that it imports, and the key made of that.

A module counts by its syntax tree without docstrings, so comments, docstrings, formatting and
Python's version change no key. Nothing is imported to find out, so this is quick, without torch.
"""

import ast
import hashlib
import json
from collections.abc import Iterable
from functools import cache
from itertools import groupby
from pathlib import Path
from typing import Any

from mmn13lib.foundation.storage import digest

PACKAGE = Path(__file__).parents[1]
CHECKERS_ONLY = ("TYPE_CHECKING", "typing.TYPE_CHECKING")


@cache
def imported_names(source: str) -> frozenset[str]:
    """Return what Python code imports anywhere but under TYPE_CHECKING, as dotted names.

    ``from a import b`` gives both ``a`` and ``a.b``, since b may be a module.
    """
    names: set[str] = set()
    waiting: list[ast.AST] = [ast.parse(source)]
    while waiting:
        node = waiting.pop()
        if isinstance(node, ast.If) and ast.unparse(node.test) in CHECKERS_ONLY:
            waiting += node.orelse
            continue
        waiting += ast.iter_child_nodes(node)
        if isinstance(node, ast.Import):
            names.update(alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            if node.module is None or node.level:
                raise ValueError(f"A relative import can't be followed: {ast.unparse(node)}")
            names |= {node.module, *(f"{node.module}.{alias.name}" for alias in node.names)}
    return frozenset(names)


def import_closure(names: Iterable[str], package: Path = PACKAGE) -> tuple[list[Path], set[str]]:
    """Return the package's files, and the libraries, that the named modules import in the end."""
    files: set[Path] = set()
    libraries: set[str] = set()
    looked_for: set[str] = set()
    waiting = set(names)
    while waiting:
        name = waiting.pop()
        looked_for.add(name)
        top, *rest = name.split(".")
        if top != package.name:
            libraries.add(top)
            continue
        file = _module_file(package, rest)
        if file is not None:
            files.add(file)
            waiting |= imported_names(file.read_text("utf-8"))
        if rest:  # Python runs the packages above first
            waiting.add(name.rpartition(".")[0])
        waiting -= looked_for
    return sorted(files), libraries


def _module_file(package: Path, parts: Iterable[str]) -> Path | None:
    base = package.joinpath(*parts)
    candidates = (base / "__init__.py", base.with_name(f"{base.name}.py"))
    return next((file for file in candidates if file.is_file()), None)


@cache
def code_digest(*modules: str) -> str:
    """Return a digest of the named modules and of all that they import from this package.

    The answer is kept: to a process that has imported the code, later edits are not its code.
    """
    for module in modules:
        top, *rest = module.split(".")
        if top != PACKAGE.name or _module_file(PACKAGE, rest) is None:
            raise ValueError(f"{module} is no module of {PACKAGE.name}: its code can't be digested")
    parts = []
    for file in import_closure(modules)[0]:
        name = file.relative_to(PACKAGE).as_posix()
        parts += [f"{name}\0", syntax(file.read_text("utf-8"))]
    return digest(*parts)


@cache
def syntax(source: str) -> str:
    """Return a module's syntax tree as a text, without docstrings, comments and formatting.

    Neither `ast.dump` nor `ast.unparse` does: both write the same tree in other ways in other
    versions of Python. What is left out here are the fields that a version may not have yet.
    """
    return repr(_plain(ast.parse(source)))


def _plain(node: Any) -> Any:
    if isinstance(node, list):
        return [_plain(item) for item in node if not _is_text(item)]
    if not isinstance(node, ast.AST):
        return node
    if isinstance(node, ast.JoinedStr):  # some versions cut its texts where others do not
        plain = [
            "".join(map(ast.literal_eval, parts)) if text else _plain([*parts])
            for text, parts in groupby(node.values, lambda part: isinstance(part, ast.Constant))
        ]
        return "JoinedStr", [part for part in plain if part]
    fields = [(name, _plain(value)) for name, value in ast.iter_fields(node)]
    return type(node).__name__, [pair for pair in fields if pair[1] not in (None, [])]


def _is_text(node: Any) -> bool:
    """Tell whether a statement does nothing: a docstring, also one under an attribute."""
    constant = node.value if isinstance(node, ast.Expr) else None
    return isinstance(constant, ast.Constant) and isinstance(constant.value, str)


def key(*modules: str, **ingredients: Any) -> str:
    """Return the key of what these modules' code makes from these values, which JSON can write."""
    return digest(json.dumps([code_digest(*modules), ingredients], sort_keys=True))[:16]


def file_digest(path: Path) -> str:
    """Return the SHA-256 of a file's content."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
