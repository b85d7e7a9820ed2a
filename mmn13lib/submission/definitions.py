"""Turns a cell that prints the answer's code into one that defines it.

In the report a listing is printed from the package. In the notebook the same code stands in a
cell of its own, and the cells after it call what that cell defines.
"""

import ast
import inspect
import sys
from collections.abc import Callable, Iterable
from importlib import import_module
from typing import Any

from mmn13lib.foundation.errors import UserError
from mmn13lib.writing.listing import listing

WIDTH = 78
Origin = tuple[str, str]
"""A module, and the attribute there: empty for the module itself."""


def bound_by_imports(code: str) -> dict[str, Origin]:
    """List the names that import statements bind, and where each comes from.

    Examples
    --------
    >>> bound_by_imports("from torch import nn as layers")
    {'layers': ('torch', 'nn')}
    """
    names = {}
    for node in ast.parse(code).body:
        for alias in node.names if isinstance(node, ast.Import | ast.ImportFrom) else ():
            if isinstance(node, ast.ImportFrom):
                names[alias.asname or alias.name] = (node.module or "", alias.name)
            else:
                top = alias.name.split(".")[0]
                names[alias.asname or top] = (alias.name if alias.asname else top, "")
    return names


def listed(code: str) -> list[str]:
    """Name what a cell lists, if it does nothing else.

    Examples
    --------
    >>> listed("Markdown(listing(Conv2d, layer.pad))"), listed("Markdown('text')")
    (['Conv2d', 'layer.pad'], [])
    """
    match ast.parse(code).body:
        case [ast.Expr(ast.Call(ast.Name("Markdown"), [ast.Call(ast.Name("listing"), things)]))]:
            return [ast.unparse(thing) for thing in things]
    return []


def resolve(dotted: str, names: dict[str, Origin]) -> Any:
    """Find an object by the name that the chapter's imports give it."""
    first, *rest = dotted.split(".")
    if first not in names:
        raise UserError(f"The listing of {dotted} can't become a cell: {first} is not imported.")
    module, attribute = names[first]
    value: Any = import_module(module)
    for name in filter(None, [attribute, *rest]):
        if inspect.ismodule(value) and not hasattr(value, name):
            import_module(f"{value.__name__}.{name}")
        value = getattr(value, name)
    return value


def definition(objects: Iterable[Callable[..., Any]], defined: set[str]) -> str:
    """Write the cell that defines functions or classes: the imports they need, then their source.

    What earlier cells have `defined` is not imported over it.
    """
    objects = list(objects)
    own = defined | {thing.__name__ for thing in objects}
    sources = ["\n".join(listing(thing).strip().split("\n")[1:-1]) for thing in objects]
    imports = {
        name: origin
        for thing, source in zip(objects, sources, strict=True)
        for name, origin in _needed(source, thing.__module__).items()
        if name not in own
    }
    return "\n\n\n".join(filter(None, ["\n".join(_import_lines(imports)), *sources]))


def _needed(source: str, module: str) -> dict[str, Origin]:
    """Find the names of its module that a definition uses, and where each is imported from."""
    code = inspect.getsource(sys.modules[module])
    bound = bound_by_imports(code)
    for node in ast.parse(code).body:
        if isinstance(node, ast.FunctionDef | ast.ClassDef):
            bound[node.name] = (module, node.name)
        elif isinstance(node, ast.Assign | ast.AnnAssign):
            for target in node.targets if isinstance(node, ast.Assign) else [node.target]:
                if isinstance(target, ast.Name):
                    bound[target.id] = (module, target.id)
    return {name: bound[name] for name in sorted(used_names(source) & bound.keys())}


def used_names(code: str) -> set[str]:
    """List the names that code uses."""
    return {node.id for node in ast.walk(ast.parse(code)) if isinstance(node, ast.Name)}


def defined_names(code: str) -> set[str]:
    """List the functions and classes that code defines."""
    definitions = ast.FunctionDef | ast.ClassDef
    return {node.name for node in ast.parse(code).body if isinstance(node, definitions)}


def _import_lines(imports: dict[str, Origin]) -> list[str]:
    """Write import statements: the standard library's, those of others, the package's."""
    modules: dict[tuple[str, bool], list[ast.alias]] = {}
    for name, (module, attribute) in imports.items():
        origin = attribute or module
        alias = ast.alias(origin, None if name == origin.split(".")[0] else name)
        modules.setdefault((module, bool(attribute)), []).append(alias)

    def place(item: tuple[str, bool]) -> tuple[bool, bool, bool, str]:
        module, named = item
        top = module.split(".")[0]
        return top == "mmn13lib", top not in sys.stdlib_module_names, named, module

    ordered = sorted(modules, key=place)
    return [statement(module if named else "", modules[module, named]) for module, named in ordered]


def statement(module: str, aliases: list[ast.alias]) -> str:
    """Write an import statement, in brackets where one line is too narrow."""
    words = [ast.unparse(alias) for alias in aliases]
    start = f"from {module} import " if module else "import "
    line = start + ", ".join(words)
    if len(line) <= WIDTH:
        return line
    return "\n".join([f"{start}(", *(f"    {word}," for word in words), ")"])


def without_imports(code: str, names: set[str]) -> str:
    r"""Leave names out of a cell's import statements.

    Examples
    --------
    >>> without_imports("from a import b, c\nimport d", {"b", "d"})
    'from a import c'
    """
    lines = code.split("\n")
    for node in reversed(ast.parse(code).body):
        if isinstance(node, ast.Import | ast.ImportFrom):
            kept = [alias for alias in node.names if _binds(alias) not in names]
            if len(kept) < len(node.names):
                module = node.module if isinstance(node, ast.ImportFrom) else ""
                lines[node.lineno - 1 : node.end_lineno] = (
                    [statement(module or "", kept)] if kept else []
                )
    return "\n".join(lines).strip("\n")


def _binds(alias: ast.alias) -> str:
    return alias.asname or alias.name.split(".")[0]
