"""Turns a cell that prints a listing into one that defines what the listing shows.

In the report the answer's code is printed from the package. In the notebook the same code stands
as a cell of its own, which defines it; the package's own modules then call that definition.
"""

import ast
import inspect
import sys
from collections.abc import Callable, Iterable
from importlib import import_module
from typing import Any

from mmn13lib.foundation.errors import UserError
from mmn13lib.writing.listing import brief

WIDTH = 78
PRINTERS = ("listing", "excerpt")
PORTABLE = ("mmn13lib.q3_transfer.answer.portable", "PortableCIFAR10")
STAND_INS = {("torchvision.datasets", "CIFAR10"): PORTABLE}
"""Imports from elsewhere: the data set doesn't travel with the notebook."""


def imported_names(code: str) -> dict[str, tuple[str, str]]:
    """List the names that a cell's import statements bind.

    Parameters
    ----------
    code
        Python.

    Returns
    -------
    dict
        Name → module and the attribute there, which is empty for the module itself.

    Examples
    --------
    >>> imported_names("from torch import nn as layers")
    {'layers': ('torch', 'nn')}
    """
    names = {}
    for node in ast.parse(code).body:
        if isinstance(node, ast.ImportFrom):
            for alias in node.names:
                names[alias.asname or alias.name] = (node.module or "", alias.name)
        elif isinstance(node, ast.Import):
            for alias in node.names:
                top = alias.name.split(".")[0]
                names[alias.asname or top] = (alias.name if alias.asname else top, "")
    return names


def listed(code: str, names: dict[str, tuple[str, str]]) -> list[Callable[..., Any]]:
    """Find the functions and classes that a cell prints the listing of.

    Parameters
    ----------
    code
        The cell's Python.
    names
        What the chapter has imported, as `imported_names` gives it.

    Returns
    -------
    list
        Empty for a cell that prints no listing.

    Raises
    ------
    UserError
        If the listing's arguments aren't imported names.
    """
    tree = ast.parse(code)
    tuples = {
        target.id: node.value.elts
        for node in tree.body
        if isinstance(node, ast.Assign) and isinstance(node.value, ast.Tuple)
        for target in node.targets
        if isinstance(target, ast.Name)
    }
    found: list[Callable[..., Any]] = []
    for node in ast.walk(tree):
        printer = ast.unparse(node.func) if isinstance(node, ast.Call) else ""
        if isinstance(node, ast.Call) and printer in PRINTERS:
            # an excerpt's other arguments say which lines; the notebook defines the whole
            for argument in node.args if printer == "listing" else node.args[:1]:
                starred = argument.value if isinstance(argument, ast.Starred) else None
                several = tuples.get(starred.id) if isinstance(starred, ast.Name) else None
                found += [_resolve(ast.unparse(name), names) for name in several or [argument]]
    return found


def _resolve(dotted: str, names: dict[str, tuple[str, str]]) -> Any:
    first, *rest = dotted.split(".")
    if first not in names:
        raise UserError(f"The listing of {dotted} can't become a cell: {first} is not imported.")
    module, attribute = names[first]
    value = import_module(module)
    for name in filter(None, [attribute, *rest]):
        if inspect.ismodule(value) and not hasattr(value, name):
            import_module(f"{value.__name__}.{name}")
        value = getattr(value, name)
    return value


def definition(objects: Iterable[Callable[..., Any]], defined: set[str]) -> str:
    """Write the cell that defines functions or classes of one module or several.

    Parameters
    ----------
    objects
        Of this package.
    defined
        Names that earlier cells define.

    Returns
    -------
    str
        Python: the imports that the code needs, the code as the report prints it, and a call
        that makes the package use it.
    """
    objects = list(objects)
    own = {thing.__name__ for thing in objects}
    sources = [brief(thing) for thing in objects]
    imports: dict[tuple[str, str, str], None] = {}
    for thing, source in zip(objects, sources, strict=True):
        for name, (module, attribute) in _needed(source, thing.__module__).items():
            if name not in own | defined:
                module, attribute = STAND_INS.get((module, attribute), (module, attribute))
                imports[module, attribute, name] = None
    adoptions = [
        _wrapped(f"adopt({module!r}, ".replace("'", '"'), names, ")")
        for module, names in _by_module(objects).items()
    ]
    return "\n\n\n".join([
        "\n".join(_import_lines([*imports])).strip(),
        *sources,
        "# from here on the package, too, calls what this cell defines\n" + "\n".join(adoptions),
    ])  # fmt: skip


def _by_module(objects: list[Callable[..., Any]]) -> dict[str, list[str]]:
    modules: dict[str, list[str]] = {}
    for thing in objects:
        modules.setdefault(thing.__module__, []).append(thing.__name__)
    return modules


def _needed(source: str, module: str) -> dict[str, tuple[str, str]]:
    """Find the names of its module that a definition uses, and where each is imported from."""
    code = inspect.getsource(sys.modules[module])
    bound = imported_names(code)
    for node in ast.parse(code).body:
        if isinstance(node, ast.FunctionDef | ast.ClassDef):
            bound[node.name] = (module, node.name)
        elif isinstance(node, ast.Assign | ast.AnnAssign):
            for target in node.targets if isinstance(node, ast.Assign) else [node.target]:
                if isinstance(target, ast.Name):
                    bound[target.id] = (module, target.id)
    used = {node.id for node in ast.walk(ast.parse(source)) if isinstance(node, ast.Name)}
    return {name: bound[name] for name in sorted(used & bound.keys())}


def _import_lines(imports: list[tuple[str, str, str]]) -> list[str]:
    """Write import statements: the standard library's, those of others, the package's."""
    plain: list[tuple[str, str]] = []
    named: dict[str, list[str]] = {}
    for module, attribute, name in sorted(imports):
        if not attribute:
            plain.append((module, f"import {module}" + (f" as {name}" if name != module else "")))
        else:
            word = attribute if attribute == name else f"{attribute} as {name}"
            named.setdefault(module, []).append(word)
    lines = plain + [(module, _import_from(module, words)) for module, words in named.items()]
    groups: dict[int, list[str]] = {}
    for module, line in lines:
        groups.setdefault(_place(module), []).append(line)
    return ["\n".join(groups[place]) + "\n" for place in sorted(groups)]


def _place(module: str) -> int:
    top = module.split(".")[0]
    return 0 if top in sys.stdlib_module_names else 2 if top == "mmn13lib" else 1


def _import_from(module: str, names: list[str]) -> str:
    start = f"from {module} import "
    whole = start + ", ".join(names)
    return whole if len(whole) <= WIDTH else _wrapped(start + "(", names, ")")


def _wrapped(start: str, names: list[str], end: str) -> str:
    """Put names between brackets, on lines of their own where one line is too narrow."""
    whole = start + ", ".join(names) + end
    if len(whole) <= WIDTH:
        return whole
    return "\n".join([start.rstrip(), *(f"    {name}," for name in names), end])
