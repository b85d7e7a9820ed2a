"""Keys change when, and only when, what a result is made from changes."""

import ast
import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mmn13lib.foundation import provenance
from mmn13lib.foundation.provenance import file_digest, import_closure, imported_names, key


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("import a.b, c as d", {"a.b", "c"}),
        ("from a import b as c", {"a", "a.b"}),
        ("from a.b import *", {"a.b", "a.b.*"}),
        ("def f():\n    import late", {"late"}),
        ("try:\n    import a\nexcept ImportError:\n    import b", {"a", "b"}),
        ("class A:\n    if True:\n        import a", {"a"}),
        ("'import a'  # import b", set()),
    ],
)
def test_imports_are_found_wherever_they_stand(source: str, expected: set[str]) -> None:
    assert imported_names(source) == expected


@pytest.mark.parametrize("source", ["from . import x", "from .x import y", "from .. import x"])
def test_a_relative_import_cannot_be_missed(source: str) -> None:
    with pytest.raises(ValueError, match="relative"):
        imported_names(source)


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("if TYPE_CHECKING:\n    import a", set()),
        ("import typing\nif typing.TYPE_CHECKING:\n    import a", {"typing"}),
        ("if TYPE_CHECKING:\n    import a\nelse:\n    import b", {"b"}),
        ("if TYPE_CHECKING:\n    import a\nelif x:\n    import b", {"b"}),
        ("if not TYPE_CHECKING:\n    import a", {"a"}),
        ("if x or TYPE_CHECKING:\n    import a", {"a"}),
        ("def f():\n    if TYPE_CHECKING:\n        import a\n    import b", {"b"}),
    ],
)
def test_what_only_type_checkers_import_does_not_count(source: str, expected: set[str]) -> None:
    assert imported_names(source) == expected


@given(
    arrows=st.lists(st.tuples(st.integers(0, 6), st.integers(0, 6)), max_size=15),
    start=st.integers(0, 6),
)
def test_the_closure_is_what_can_be_reached(
    arrows: list[tuple[int, int]], start: int, tmp_path_factory: pytest.TempPathFactory
) -> None:
    package = tmp_path_factory.mktemp("project") / "house"
    package.mkdir()
    (package / "__init__.py").write_text("")
    for node in range(7):
        targets = [b for a, b in arrows if a == node]
        forms = ("from house import m{}", "import house.m{}", "from house.m{} import x")
        lines = [forms[(node + target) % 3].format(target) for target in targets]
        (package / f"m{node}.py").write_text("\n".join(lines))
    reached = {start}
    for _ in range(7):
        reached |= {b for a, b in arrows if a in reached}
    files, libraries = import_closure([f"house.m{start}"], package)
    assert {file.stem for file in files} == {"__init__"} | {f"m{node}" for node in reached}
    assert libraries == set()


def test_parent_packages_count(tmp_path: Path) -> None:
    inner = tmp_path / "house" / "inner"
    inner.mkdir(parents=True)
    (tmp_path / "house" / "__init__.py").write_text("import numpy")
    (inner / "__init__.py").write_text("from house.inner import sibling")
    (inner / "sibling.py").write_text("from house.shared import x")
    (inner / "wanted.py").write_text("")
    (inner / "other.py").write_text("")
    (tmp_path / "house" / "shared.py").write_text("import torch.nn")
    files, libraries = import_closure(["house.inner.wanted"], tmp_path / "house")
    assert [file.relative_to(tmp_path / "house").as_posix() for file in files] == [
        "__init__.py", "inner/__init__.py", "inner/sibling.py", "inner/wanted.py", "shared.py",
    ]  # fmt: skip
    assert libraries == {"numpy", "torch"}


