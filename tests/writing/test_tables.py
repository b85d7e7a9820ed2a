"""Tables reach pandoc with the cells that were given."""

import json

import pypandoc
import pytest

from mmn13lib.writing.tables import markdown_table


def cells_that_pandoc_reads(table: str) -> list[list[str]]:
    """Let pandoc read a table and give its cells as plain text, the header first."""
    document = json.loads(pypandoc.convert_text(table, "json", "markdown"))
    (block,) = document["blocks"]
    head, bodies = block["c"][3], block["c"][4]
    rows = [*head[1], *(row for body in bodies for row in body[3])]
    return [["".join(text(inline) for inline in plain(cell)) for cell in row[1]] for row in rows]


def plain(cell: list) -> list:
    return cell[4][0]["c"] if cell[4] else []


def text(inline: dict) -> str:
    if inline["t"] in ("Code", "Math"):
        return str(inline["c"][1])
    return str(inline.get("c", " "))


def test_pandoc_reads_what_was_written_bars_and_all() -> None:
    headers = ["size", "$|x|$", "a|b"]
    rows = [["3|4", "$\\|x|$", "`x | y`"], ["two\nlines", r"set \| already", "$5 | $6"]]
    assert cells_that_pandoc_reads(markdown_table(headers, rows)) == [
        ["size", "|x|", "a|b"],
        ["3|4", "\\|x|", "x | y"],
        ["two lines", "set | already", "$5 | $6"],
    ]


def test_values_are_written_with_str_and_aligned_as_asked() -> None:
    table = markdown_table(["a", "b", "c"], [[1.5, None, ""]], align="lcr")
    assert "| 1.5 | None |" in table and "|:--|:--:|--:|" in table
    assert "|:--|--:|--:|" in markdown_table(["a", "b", "c"], [])


@pytest.mark.parametrize(("rows", "align"), [([["1"]], None), ([["1", "2"]], "l")])
def test_what_does_not_fit_is_an_error(rows: list[list[str]], align: str) -> None:
    with pytest.raises(ValueError):
        markdown_table(["a", "b"], rows, align)
