"""A chapter is executed again if and only if something that it depends on changed."""

import platform
import shutil
from collections.abc import Callable
from dataclasses import replace
from importlib.metadata import version
from pathlib import Path

import pytest
from tiny_book import PACKAGE, cell, write_chapter

from mmn13lib.errors import UserError
from mmn13lib.press import dependencies
from mmn13lib.press.chapters import read_book
from mmn13lib.press.dependencies import changes, digest_cell, status
from mmn13lib.press.execution import ENGINE
from mmn13lib.settings import Settings
from mmn13lib.storage import write_json
from mmn13lib.transfer import inputs

INDEX, Q1, Q2, APPENDIX = ["index-all"], ["q1-setup", "q1-measured"], ["q2-beta"], ["appendix-one"]
ALL = [*INDEX, *Q1, *Q2, *APPENDIX]

Change = Callable[[Path, pytest.MonkeyPatch], object]
Rerun = Callable[..., list[str]]


def edit(name: str, old: str, new: str) -> Change:
    def change(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        path = root / name
        text = path.read_text("utf-8")
        assert old in text
        path.write_text(text.replace(old, new), "utf-8")

    return change


def code(name: str) -> Change:
    """Add a comment to a module: modules count by their bytes, since chapters show them."""

    def change(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        (root / f"mmn13lib/{name}.py").write_text(PACKAGE[name] + "# changed\n")

    return change


def measured(name: str) -> Change:
    return lambda root, monkeypatch: write_json(root / f"artifacts/benchmarks/{name}.json", [1])


def library(name: str) -> Change:
    def change(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        real = dependencies._version
        monkeypatch.setattr(
            dependencies, "_version", lambda asked: "99.0" if asked == name else real(asked)
        )

    return change


def other_python(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(platform, "python_version", lambda: "3.99.0")


def other_inputs(**values: str) -> Change:
    def change(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        real = inputs.fingerprint
        monkeypatch.setattr(inputs, "fingerprint", lambda settings: real(settings) | values)

    return change


@pytest.mark.parametrize(
    ("change", "executed_again"),
    [
        pytest.param(lambda root, monkeypatch: None, [], id="nothing"),
        pytest.param(edit("report/q1-alpha.qmd", "Text of", "Prose of"), [], id="prose"),
        pytest.param(edit("report/references.bib", "1968", "1969"), [], id="bibliography"),
        pytest.param(edit("_quarto.yml", "A tiny", "The tiny"), [], id="title"),
        pytest.param(edit("report/q1-alpha.qmd", "f(2)", "f(3)"), Q1, id="a cell"),
        pytest.param(
            edit("report/q2-beta.qmd", "label: q2-beta", "label: q2-beta\n#| echo: false"),
            Q2,
            id="a cell's option",
        ),
        pytest.param(code("alpha"), INDEX + Q1, id="a module"),
        pytest.param(code("base"), INDEX + Q1, id="a module imported through another"),
        pytest.param(code("beta"), INDEX + Q2, id="another module"),
        pytest.param(code("unused"), [], id="a module that nobody imports"),
        pytest.param(measured("speed"), Q1, id="a measurement"),
        pytest.param(measured("unread"), [], id="a measurement that nobody reads"),
        pytest.param(library("sympy"), INDEX + Q2, id="a library"),
        pytest.param(library("pandas"), [], id="a library that nobody imports"),
        pytest.param(other_python, ALL, id="Python"),
        pytest.param(other_inputs(data="0" * 16), Q2, id="data"),
        pytest.param(
            other_inputs(mode="other-weights", weights="0" * 16), Q2, id="weights and mode"
        ),
        pytest.param(edit("_quarto.yml", "fig-width: 3", "fig-width: 4"), ALL, id="figure width"),
    ],
)
def test_exactly_the_chapters_that_depend_on_a_change_are_executed(
    executed: Path,
    rerun: Rerun,
    monkeypatch: pytest.MonkeyPatch,
    change: Change,
    executed_again: list[str],
) -> None:
    change(executed, monkeypatch)
    assert rerun(executed) == executed_again
    assert rerun(executed) == []


def test_modes_never_mix_and_going_back_finds_the_earlier_chapters(
    executed: Path, rerun: Rerun, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as full:
        other_inputs(mode="imagenet", weights="f37072fd")(executed, full)
        assert (
            dict(status(Settings(executed), ENGINE))["q2-beta"][-1]
            == "weights: sample → IMAGENET1K_V1"
        )
        assert rerun(executed) == Q2
    assert status(Settings(executed), ENGINE) == [
        (name, []) for name in ("index", "q1-alpha", "q2-beta", "appendix")
    ]
    assert rerun(executed) == []


def test_an_undone_edit_finds_the_earlier_chapter(executed: Path, rerun: Rerun) -> None:
    module = executed / "mmn13lib/beta.py"
    module.write_text(PACKAGE["beta"] + "# changed\n")
    assert rerun(executed) == INDEX + Q2
    module.write_text(PACKAGE["beta"])
    assert rerun(executed) == []


def test_the_status_says_in_words_what_changed(
    executed: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    number = dependencies._version("sympy")
    library("sympy")(executed, monkeypatch)
    code("alpha")(executed, monkeypatch)
    edit("report/appendix.qmd", "'one'", "'two'")(executed, monkeypatch)
    assert status(Settings(executed), ENGINE) == [
        ("index", ["mmn13lib/alpha.py", f"sympy {number} → 99.0"]),
        ("q1-alpha", ["mmn13lib/alpha.py"]),
        ("q2-beta", [f"sympy {number} → 99.0"]),
        ("appendix", ["its code cells"]),
    ]


def test_the_status_of_a_fresh_clone_is_that_nothing_was_executed(tiny: Path) -> None:
    assert {tuple(found) for _, found in status(Settings(tiny), ENGINE)} == {("not executed yet",)}


def test_the_status_notices_that_the_cache_is_gone(executed: Path) -> None:
    shutil.rmtree(executed / "artifacts/cache/jupyter")
    found = dict(status(Settings(executed), ENGINE))
    assert found["q1-alpha"] == ["its cached output is gone"]


@pytest.mark.parametrize(
    ("import_it", "call"),
    [
        ("from mmn13lib import measurements", "measurements.load"),
        ("from mmn13lib.measurements import load", "load"),
        ("from mmn13lib.measurements import load as measured", "measured"),
    ],
)
def test_a_measurement_is_found_however_it_is_loaded(tiny: Path, import_it: str, call: str) -> None:
    write_chapter(
        tiny, "q2-beta", "# Beta" + cell("q2", f'{import_it}\n{call}(None, "convolution")')
    )
    book = read_book(tiny)
    found = dependencies.dependencies(book.chapters[2], book, Settings(tiny))
    assert found["artifacts/benchmarks/convolution.json"] == "none"


def test_a_library_is_found_by_the_name_that_it_is_imported_by() -> None:
    assert dependencies._version("PIL") == version("pillow")
    assert dependencies._version("json") == dependencies._version("no_such_library") == ""


def test_new_and_dropped_modules_are_named() -> None:
    assert changes({"a/x.py": "1"}, {"a/y.py": "2"}) == [
        "a/y.py (new)",
        "a/x.py (no longer used)",
    ]


def test_the_digest_cell_is_hidden_and_differs_with_the_dependencies(tiny: Path) -> None:
    texts = {digest_cell({"torch": number}) for number in ("2.14.1", "2.15.0")}
    assert len(texts) == 2
    assert all("#| include: false" in text for text in texts)


def test_a_cell_that_is_no_python_is_named(tiny: Path) -> None:
    edit("report/q2-beta.qmd", "g(2)", "g(2")(tiny, pytest.MonkeyPatch())
    with pytest.raises(UserError, match=r"q2-beta\.qmd, line \d+: q2-beta is no valid Python"):
        status(Settings(tiny), ENGINE)


def test_settings_of_a_chapter_without_inputs_do_not_matter(executed: Path) -> None:
    book = read_book(executed)
    weights = replace(Settings(executed), weights=executed / "elsewhere.pth")
    found = [
        dependencies.dependencies(book.chapters[1], book, settings)
        for settings in (Settings(executed), weights)
    ]
    assert found[0] == found[1]
