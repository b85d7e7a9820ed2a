"""Code as the chapters print it: the very functions that run, without their long docstrings."""

import ast
import inspect
import textwrap
from collections.abc import Callable
from typing import Any

Documented = ast.ClassDef | ast.FunctionDef


def listing(*objects: Callable[..., Any]) -> str:
    """Return functions or classes as one Markdown block of Python, each as `brief` does."""
    return "\n".join(["```python", "\n\n\n".join(map(brief, objects)), "```", ""])


def brief(thing: Callable[..., Any]) -> str:
    """Return the source of a function or class, its docstrings cut down to their first lines.

    Examples
    --------
    >>> print(brief(brief).splitlines()[0])
    def brief(thing: Callable[..., Any]) -> str:
    """
    source = textwrap.dedent(inspect.getsource(thing))
    lines = source.rstrip().split("\n")
    documented = [node for node in ast.walk(ast.parse(source)) if isinstance(node, Documented)]
    for node in sorted(documented, key=lambda node: -node.lineno):  # from the end: lines move
        text, first = ast.get_docstring(node), node.body[0]
        if text is not None and first.end_lineno is not None:
            line = f'{" " * first.col_offset}"""{text.splitlines()[0]}"""'
            lines[first.lineno - 1 : first.end_lineno] = [line]
    return "\n".join(line.removesuffix("  # fmt: skip") for line in lines)
