"""What a result was made from: the code that it imports, and the key made of that.

The dependencies of code are found from its own import statements, followed through the modules
of this package; nothing is kept by hand. A module counts by what it means: its syntax tree without
docstrings, so comments, docstrings and formatting change no key. Nothing is imported to find
out, so this is quick and needs no torch.
"""

import ast
import hashlib
import json
from collections.abc import Iterable
from functools import cache
from pathlib import Path
from typing import Any

from mmn13lib.foundation import storage
from mmn13lib.foundation.storage import digest

PACKAGE = Path(__file__).parents[1]
CHECKERS_ONLY = ("TYPE_CHECKING", "typing.TYPE_CHECKING")


@cache
def imported_names(source: str) -> frozenset[str]:
    """List what Python code imports, as dotted names, wherever in it the statement stands.

    ``from a import b`` gives both ``a`` and ``a.b``, since b may be a module. What stands under
    TYPE_CHECKING is for type checkers and does not count.

    >>> sorted(imported_names("from mmn13lib.q3_transfer import data"))
    ['mmn13lib.q3_transfer', 'mmn13lib.q3_transfer.data']
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
    """Find the package's files, and the libraries, that the named modules import in the end.

    A module's parent packages count as imported: Python runs their ``__init__`` first.
    """
    files: set[Path] = set()
    libraries: set[str] = set()
    looked_for: set[tuple[str, ...]] = set()
    waiting = list(names)
    while waiting:
        top, *rest = waiting.pop().split(".")
        if top != package.name:
            libraries.add(top)
            continue
        for parts in (tuple(rest[:depth]) for depth in range(len(rest) + 1)):
            if parts in looked_for:
                continue
            looked_for.add(parts)
            file = _module_file(package, parts)
            if file is not None:
                files.add(file)
                waiting.extend(imported_names(file.read_text("utf-8")))
    return sorted(files), libraries


def _module_file(package: Path, parts: Iterable[str]) -> Path | None:
    base = package.joinpath(*parts)
    candidates = (base / "__init__.py", base.with_name(f"{base.name}.py"))
    return next((file for file in candidates if file.is_file()), None)


@cache
def code_digest(*modules: str) -> str:
    """Digest what the named modules, and all that they import from this package, mean.

    The answer is kept: to a process that has imported the code, later edits are not its code.
    Raises ValueError if a name is no module of this package: its key would never change.
    """
    for module in modules:
        top, *rest = module.split(".")
        if top != PACKAGE.name or _module_file(PACKAGE, rest) is None:
            raise ValueError(f"{module} is no module of {PACKAGE.name}: its code can't be digested")
    files, _ = import_closure(modules)
    pairs = ((file.relative_to(PACKAGE).as_posix(), file.read_text("utf-8")) for file in files)
    return digest(*(part for name, source in pairs for part in (f"{name}\0", meaning(source))))


@cache
def meaning(source: str) -> str:
    r"""Write a module's syntax tree down, without docstrings; it holds no comments or formatting.

    >>> meaning("def f():  # a comment\n    'What it does.'") == meaning("def f(): pass")
    True
    """
    tree = ast.parse(source)
    for node in ast.walk(tree):
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
            statements = [statement for statement in node.body if not _is_text(statement)]
            node.body = statements or [ast.Pass()]
    return ast.dump(tree)


def _is_text(statement: ast.stmt) -> bool:
    """Tell a docstring, or the text under an attribute, from statements that do something."""
    return isinstance(statement, ast.Expr) and (
        isinstance(statement.value, ast.Constant) and isinstance(statement.value.value, str)
    )


def key(*modules: str, **ingredients: Any) -> str:
    """Make the key under which something is stored; every key is made here.

    `modules` are those whose code makes it; the ingredients (data, weights, settings) are values
    that JSON can write.
    """
    return digest(json.dumps([code_digest(*modules), ingredients], sort_keys=True))[:16]


def file_digest(path: Path, memory: Path | None = None, algorithm: str = "sha256") -> str:
    """Digest a file's bytes, remembering the answer while its size and times stay the same.

    `memory` is a JSON file to remember digests in, so that hundreds of megabytes are read once.
    """
    state = path.stat()
    # a copy may keep its original's time of change; nobody sets the inode's
    times = f"{state.st_mtime_ns}|{state.st_ctime_ns}"
    identity = f"{algorithm}|{path.resolve()}|{state.st_size}|{times}"
    known: dict[str, str] = {}
    if memory is not None:
        try:
            known = storage.read_json(memory)
        except storage.Damaged:
            known = {}
        if identity in known:
            return known[identity]
    with path.open("rb") as file:
        found = hashlib.file_digest(file, algorithm).hexdigest()
    if memory is not None:
        storage.write_json(memory, {**known, identity: found})
    return found
