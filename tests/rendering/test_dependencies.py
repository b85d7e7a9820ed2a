"""A chapter is executed again if and only if something that it depends on changed."""

from collections.abc import Callable, Mapping
from importlib.metadata import version
from pathlib import Path

import pytest
from support.changes import CELLS, Q2, TABLE, Change, code, edit, library, told
from support.tiny_book import PACKAGE, cell, write_chapter

from mmn13lib.foundation.errors import UserError
from mmn13lib.foundation.settings import Settings
from mmn13lib.rendering import dependencies
from mmn13lib.rendering.book import read_book
from mmn13lib.rendering.cache import status

Rerun = Callable[..., list[str]]
Outside = Mapping[str, Mapping[str, str]]


def look(root: Path, outside: Outside | None = None) -> list[tuple[str, list[str]]]:
    return status(read_book(root), outside or {}, Settings(root))


def outdated(root: Path, outside: Outside | None = None) -> list[str]:
    """List the cells of the chapters that would be executed."""
    return [label for name, reasons in look(root, outside) if reasons for label in CELLS[name]]


@pytest.mark.parametrize(*TABLE)
def test_exactly_the_chapters_that_depend_on_a_change_are_out_of_date(
    executed: Path,
    monkeypatch: pytest.MonkeyPatch,
    change: Change,
    executed_again: list[str],
) -> None:
    assert outdated(executed, change(executed, monkeypatch)) == executed_again


def test_an_undone_edit_finds_the_earlier_chapter(executed: Path, rerun: Rerun) -> None:
    module = executed / "mmn13lib/beta.py"
    module.write_text(PACKAGE["beta"] + "# changed\n")
    assert rerun(executed, "q2") == Q2
    module.write_text(PACKAGE["beta"])
    assert rerun(executed, "q2") == []


def test_what_changed_is_told_from_the_state_that_was_rendered_last(
    executed: Path, rerun: Rerun
) -> None:
    module = executed / "mmn13lib/beta.py"
    module.write_text(PACKAGE["beta"] + "# changed\n")
    rerun(executed, "q2")
    module.write_text(PACKAGE["beta"])
    rerun(executed, "q2")  # found, not executed
    edit("report/q2-beta.qmd", "g(2)", "g(3)")(executed, pytest.MonkeyPatch())
    assert dict(look(executed))["q2-beta"] == ["its cells were edited"]


def test_the_status_says_in_words_what_changed(
    executed: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    number = dependencies.versions()["sympy"]
    library("sympy")(executed, monkeypatch)
    code("alpha")(executed, monkeypatch)
    edit("report/appendix.qmd", "'one'", "'two'")(executed, monkeypatch)
    outside = told("mmn13lib.q3_transfer.data.inputs")(executed, monkeypatch)
    sympy = f"sympy: {number}, now 99.0"
    assert look(executed, outside) == [
        ("index", [sympy, "mmn13lib/alpha.py was edited"]),
        ("q1-alpha", [sympy, "mmn13lib/alpha.py was edited"]),
        ("q2-beta", [sympy, "the data: none, now others"]),
        ("appendix", ["its cells were edited", sympy]),
    ]


def test_an_edit_of_the_hidden_set_up_cell_executes_every_chapter_again(
    executed: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    set_up = f"{dependencies._SET_UP}\nplt.style.use('dark_background')"
    monkeypatch.setattr(dependencies, "_SET_UP", set_up)
    assert {tuple(found) for _, found in look(executed)} == {("the hidden set-up cell was edited",)}


def test_the_libraries_are_those_that_the_package_asks_for() -> None:
    found = dependencies.versions()
    assert found["pypandoc_binary"] == version("pypandoc_binary")
    assert "typer" in found and "pytest" not in found


@pytest.mark.parametrize("wrong", ["g(2", "from . import g", "g = '\x00'"])
def test_a_cell_or_module_that_is_no_python_is_named(tiny: Path, wrong: str) -> None:
    write_chapter(tiny, "q2-beta", "# Beta" + cell("q2-beta", wrong))
    with pytest.raises(UserError, match=r"q2-beta\.qmd, line \d+: q2-beta is no valid Python"):
        look(tiny)
    (tiny / "mmn13lib/alpha.py").write_text(wrong)
    with pytest.raises(UserError, match=r"index\.qmd imports what is no valid Python"):
        look(tiny)
