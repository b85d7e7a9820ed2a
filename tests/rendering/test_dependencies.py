"""A chapter is executed again if and only if something that it depends on changed."""

import shutil
from collections.abc import Callable
from dataclasses import replace
from importlib.metadata import version
from pathlib import Path

import pytest
from support.changes import (
    CELLS,
    Q1,
    Q2,
    TABLE,
    Change,
    code,
    edit,
    library,
    other_inputs,
)
from support.tiny_book import PACKAGE, cell, write_chapter

from mmn13lib.foundation.errors import UserError
from mmn13lib.foundation.settings import Settings
from mmn13lib.foundation.storage import write_json
from mmn13lib.rendering import dependencies
from mmn13lib.rendering.book import read_book
from mmn13lib.rendering.cache import EMBEDDED, status
from mmn13lib.rendering.dependencies import changes, digest_source

Rerun = Callable[..., list[str]]


def outdated(root: Path) -> list[str]:
    """List the cells of the chapters that would be executed."""
    found = status(Settings(root, offline=True), EMBEDDED)
    return [label for name, reasons in found if reasons for label in CELLS[name]]


@pytest.mark.parametrize(*TABLE)
def test_exactly_the_chapters_that_depend_on_a_change_are_out_of_date(
    executed: Path,
    monkeypatch: pytest.MonkeyPatch,
    change: Change,
    executed_again: list[str],
) -> None:
    change(executed, monkeypatch)
    assert outdated(executed) == executed_again


def test_a_chapter_that_is_out_of_date_is_executed_once_and_no_other(
    executed: Path, rerun: Rerun, monkeypatch: pytest.MonkeyPatch
) -> None:
    edit("report/q1-alpha.qmd", "f(2)", "f(3)")(executed, monkeypatch)
    assert rerun(executed) == Q1
    assert rerun(executed) == []


def test_modes_never_mix_and_going_back_finds_the_earlier_chapters(
    executed: Path, rerun: Rerun, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as full:
        other_inputs(mode="imagenet", weights="f37072fd")(executed, full)
        assert (
            dict(status(Settings(executed), EMBEDDED))["q2-beta"][-1]
            == "weights: random → IMAGENET1K_V1"
        )
        assert rerun(executed) == Q2
    assert status(Settings(executed), EMBEDDED) == [
        (name, []) for name in ("index", "q1-alpha", "q2-beta", "appendix")
    ]
    assert rerun(executed) == []


def test_an_undone_edit_finds_the_earlier_chapter(executed: Path, rerun: Rerun) -> None:
    module = executed / "mmn13lib/beta.py"
    module.write_text(PACKAGE["beta"] + "# changed\n")
    assert rerun(executed, "q2") == Q2
    module.write_text(PACKAGE["beta"])
    assert rerun(executed, "q2") == []


def test_the_status_says_in_words_what_changed(
    executed: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    number = dependencies._version("yaml")
    library("yaml")(executed, monkeypatch)
    code("alpha")(executed, monkeypatch)
    edit("report/appendix.qmd", "'one'", "'two'")(executed, monkeypatch)
    assert status(Settings(executed), EMBEDDED) == [
        ("index", ["mmn13lib/alpha.py", f"yaml {number} → 99.0"]),
        ("q1-alpha", ["mmn13lib/alpha.py"]),
        ("q2-beta", [f"yaml {number} → 99.0"]),
        ("appendix", ["its code cells"]),
    ]


def test_the_status_of_a_fresh_clone_is_that_nothing_was_executed(tiny: Path) -> None:
    assert {tuple(found) for _, found in status(Settings(tiny), EMBEDDED)} == {
        ("not executed yet",)
    }


def test_the_status_notices_that_the_cache_is_gone(executed: Path) -> None:
    shutil.rmtree(executed / "artifacts/cache/jupyter")
    found = dict(status(Settings(executed), EMBEDDED))
    assert found["q1-alpha"] == ["its cached output is gone"]


@pytest.mark.parametrize(
    ("import_it", "call"),
    [
        ("from mmn13lib.benchmarks import measurements", "measurements.load"),
        ("from mmn13lib.benchmarks.measurements import load", "load"),
        ("from mmn13lib.benchmarks.measurements import load as measured", "measured"),
    ],
)
def test_a_measurement_is_found_however_it_is_loaded(tiny: Path, import_it: str, call: str) -> None:
    write_chapter(
        tiny, "q2-beta", "# Beta" + cell("q2", f'{import_it}\n{call}(None, "convolution")')
    )
    write_json(tiny / "artifacts/benchmarks/convolution.json", {})
    book = read_book(tiny)
    found = dependencies.dependencies(book.chapters[2], book, Settings(tiny))
    assert "artifacts/benchmarks/convolution.json" in found


def test_a_library_is_found_by_the_name_that_it_is_imported_by() -> None:
    assert dependencies._version("PIL") == version("pillow")
    assert dependencies._version("json") == dependencies._version("no_such_library") == ""


def test_a_version_that_a_chapter_prints_is_one_of_its_dependencies(
    tiny: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    code = 'from importlib.metadata import version\n[version(name) for name in ["typst", "torch"]]'
    write_chapter(tiny, "q2-beta", "# Beta" + cell("q2", code))
    book = read_book(tiny)

    def found() -> dict[str, str]:
        return dependencies.dependencies(book.chapters[2], book, Settings(tiny))

    before = found()
    library("typst")(tiny, monkeypatch)
    assert changes(before, found()) == [f"typst {version('typst')} → 99.0"]


def test_new_and_dropped_modules_are_named() -> None:
    assert changes({"a/x.py": "1"}, {"a/y.py": "2"}) == [
        "a/y.py (new)",
        "a/x.py (no longer used)",
    ]


def test_the_digest_cell_is_hidden_and_differs_with_the_dependencies(tiny: Path) -> None:
    texts = {digest_source({"torch": number}) for number in ("2.14.1", "2.15.0")}
    assert len(texts) == 2
    assert all("#| include: false" in text for text in texts)


def test_a_cell_that_is_no_python_is_named(tiny: Path) -> None:
    edit("report/q2-beta.qmd", "g(2)", "g(2")(tiny, pytest.MonkeyPatch())
    with pytest.raises(UserError, match=r"q2-beta\.qmd, line \d+: q2-beta is no valid Python"):
        status(Settings(tiny), EMBEDDED)


def test_settings_of_a_chapter_without_inputs_do_not_matter(executed: Path) -> None:
    book = read_book(executed)
    weights = replace(Settings(executed), weights=executed / "elsewhere.pth")
    found = [
        dependencies.dependencies(book.chapters[1], book, settings)
        for settings in (Settings(executed), weights)
    ]
    assert found[0] == found[1]
