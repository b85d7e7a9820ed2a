"""The house's own rules: arrows one way, small files, tidy code in modules and chapters."""

import ast
import re
import subprocess
import sys
from pathlib import Path

import pytest

from mmn13lib.foundation.provenance import imported_names

PROJECT = Path(__file__).parents[1]
PACKAGE = PROJECT / "mmn13lib"
MODULES = sorted(PACKAGE.rglob("*.py"))
TESTS = PROJECT / "tests"
# what no single module does
ABOUT_THE_WHOLE = {
    "bad_input", "chapter", "grader", "layout", "making", "pages", "report", "repository",
    "submitted_sample", "whole_book", "windows",
}  # fmt: skip
CHAPTERS = [PROJECT / "index.qmd", *sorted(PROJECT.glob("report/*.qmd"))]
CELL = re.compile(r"^```\{python\}\n(.*?)^```", flags=re.M | re.S)


def dotted(module: Path) -> str:
    parts = module.relative_to(PROJECT).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def package_imports(module: Path) -> set[str]:
    known = {dotted(other) for other in MODULES}
    names = imported_names(module.read_text("utf-8"))
    return {name for name in names if name in known} - {"mmn13lib", dotted(module)}


FLOORS = (
    ("foundation",),
    ("writing",),
    ("q1_convolution",),
    ("q2_backpropagation",),
    ("q3_transfer",),
    ("benchmarks", "downloads"),
    ("rendering",),
    ("check", "submission"),
    ("cli",),
)
Q3_FLOORS = ("data", "models", "results", "training", "experiment", "answer")


def floor(name: str) -> tuple[int, int]:
    """Number the floors, within question 3 as well."""
    _, room, *rest = name.split(".")
    inner = Q3_FLOORS.index(rest[0]) if room == "q3_transfer" and rest else 0
    return next(i for i, rooms in enumerate(FLOORS) if room in rooms), inner


@pytest.mark.parametrize("module", MODULES, ids=dotted)
def test_arrows_run_one_way(module: Path) -> None:
    upward = {
        name
        for name in package_imports(module)
        if dotted(module) != "mmn13lib" and floor(name) > floor(dotted(module))
    }
    assert not upward


def test_no_two_modules_import_each_other() -> None:
    arrows = {dotted(module): package_imports(module) for module in MODULES}
    # a package and its own submodules are one thing
    reached = {name: set(targets) for name, targets in arrows.items()}
    for _ in arrows:
        for targets in reached.values():
            targets |= {far for near in tuple(targets) for far in reached[near]}
    assert not {name for name, targets in reached.items() if name in targets}


def test_every_room_has_its_floor() -> None:
    rooms = {path.stem for path in PACKAGE.iterdir() if path.suffix == ".py" or is_package(path)}
    assert rooms - {"__init__"} == {room for rooms in FLOORS for room in rooms}
    inner = {path.name for path in PACKAGE.glob("q3_transfer/*") if is_package(path)}
    assert inner == {*Q3_FLOORS}


@pytest.mark.parametrize("room", sorted(PACKAGE.glob("*/**/__init__.py")), ids=dotted)
def test_a_room_says_truly_what_it_uses(room: Path) -> None:
    said = (ast.get_docstring(ast.parse(room.read_text("utf-8"))) or "").partition("Uses ")[2]
    words = set(re.findall(r"\w+", re.sub(r"\b(but|below) \w+", "", said)))
    own = floor(dotted(room))
    rooms = {room for rooms in FLOORS for room in rooms}
    assert all(floor(f"mmn13lib.{name}") < own for name in words & rooms)
    if "q3_transfer" in room.parts:
        assert all(Q3_FLOORS.index(name) < own[1] for name in words & {*Q3_FLOORS})


def is_package(folder: Path) -> bool:
    return (folder / "__init__.py").exists()


def test_nothing_lies_deeper_than_a_room_of_question_3() -> None:
    for module in MODULES:
        parts = module.relative_to(PACKAGE).parts
        assert len(parts) <= (3 if parts[0] == "q3_transfer" else 2), module


@pytest.mark.parametrize("test", sorted(TESTS.rglob("test_*.py")), ids=lambda test: test.stem)
def test_tests_are_found_by_the_name_of_what_they_test(test: Path) -> None:
    room = PACKAGE / test.parent.relative_to(TESTS)
    subject = test.stem.removeprefix("test_")
    modules = {path.stem for path in room.glob("*.py")} - {"__init__"}
    # several files may test one module: test_layer.py, test_layer_rules.py
    assert subject in ABOUT_THE_WHOLE or any(
        subject == module or subject.startswith(f"{module}_") for module in modules
    )


@pytest.mark.parametrize("module", MODULES, ids=dotted)
def test_a_file_stays_small_enough_to_read(module: Path) -> None:
    assert len(module.read_text("utf-8").splitlines()) <= 300


@pytest.mark.parametrize("module", MODULES, ids=dotted)
def test_every_module_says_what_it_is(module: Path) -> None:
    assert ast.get_docstring(ast.parse(module.read_text("utf-8")))


@pytest.mark.parametrize("arguments", [("format", "--check"), ("check",)])
def test_ruff_finds_nothing(arguments: tuple[str, ...]) -> None:
    """`make lint` runs mypy too, which takes longer."""
    command = [sys.executable, "-m", "ruff", *arguments, "mmn13lib", "tests"]
    result = subprocess.run(command, cwd=PROJECT, capture_output=True, text=True)
    assert result.returncode == 0, result.stdout + result.stderr


@pytest.mark.parametrize("chapter", CHAPTERS, ids=lambda chapter: chapter.stem)
def test_chapter_cells_are_tidy(chapter: Path, tmp_path: Path) -> None:
    source = chapter.read_text("utf-8")
    # every line that is not in a cell becomes an empty one, so line numbers are the chapter's
    script, position = "", 0
    for cell in CELL.finditer(source):
        # options are not shown, so they may be wide
        code = re.sub(r"^#\|.*$", "", cell[1], flags=re.M)
        script += "\n" * source.count("\n", position, cell.start(1)) + code
        position = cell.end(1)
    file = tmp_path / f"{chapter.stem}.py"
    file.write_text(script)
    options = ["--line-length", "78", "--select", "E,W,F,I,B", "--ignore", "E402,I001,B018,E303"]
    result = subprocess.run(
        [sys.executable, "-m", "ruff", "check", "--isolated", *options, file.name],
        cwd=tmp_path, capture_output=True, text=True,
    )  # fmt: skip
    assert result.returncode == 0, result.stdout


@pytest.mark.parametrize("chapter", CHAPTERS, ids=lambda chapter: chapter.stem)
def test_every_cell_has_a_label_and_every_figure_an_alt_text(chapter: Path) -> None:
    for cell in CELL.findall(chapter.read_text("utf-8")):
        label = re.search(r"^#\| label: (\S+)$", cell, flags=re.M)
        assert label, cell
        if label[1].startswith("fig-"):
            assert "#| fig-alt:" in cell and "#| fig-cap:" in cell, label[1]
        if label[1].startswith("tbl-"):
            assert "#| tbl-cap:" in cell, label[1]
