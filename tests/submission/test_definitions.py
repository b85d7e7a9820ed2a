"""Cells that define what the report only lists."""

import ast

import pytest
import torch

from mmn13lib.foundation.errors import UserError
from mmn13lib.q1_convolution import layer
from mmn13lib.submission.definitions import (
    bound_by_imports,
    definition,
    listed,
    resolve,
    without_imports,
)
from mmn13lib.writing import tables


def test_only_a_cell_that_does_nothing_else_is_a_listing() -> None:
    assert listed("# the layer\nMarkdown(listing(Conv2d, tables.x))") == ["Conv2d", "tables.x"]
    for code in ("listing", "listing(f)", "x = 1\nMarkdown(listing(f))", "Markdown(f(listing))"):
        assert listed(code) == []


def test_a_listing_names_what_the_chapter_has_imported() -> None:
    imported = bound_by_imports("from mmn13lib.writing import tables")
    assert resolve("tables.markdown_table", imported) is tables.markdown_table
    with pytest.raises(UserError, match="unknown is not imported"):
        resolve("unknown.thing", imported)


def test_the_definition_stands_on_its_own_imports() -> None:
    code = definition([tables.markdown_table], set())
    assert "from collections.abc import Iterable, Sequence\n" in code
    assert "from mmn13lib.writing.tables import RULES, _cell, _rule\n" in code
    namespace: dict[str, object] = {}
    exec(code, namespace)
    assert namespace["markdown_table"] is not tables.markdown_table


def test_what_an_earlier_cell_defined_is_not_imported_over_it() -> None:
    code = definition([tables.markdown_table], {"_cell"})
    imported = bound_by_imports(code)
    assert "_rule" in imported and "_cell" not in imported
    ast.parse(code)


@pytest.mark.parametrize(
    ("names", "left"),
    [
        (set(), "from a import b, c as d\nimport e.f\nx = 1"),
        ({"b"}, "from a import c as d\nimport e.f\nx = 1"),
        ({"b", "d", "e"}, "x = 1"),
    ],
)
def test_names_are_left_out_of_imports(names: set[str], left: str) -> None:
    assert without_imports("from a import b, c as d\nimport e.f\nx = 1", names) == left


def test_a_layer_that_a_cell_defines_is_traced_as_the_packages_own() -> None:
    cell: dict[str, object] = {"__name__": "__main__"}
    exec(definition([layer.patches, layer.convolve, layer.Conv2d], set()), cell)
    ours = cell["Conv2d"](1, 1, 2)  # type: ignore[operator]
    images = torch.zeros(1, 1, 3, 3)
    assert torch.equal(torch.fx.symbolic_trace(ours)(images), ours(images))
