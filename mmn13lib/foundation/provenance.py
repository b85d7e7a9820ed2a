"""What a result was made from: the code that it imports, and the key made of that.

The dependencies of code are found from its own import statements, followed through the modules
of this package; nothing is kept by hand. A module counts by what it means: its syntax tree
without docstrings, so comments, docstrings and formatting change no key. Nothing is imported to
find out, so this is quick and needs no torch.
"""

import ast
import hashlib
import json
from collections.abc import Iterable, Iterator
from functools import cache
from pathlib import Path
from typing import Any

from mmn13lib.foundation import storage

PACKAGE = Path(__file__).parents[1]


@cache
def imported_names(source: str, module: str = "") -> frozenset[str]:
    """List what a piece of Python code imports, wherever in it the statement stands.

    Parameters
    ----------
    source
        Python code.
    module
        The module's own dotted name, for relative imports.

    Returns
    -------
    frozenset of str
        Dotted names. ``from a import b`` gives both ``a`` and ``a.b``, since b may be a module.

    Examples
    --------
    >>> sorted(imported_names("from mmn13lib.q3_transfer import data"))
    ['mmn13lib.q3_transfer', 'mmn13lib.q3_transfer.data']
    """
    names: set[str] = set()
    for node in _executed(ast.parse(source)):
        if isinstance(node, ast.Import):
            names.update(alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = node.module or ""
            if node.level:
                parent = module.split(".")[: -node.level]
                base = ".".join([*parent, base] if base else parent)
            names.add(base)
            names.update(f"{base}.{alias.name}" for alias in node.names)
    return frozenset(names)


def _executed(tree: ast.AST) -> Iterator[ast.AST]:
    """Walk the nodes that Python may run: what stands under TYPE_CHECKING is for type checkers."""
    yield tree
    for_checkers = isinstance(tree, ast.If) and _is_type_checking(tree.test)
    for field, value in ast.iter_fields(tree):
        if for_checkers and field == "body":
            continue
        for node in value if isinstance(value, list) else [value]:
            if isinstance(node, ast.AST):
                yield from _executed(node)


def _is_type_checking(test: ast.expr) -> bool:
    if isinstance(test, ast.Attribute):
        return test.attr == "TYPE_CHECKING"
    return isinstance(test, ast.Name) and test.id == "TYPE_CHECKING"


def import_closure(names: Iterable[str], package: Path = PACKAGE) -> tuple[list[Path], set[str]]:
    """Find what the named modules import, directly or through modules of this package.

    A module's parent packages count as imported: Python runs their ``__init__`` first.

    Parameters
    ----------
    names
        Dotted names, as `imported_names` gives them.
    package
        The package's folder.

    Returns
    -------
    files : list of Path
        The package's files, sorted.
    libraries : set of str
        Top-level names of everything else.
    """
    files: set[Path] = set()
    libraries: set[str] = set()
    waiting = list(names)
    while waiting:
        name = waiting.pop()
        top, *rest = name.split(".")
        if top != package.name:
            libraries.add(top)
            continue
        for depth in range(len(rest) + 1):
            file = _module_file(package, rest[:depth])
            if file is not None and file not in files:
                files.add(file)
                dotted = ".".join([top, *rest[:depth]])
                # relative imports in a package's __init__ start from the package itself
                origin = f"{dotted}.__init__" if file.name == "__init__.py" else dotted
                waiting.extend(imported_names(file.read_text("utf-8"), origin))
    return sorted(files), libraries


def _module_file(package: Path, parts: list[str]) -> Path | None:
    base = package.joinpath(*parts)
    candidates = (base / "__init__.py", base.with_name(f"{base.name}.py"))
    return next((file for file in candidates if file.is_file()), None)


@cache
def code_digest(*modules: str) -> str:
    """Digest what the named modules, and all that they import from this package, mean.

    Raises
    ------
    ValueError
        If a name is no module of this package: its key would never change.
    """
    for module in modules:
        top, *rest = module.split(".")
        if top != PACKAGE.name or _module_file(PACKAGE, rest) is None:
            raise ValueError(f"{module} is no module of {PACKAGE.name}: its code can't be digested")
    digest = hashlib.sha256()
    files, _ = import_closure(modules)
    for file in files:
        digest.update(f"{file.relative_to(PACKAGE).as_posix()}\0".encode())
        digest.update(meaning(file.read_text("utf-8")).encode())
    return digest.hexdigest()


def meaning(source: str) -> str:
    r"""Write a module's syntax tree down, without docstrings; it holds no comments or formatting.

    Examples
    --------
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

    Parameters
    ----------
    *modules
        Dotted names of the modules whose code makes it.
    **ingredients
        What else it is made from (data, weights, settings), as values that JSON can write.

    Returns
    -------
    str
        16 hexadecimal digits.
    """
    text = json.dumps([code_digest(*modules), ingredients], sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def file_digest(path: Path, memory: Path | None = None, algorithm: str = "sha256") -> str:
    """Digest a file's bytes, remembering the answer while its size and times stay the same.

    Parameters
    ----------
    path
        The file.
    memory
        A JSON file to remember digests in, so that hundreds of megabytes are read once.
    algorithm
        As `hashlib` calls it.

    Returns
    -------
    str
        Hexadecimal.
    """
    state = path.stat()
    # a copy may keep its original's time of change; nobody sets the inode's
    identity = (
        f"{algorithm}|{path.resolve()}|{state.st_size}|{state.st_mtime_ns}|{state.st_ctime_ns}"
    )
    known: dict[str, str] = {}
    if memory is not None:
        try:
            known = storage.read_json(memory)
        except storage.Damaged:
            known = {}
        if identity in known:
            return known[identity]
    with path.open("rb") as file:
        digest = hashlib.file_digest(file, algorithm).hexdigest()
    if memory is not None:
        storage.write_json(memory, {**known, identity: digest})
    return digest
