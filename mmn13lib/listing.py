"""Code as the chapters print it: the very functions that run, without their long docstrings."""

import ast
import inspect
import textwrap
from collections.abc import Callable
from typing import Any

Documented = ast.ClassDef | ast.FunctionDef


def listing(*objects: Callable[..., Any]) -> str:
    """Write functions or classes as one Markdown block of Python, printed in HTML and PDF alike.

    Parameters
    ----------
    *objects
        Functions and classes; a docstring is cut down to its first line.

    Returns
    -------
    str
        A fenced block.

    Examples
    --------
    >>> print(listing(listing).splitlines()[2])
        \"\"\"Write functions or classes as one Markdown block of Python, printed in HTML ...
    """
    sources = [_brief(textwrap.dedent(inspect.getsource(thing))) for thing in objects]
    return "\n".join(["```python", "\n\n\n".join(sources), "```", ""])


def _brief(source: str) -> str:
    lines = source.rstrip().split("\n")
    documented = [node for node in ast.walk(ast.parse(source)) if isinstance(node, Documented)]
    for node in sorted(documented, key=lambda node: -node.lineno):  # from the end: lines move
        text, first = ast.get_docstring(node), node.body[0]
        if text is not None and first.end_lineno is not None:
            brief = f'{" " * first.col_offset}"""{text.splitlines()[0]}"""'
            lines[first.lineno - 1 : first.end_lineno] = [brief]
    return "\n".join(lines)
