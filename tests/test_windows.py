"""What Windows asks of the code, as far as that can be told without it."""

import ast
from collections.abc import Iterator
from pathlib import Path, PureWindowsPath

import pytest

PACKAGE = Path(__file__).parents[1] / "mmn13lib"
MODULES = sorted(PACKAGE.rglob("*.py"))
NOT_ON_WINDOWS = {
    "crypt", "curses", "fcntl", "grp", "posix", "pty", "pwd", "readline", "resource", "syslog",
    "termios", "tty",
}  # fmt: skip
WRITTEN_WITH_SLASHES = {"as_posix", "parents", "parts"}


def imported_first(tree: ast.Module) -> Iterator[str]:
    """List what is imported as soon as the module is."""
    for node in tree.body:
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield node.module or ""


def with_backslashes(tree: ast.Module) -> Iterator[int]:
    """List the lines where a path within a folder would be written down as Windows writes it."""
    parents = {child: node for node in ast.walk(tree) for child in ast.iter_child_nodes(node)}
    for node in ast.walk(tree):
        if (
            isinstance(node, ast.Call)
            and isinstance(node.func, ast.Attribute)
            and node.func.attr == "relative_to"
        ):
            use = parents[node]
            if not (isinstance(use, ast.Attribute) and use.attr in WRITTEN_WITH_SLASHES):
                yield node.lineno


@pytest.mark.parametrize("module", MODULES, ids=lambda path: path.relative_to(PACKAGE).as_posix())
def test_a_module_can_be_imported_there_and_writes_paths_with_slashes(module: Path) -> None:
    tree = ast.parse(module.read_text("utf-8"))
    assert not NOT_ON_WINDOWS & {*imported_first(tree)}
    assert not [*with_backslashes(tree)]


def test_this_would_find_both_faults() -> None:
    assert [*imported_first(ast.parse("import resource"))] == ["resource"]
    named = "str(PureWindowsPath('C:/a/b/c').relative_to('C:/a'))"
    assert eval(named, {"PureWindowsPath": PureWindowsPath}) == "b\\c"
    assert [*with_backslashes(ast.parse(named))] == [1]
    written = f"{named.removeprefix('str(').removesuffix(')')}.as_posix()"
    assert eval(written, {"PureWindowsPath": PureWindowsPath}) == "b/c"
    assert [*with_backslashes(ast.parse(written))] == []
