"""The project's own rules: imports run one way, small files, tidy code in modules and chapters."""

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
CHAPTERS = [PROJECT / "index.qmd", *sorted(PROJECT.glob("report/*.qmd"))]
CELL = re.compile(r"^```\{python\}\n(.*?)^```", flags=re.M | re.S)

# from the bottom up: a package imports only from those below it, and from itself
LAYERS = (
    "foundation", "writing", "q1_convolution", "q2_backpropagation", "q3_transfer",
    "benchmarks", "downloads", "rendering", "prepare", "submission", "check", "hook", "cli",
)  # fmt: skip
Q3_LAYERS = ("data", "models", "results", "training", "experiment", "answer")
# what no single module does
ABOUT_THE_WHOLE = {
    "bad_input", "chapter", "grader", "layout", "making", "other_device", "pages", "report",
    "repository", "submitted_real", "submitted_sample", "whole_book",
}  # fmt: skip
NOT_ON_WINDOWS = {"crypt", "curses", "fcntl", "grp", "pty", "pwd", "resource", "termios"}


def dotted(module: Path) -> str:
    parts = module.relative_to(PROJECT).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def layer(name: str) -> tuple[int, int]:
    """Number the layers, within question 3 as well."""
    _, package, *rest = name.split(".")
    inner = Q3_LAYERS.index(rest[0]) if package == "q3_transfer" and rest else 0
    return LAYERS.index(package), inner


def imports() -> dict[str, set[str]]:
    names = {dotted(module): imported_names(module.read_text("utf-8")) for module in MODULES}
    return {name: {one for one in imported if one in names} - {name, "mmn13lib"}
            for name, imported in names.items() if name != "mmn13lib"}  # fmt: skip


def test_imports_run_one_way() -> None:
    for name, imported in imports().items():
        assert not [other for other in imported if layer(other) > layer(name)], name


def test_no_two_modules_import_each_other() -> None:
    reached = imports()
    for _ in reached:
        for targets in reached.values():
            targets |= {far for near in tuple(targets) for far in reached[near]}
    assert not [name for name, targets in reached.items() if name in targets]


@pytest.mark.parametrize("module", MODULES, ids=dotted)
def test_a_module_says_what_it_is_is_small_and_can_be_imported_on_windows(module: Path) -> None:
    text = module.read_text("utf-8")
    tree = ast.parse(text)
    assert ast.get_docstring(tree)
    # a name that is made when it is asked for: what it is made from would be in no key
    assert "def __getattr__(name" not in text
    assert len(text.splitlines()) <= 300
    first = [node for node in tree.body if isinstance(node, ast.Import | ast.ImportFrom)]
    assert not NOT_ON_WINDOWS & imported_names("\n".join(map(ast.unparse, first)))
    # a path within a folder that is written down must have slashes there, too
    assert not re.search(r"str\([^()]*\.relative_to\([^()]*\)\)", text)


def test_tests_are_found_by_the_name_of_the_module_that_they_test() -> None:
    for test in TESTS.rglob("test_*.py"):
        folder = PACKAGE / test.parent.relative_to(TESTS)
        # several files may test one module: test_layer.py, test_layer_rules.py
        scripts = (PROJECT / "report" / test.parent.relative_to(TESTS)).glob("*.js")
        stems = [m.stem.replace("-", "_") for m in (*folder.glob("*.py"), *scripts)]
        named = [stem for stem in stems if f"{test.stem}_".startswith(f"test_{stem}_")]
        assert named or test.stem.removeprefix("test_") in ABOUT_THE_WHOLE, test


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
    file.write_text(script, "utf-8")
    options = ["--line-length", "78", "--select", "E,W,F,I,B", "--ignore", "E402,I001,B018,E303"]
    result = subprocess.run(
        [sys.executable, "-m", "ruff", "check", "--isolated", *options, file.name],
        cwd=tmp_path, capture_output=True, text=True,
    )  # fmt: skip
    assert result.returncode == 0, result.stdout
