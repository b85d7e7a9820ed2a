"""Tables as Markdown, which both HTML and PDF are made from."""

from collections.abc import Iterable, Sequence


def markdown_table(
    headers: Sequence[str], rows: Iterable[Sequence[object]], align: str | None = None
) -> str:
    """Write a pipe table.

    Parameters
    ----------
    headers
        One text a column, Markdown allowed.
    rows
        The cells, one sequence a row; each is written with ``str``.
    align
        One letter a column: l, c or r. By default the first column is left-aligned and the
        others are right-aligned.

    Returns
    -------
    str
        The table, with a blank line before and after it.

    Raises
    ------
    ValueError
        If a row's length or `align`'s differs from the number of headers.

    Examples
    --------
    >>> print(markdown_table(["layer", "ratio"], [["3x3", 1.5]]).strip())
    | layer | ratio |
    |:--|--:|
    | 3x3 | 1.5 |
    """
    align = "l" + "r" * (len(headers) - 1) if align is None else align
    rules = {"l": ":--", "c": ":-:", "r": "--:"}
    cells = [[str(cell).replace("|", r"\|") for cell in row] for row in rows]
    for row in [align, *cells]:
        if len(row) != len(headers):
            raise ValueError(f"{len(headers)} columns have headers, but {row!r} has {len(row)}")
    lines = [headers, [rules[letter] for letter in align], *cells]
    texts = [
        ("|" + "|".join(line) + "|") if line is lines[1] else "| " + " | ".join(line) + " |"
        for line in lines
    ]
    return "\n" + "\n".join(texts) + "\n"
