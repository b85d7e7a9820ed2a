"""Changes to the tiny book, and what each of them makes a render execute again."""

import platform
from collections.abc import Callable
from pathlib import Path

import pytest
from support.tiny_book import PACKAGE

from mmn13lib.rendering import dependencies

INDEX, Q1, Q2, APPENDIX = ["index-all"], ["q1-setup", "q1-measured"], ["q2-beta"], ["appendix-one"]
ALL = [*INDEX, *Q1, *Q2, *APPENDIX]
CELLS = {"index": INDEX, "q1-alpha": Q1, "q2-beta": Q2, "appendix": APPENDIX}

Change = Callable[[Path, pytest.MonkeyPatch], dict[str, dict[str, str]] | None]
"""Changes the book, or says what rendering is told to have changed outside it."""


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


def told(module: str) -> Change:
    """Say that what comes with a module is another: data, weights, results, a measurement."""
    return lambda root, monkeypatch: {module: {"the data": "others"}}


def library(name: str) -> Change:
    def change(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        others = {**dependencies.versions(), name: "99.0"}
        monkeypatch.setattr(dependencies, "versions", lambda: others)

    return change


def other_python(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(platform, "python_version", lambda: "3.99.0")


TABLE = (
    ("change", "executed_again"),
    [
        pytest.param(lambda root, monkeypatch: None, [], id="nothing"),
        pytest.param(edit("report/q1-alpha.qmd", "Text of", "Prose of"), [], id="prose"),
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
        pytest.param(told("mmn13lib.benchmarks.measurements"), Q1, id="a measurement"),
        pytest.param(told("mmn13lib.q3_transfer.data.inputs"), Q2, id="data"),
        pytest.param(told("mmn13lib.unused"), [], id="data that nobody reads"),
        pytest.param(library("sympy"), ALL, id="a library"),
        pytest.param(other_python, ALL, id="Python"),
        pytest.param(edit("_quarto.yml", "fig-width: 3", "fig-width: 4"), ALL, id="figure width"),
    ],
)
"""What changes, and the cells that are executed again; arguments of ``pytest.mark.parametrize``."""
