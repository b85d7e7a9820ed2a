"""Code as the chapters print it: the very functions that run, without their long docstrings."""

import ast
import inspect
import re
import textwrap
from collections.abc import Callable, Iterator
from itertools import groupby
from typing import Any

Documented = ast.ClassDef | ast.FunctionDef

WIDTH = 78
"""Columns of code that the PDF's page has room for."""


def listing(*objects: Callable[..., Any]) -> str:
    """Write functions or classes as one Markdown block of Python, printed in HTML and PDF alike.

    Parameters
    ----------
    *objects
        Functions and classes. A docstring is cut down to its first line, and a line that is too
        wide for the page is broken, where that leaves the code's meaning as it is.

    Returns
    -------
    str
        A fenced block.

    Examples
    --------
    >>> print(listing(listing).splitlines()[2])
        \"\"\"Write functions or classes as one Markdown block of Python, printed in HTML ...
    """
    sources = [_narrow(brief(thing)) for thing in objects]
    return "\n".join(["```python", "\n\n\n".join(sources), "```", ""])


def excerpt(thing: Callable[..., Any], first: str, last: str) -> str:
    """Write some lines of a function as a Markdown block of Python.

    Parameters
    ----------
    thing
        A function or a class.
    first, last
        Parts of the first and of the last line to print.

    Returns
    -------
    str
        A fenced block.

    Raises
    ------
    ValueError
        If there are no such lines.
    """
    lines = inspect.getsource(thing).split("\n")
    begin = next((i for i, line in enumerate(lines) if first in line), None)
    end = next((i for i, line in enumerate(lines) if last in line), None)
    if begin is None or end is None or end < begin:
        raise ValueError(f"{thing.__name__} has no lines from {first!r} to {last!r}")
    return f"```python\n{_narrow(textwrap.dedent(chr(10).join(lines[begin : end + 1])))}\n```\n"


def brief(thing: Callable[..., Any]) -> str:
    """Give the source of a function or class, its docstrings cut down to their first lines.

    Parameters
    ----------
    thing
        Of a module that lies in a file.

    Returns
    -------
    str
        Python, from the margin on.
    """
    source = textwrap.dedent(inspect.getsource(thing))
    lines = source.rstrip().split("\n")
    documented = [node for node in ast.walk(ast.parse(source)) if isinstance(node, Documented)]
    for node in sorted(documented, key=lambda node: -node.lineno):  # from the end: lines move
        text, first = ast.get_docstring(node), node.body[0]
        if text is not None and first.end_lineno is not None:
            brief = f'{" " * first.col_offset}"""{text.splitlines()[0]}"""'
            lines[first.lineno - 1 : first.end_lineno] = [brief]
    return "\n".join(lines)


def _narrow(source: str) -> str:
    meaning = _meaning(source)
    lines = _rewrapped(source.split("\n"))
    for index in reversed(range(len(lines))):  # from the end: lines move
        for broken in _breaks(lines[index]):
            narrower = [*lines[:index], *broken, *lines[index + 1 :]]
            if meaning and _meaning("\n".join(narrower)) == meaning:
                lines = narrower
                break
    return "\n".join(lines)


def _rewrapped(lines: list[str]) -> list[str]:
    """Wrap comments of which a line is too wide."""
    wrapped: list[str] = []
    for start, group in groupby(lines, key=_comment_mark):
        block = list(group)
        if start and max(map(len, block)) > WIDTH:
            text = " ".join(line.removeprefix(start) for line in block)
            block = textwrap.wrap(text, WIDTH, initial_indent=start, subsequent_indent=start)
        wrapped += block
    return wrapped


def _comment_mark(line: str) -> str:
    code = line.lstrip()
    return line[: len(line) - len(code)] + "# " if code.startswith("# ") else ""


def _breaks(line: str) -> Iterator[tuple[str, str]]:
    """Break a line that is too wide: its comment goes above it, or the end of its list below."""
    indent = len(line) - len(line.lstrip())
    code, mark, comment = line.partition("  # ")
    if mark and len(code) <= WIDTH < len(line):
        yield " " * indent + "# " + comment, code
    commas = [found.start() for found in re.finditer(", ", line[:WIDTH])] * (len(line) > WIDTH)
    further = 8 if line.lstrip().startswith("def ") else 4  # beside what stands under the def
    # outside of inner brackets rather than in them, and as late as fits
    for cut in sorted(commas, key=lambda comma: (_depth(line[:comma]), -comma)):
        yield line[: cut + 1], " " * (indent + further * (_depth(line[:cut]) > 0)) + line[cut + 2 :]


def _depth(code: str) -> int:
    return sum(map(code.count, "([{")) - sum(map(code.count, ")]}"))


def _meaning(source: str) -> str | None:
    try:
        return ast.dump(ast.parse(source))
    except SyntaxError:
        return None
