"""Cells that define what the report only lists."""

import ast
import sys
from types import ModuleType

import pytest

from mmn13lib.foundation.errors import UserError
from mmn13lib.q3_transfer.results import metrics
from mmn13lib.submission.definitions import definition, imported_names, listed
from mmn13lib.submission.runtime import adopt

IMPORTS = imported_names(
    "from mmn13lib.q3_transfer.results import metrics\nfrom mmn13lib.writing.tables import x"
)


@pytest.mark.parametrize(
    "code",
    [
        "Markdown(listing(metrics.blatant_mistakes))",
        "print(listing(metrics.blatant_mistakes))",
        "things = (metrics.blatant_mistakes,)\nMarkdown(listing(*things))",
    ],
)
def test_a_listing_is_recognised(code: str) -> None:
    assert listed(code, IMPORTS) == [metrics.blatant_mistakes]


def test_other_cells_print_no_listing() -> None:
    assert listed("listing\nf(metrics.accuracy)", IMPORTS) == []


def test_a_listing_of_what_is_not_imported_is_refused() -> None:
    with pytest.raises(UserError, match="unknown is not imported"):
        listed("listing(unknown.thing)", IMPORTS)


def test_the_definition_stands_on_its_own_imports() -> None:
    code = definition([metrics.blatant_mistakes], set())
    assert 'adopt("mmn13lib.q3_transfer.results.metrics", blatant_mistakes)' in code
    calls: list[object] = []
    namespace: dict[str, object] = {"adopt": lambda *given: calls.append(given)}
    exec(code, namespace)
    assert calls == [("mmn13lib.q3_transfer.results.metrics", namespace["blatant_mistakes"])]
    assert namespace["blatant_mistakes"] is not metrics.blatant_mistakes


def test_what_an_earlier_cell_defined_is_not_imported_over_it() -> None:
    code = definition([metrics.blatant_mistakes], {"softmax"})
    imported = imported_names(code)
    assert "is_correct" in imported and "softmax" not in imported
    ast.parse(code)


@pytest.fixture
def modules(monkeypatch: pytest.MonkeyPatch) -> tuple[ModuleType, ModuleType]:
    """Make a module with a function and one that has imported it."""
    origin, user = ModuleType("mmn13lib.fake_origin"), ModuleType("mmn13lib.fake_user")

    def f() -> int:
        return 1

    origin.f = user.f = f  # type: ignore[attr-defined]
    for module in (origin, user):
        monkeypatch.setitem(sys.modules, module.__name__, module)
    return origin, user


def test_the_package_calls_what_the_notebook_defines(
    modules: tuple[ModuleType, ModuleType],
) -> None:
    for value in (2, 3):  # a cell may be run again

        def f(value: int = value) -> int:
            return value

        adopt("mmn13lib.fake_origin", f)
        assert [module.f() for module in modules] == [value, value]
