"""Tables as Markdown, which both HTML and PDF are made from."""

import re
from collections.abc import Iterable, Sequence

# mathematics, code and escapes keep their bars: pandoc doesn't take those for a cell's end
BAR = re.compile(r"(\$(?=\S)[^$]*(?<=\S)\$(?!\d)|`[^`]*`|\\.)|\|")
RULES = {"l": (":", ""), "c": (":", ":"), "r": ("", ":")}


def markdown_table(
    headers: Sequence[str], rows: Iterable[Sequence[object]], align: str | None = None
) -> str:
    """Write a pipe table.

    Parameters
    ----------
    headers
        One text a column, Markdown allowed.
    rows
        The cells, one sequence a row; each is written with ``str``, on one line.
    align
        One letter a column: l, c or r. By default the first column is left-aligned and the
        others are right-aligned.

    Raises
    ------
    ValueError
        If a row's length or `align`'s differs from the number of headers.

    Examples
    --------
    >>> print(markdown_table(["layer", "ratio"], [["3x3", 1.5]]).strip())
    | layer | ratio |
    |:----|----:|
    | 3x3 | 1.5 |
    """
    align = "l" + "r" * (len(headers) - 1) if align is None else align
    cells = [[_cell(value) for value in row] for row in [headers, *rows]]
    first, *others = ("| " + " | ".join(row) + " |" for row in cells)
    # as long as the column's widest cell: pandoc divides a wide table's width by these lines
    widths = [max(3, *map(len, column)) for column in zip(*cells, strict=True)]
    rules = [_rule(letter, width) for letter, width in zip(align, widths, strict=True)]
    return "\n" + "\n".join([first, "|" + "|".join(rules) + "|", *others]) + "\n"


def side_by_side(rows: Sequence[Sequence[object]], parts: int) -> list[tuple[object, ...]]:
    """Cut a long table into parts beside one another; what the last one lacks is empty.

    >>> side_by_side([("a", 1), ("b", 2), ("c", 3)], parts=2)
    [('a', 1, 'c', 3), ('b', 2, '', '')]
    """
    height = -(-len(rows) // parts)
    empty = [("",) * len(row) for row in rows[:1]] * (parts * height - len(rows))
    cells = [tuple(row) for row in [*rows, *empty]]
    return [sum(cells[line::height], ()) for line in range(height)]


def _rule(letter: str, width: int) -> str:
    left, right = RULES[letter]
    return left + "-" * (width - len(left + right)) + right


def _cell(value: object) -> str:
    return BAR.sub(lambda match: match[1] or r"\|", " ".join(str(value).split("\n")))