def digest_of(package: Path, module: str, monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.setattr(provenance, "PACKAGE", package)
    monkeypatch.setattr(import_closure, "__defaults__", (package,))
    return provenance.code_digest.__wrapped__(module)


def test_a_digest_follows_the_code_that_is_imported_and_no_other(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    package = tmp_path / "house"
    package.mkdir()
    (package / "__init__.py").write_text("")
    (package / "train.py").write_text("from house import layers")
    (package / "layers.py").write_text("size = 3")
    (package / "figures.py").write_text("import house.train")
    first = digest_of(package, "house.train", monkeypatch)
    (package / "figures.py").write_text("import house.train  # another plot")
    assert digest_of(package, "house.train", monkeypatch) == first
    (package / "layers.py").write_text("size = 4")
    assert digest_of(package, "house.train", monkeypatch) != first
    (package / "layers.py").write_text("size = 3")
    assert digest_of(package, "house.train", monkeypatch) == first


def closure_of_the_experiment() -> list[Path]:
    return import_closure(["mmn13lib.q3_transfer.experiment.run"])[0]


@pytest.mark.parametrize("module", closure_of_the_experiment(), ids=lambda path: path.stem)
def test_comments_docstrings_and_formatting_of_the_experiment_change_no_key(module: Path) -> None:
    source = module.read_text("utf-8")
    tree = ast.parse(source)
    for node in ast.walk(tree):  # another docstring everywhere, where there is none as well
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef):
            text = ast.Expr(ast.Constant("Something else."))
            node.body = [text, *node.body[ast.get_docstring(node) is not None :]]
    reworded = ast.unparse(ast.fix_missing_locations(tree))  # another formatting, no comments
    assert provenance.meaning(reworded) == provenance.meaning(source)
    assert provenance.meaning(f"{source}\n# a comment\n") == provenance.meaning(source)


@pytest.mark.parametrize("module", closure_of_the_experiment(), ids=lambda path: path.stem)
def test_every_constant_of_the_experiment_is_in_the_key(module: Path) -> None:
    source = module.read_text("utf-8")
    same, tree = provenance.meaning(source), ast.parse(source)
    numbers = [
        node for node in ast.walk(tree)
        if isinstance(node, ast.Constant) and type(node.value) in (int, float)
    ]  # fmt: skip
    for number in numbers:
        number.value += 1000
        assert provenance.meaning(ast.unparse(tree)) != same, ast.unparse(number)
        number.value -= 1000


@pytest.mark.parametrize(
    "module", ["mmn13lib.storge", "storage", "torch", "mmn13lib.foundation.errors.x"]
)
def test_a_module_that_is_not_there_is_an_error(module: str) -> None:
    with pytest.raises(ValueError, match="no module"):
        key(module)


INGREDIENTS = st.dictionaries(st.text(), st.integers() | st.text() | st.booleans(), max_size=4)


@given(first=INGREDIENTS, second=INGREDIENTS)
def test_keys_differ_where_the_ingredients_do(
    first: dict[str, object], second: dict[str, object]
) -> None:
    same = [(k, type(v), v) for k, v in sorted(first.items())] == [
        (k, type(v), v) for k, v in sorted(second.items())
    ]
    assert (key(settings=first) == key(settings=second)) == same


def test_a_key_is_short_and_does_not_depend_on_the_order() -> None:
    assert key("mmn13lib.foundation.errors", a=1, b=2) == key(
        "mmn13lib.foundation.errors", b=2, a=1
    )
    assert len(key()) == 16
    assert key("mmn13lib.foundation.errors") != key("mmn13lib.foundation.storage")


def test_what_json_cannot_write_is_no_ingredient() -> None:
    with pytest.raises(TypeError):
        key(folder=Path("x"))


def test_a_digest_is_remembered(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file, memory = tmp_path / "weights", tmp_path / "cache" / "digests.json"
    file.write_bytes(b"weights")
    digest = file_digest(file, memory)
    assert digest == file_digest(file)
    with monkeypatch.context() as patched:
        patched.setattr(provenance.hashlib, "file_digest", lambda *a: pytest.fail("read again"))
        assert file_digest(file, memory) == digest


def test_another_content_is_seen_even_under_the_old_time(tmp_path: Path) -> None:
    file, memory = tmp_path / "weights", tmp_path / "digests.json"
    file.write_bytes(b"weights")
    state = file.stat()
    digest = file_digest(file, memory)
    file.write_bytes(b"WEIGHTS")
    os.utime(file, ns=(state.st_atime_ns, state.st_mtime_ns))
    assert file_digest(file, memory) != digest


def test_a_damaged_memory_is_forgotten(tmp_path: Path) -> None:
    file, memory = tmp_path / "weights", tmp_path / "digests.json"
    file.write_bytes(b"weights")
    digest = file_digest(file, memory)
    memory.write_text("{")
    assert file_digest(file, memory) == digest
    assert file_digest(file, memory) == digest
