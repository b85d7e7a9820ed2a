"""Turns a cell that prints the answer's code into one that defines it for the cells after it."""

import ast
import inspect
import pkgutil
import sys
from collections.abc import Callable, Sequence
from typing import Any

from mmn13lib.foundation.errors import UserError
from mmn13lib.writing.listing import brief

WIDTH = 78
Origin = tuple[str, str]
"""A module, and the attribute there: empty for the module itself."""


def bound_by_imports(code: str) -> dict[str, Origin]:
    """List the names that import statements bind: each one's module and its name there."""
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
    """Name what a cell lists, if it does nothing else."""
    match ast.parse(code).body:
        case [ast.Expr(ast.Call(ast.Name("Markdown"), [ast.Call(ast.Name("listing"), things)]))]:
            return [ast.unparse(thing) for thing in things]
    return []


def resolve(dotted: str, names: dict[str, Origin]) -> Any:
    """Find an object by the name that the chapter's imports give it."""
    first, *rest = dotted.split(".")
    if first not in names:
        raise UserError(f"The listing of {dotted} can't become a cell: {first} is not imported.")
    return pkgutil.resolve_name(".".join(filter(None, [*names[first], *rest])))


def definition(objects: Sequence[Callable[..., Any]], defined: set[str]) -> str:
    """Write a cell that defines objects: imports of what is not yet `defined`, then source."""
    own = defined | {thing.__name__ for thing in objects}
    sources = [brief(thing) for thing in objects]
    imports: dict[str, Origin] = {}
    for thing, source in zip(objects, sources, strict=True):
        module = sys.modules[thing.__module__]
        imported = bound_by_imports(inspect.getsource(module))
        for name in sorted((used_names(source) & vars(module).keys()) - own):
            imports[name] = imported.get(name, (module.__name__, name))
    return "\n\n\n".join(filter(None, ["\n".join(_import_lines(imports)), *sources]))


def used_names(code: str) -> set[str]:
    """List the names that code uses."""
    return {node.id for node in ast.walk(ast.parse(code)) if isinstance(node, ast.Name)}


def _import_lines(names: dict[str, Origin]) -> list[str]:
    """Write import statements: the standard library's, those of others, the package's."""
    aliases: dict[tuple[bool, bool, bool, str], list[str]] = {}
    for name, (module, attribute) in names.items():
        top, origin = module.split(".")[0], attribute or module
        place = (top == "mmn13lib", top not in sys.stdlib_module_names, bool(attribute), module)
        alias = origin if name == origin else f"{origin} as {name}"
        aliases.setdefault(place, []).append(alias)
    lines = []
    for (_, _, named, module), imported in sorted(aliases.items()):
        start = f"from {module} import " if named else "import "
        line = start + ", ".join(imported)
        if len(line) > WIDTH:
            line = "\n".join([f"{start}(", *(f"    {alias}," for alias in imported), ")"])
        lines.append(line)
    return lines


def without_imports(code: str, names: set[str]) -> str:
    """Leave names out of a cell's import statements."""
    lines = code.split("\n")
    for node in reversed(ast.parse(code).body):
        bound = bound_by_imports(ast.unparse(node))
        if bound.keys() & names:
            kept = {name: origin for name, origin in bound.items() if name not in names}
            lines[node.lineno - 1 : node.end_lineno] = _import_lines(kept)
    return "\n".join(lines).strip("\n")
