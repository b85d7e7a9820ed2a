"""Keys change when, and only when, what a result is made from changes."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from mmn13lib.foundation import provenance
from mmn13lib.foundation.provenance import import_closure, imported_names, key, syntax


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("import a.b, c as d", {"a.b", "c"}),
        ("from a import b as c", {"a", "a.b"}),
        ("from a.b import *", {"a.b", "a.b.*"}),
        ("def f():\n    import late", {"late"}),
        ("try:\n    import a\nexcept ImportError:\n    import b", {"a", "b"}),
        ("'import a'  # import b", set()),
        # what only type checkers import does not count
        ("import typing\nif typing.TYPE_CHECKING:\n    import a", {"typing"}),
        ("if TYPE_CHECKING:\n    import a\nelif x:\n    import b", {"b"}),
        ("def f():\n    if TYPE_CHECKING:\n        import a\n    import b", {"b"}),
    ],
)
def test_imports_are_found_wherever_they_stand(source: str, expected: set[str]) -> None:
    assert imported_names(source) == expected


def test_a_digest_follows_the_code_that_is_imported_and_no_other(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    package = tmp_path / "house"
    package.mkdir()
    monkeypatch.setattr(provenance, "PACKAGE", package)
    monkeypatch.setattr(import_closure, "__defaults__", (package,))
    digests = []
    (package / "__init__.py").write_text("")
    (package / "train.py").write_text("from house import layers")
    for layers, figures in (("size = 3", ""), ("size = 3", "import train"), ("size = 4", "")):
        (package / "layers.py").write_text(layers)
        (package / "figures.py").write_text(figures)
        digests.append(provenance.code_digest.__wrapped__("house.train"))
    assert digests[0] == digests[1] != digests[2]


SOURCE = '''
"""A module."""
import math as m  # a comment

class A(B, metaclass=C):
    """A class."""
    x: int = 1
    """An attribute."""

    @staticmethod
    def f(a, /, b=(1, 2.5), *c, d: "str" = b"x", **e):
        """A function."""
        if not (a := b) or m.pi > -1:
            return f"{a!r:>{b}} {b['k']} {{{d}}}" "" f'{b}s' + 'it is "so"'
        return None

async def g():
    "Nothing else."
    async with h() as (i, j):
        return [k[1:, ...] for k in i if k], [*j], {**j, 1j: lambda: (yield)}
'''


@pytest.mark.parametrize(
    ("old", "new", "same"),
    [
        ('"""A module."""', "", True), ("A class.", "Another.", True), ("  # a comment", "", True),
        ('"""An attribute."""', "", True), ("(a := b)", "((a:=b))", True), ("2.5", "2.50", True),
        ("2.5", "3.5", False), ("return None", "return", False), ("-1", "+1", False),
        ("x: int", "y: int", False), ("!r", "!s", False), ('b"x"', '"x"', False),
        ("a, /,", "a,", False), ("import math as m", "import math as n", False),
    ],
)  # fmt: skip
def test_a_key_follows_what_code_means_and_not_how_it_looks(old: str, new: str, same: bool) -> None:
    assert old in SOURCE
    assert (syntax(SOURCE.replace(old, new)) == syntax(SOURCE)) is same


@pytest.mark.parametrize("version", ["", "3.11", "3.12", "3.13", "3.14"])
def test_no_key_depends_on_python_s_version(version: str) -> None:
    """The stored digest was made by 3.11; other versions are asked where they are installed."""
    of_pyenv = [str(path) for path in Path.home().glob(f".pyenv/versions/{version}.*/bin/python")]
    found = [*of_pyenv, shutil.which(f"python{version}")][0] if version else sys.executable
    if found is None:
        pytest.skip(f"there is no Python {version} here")
    program = (
        "import sys; sys.path.insert(0, sys.argv[1])\n"
        "from mmn13lib.foundation.provenance import digest, syntax\n"
        "print(digest(syntax(sys.stdin.read()))[:16])"
    )
    command = [found, "-I", "-c", program, str(provenance.PACKAGE.parent)]
    said = subprocess.run(command, input=SOURCE, capture_output=True, text=True, check=True).stdout
    assert said.strip() == "8e0e2fa0550a2795"


@pytest.mark.parametrize(
    "module", ["mmn13lib.storge", "storage", "torch", "mmn13lib.foundation.errors.x"]
)
def test_a_module_that_is_not_there_is_an_error(module: str) -> None:
    with pytest.raises(ValueError, match="no module"):
        key(module)


def test_a_key_is_short_and_does_not_depend_on_the_order() -> None:
    module = "mmn13lib.foundation.errors"
    assert key(module, a=1, b=2) == key(module, b=2, a=1)
    assert len(key()) == 16
    assert key(module) != key("mmn13lib.foundation.storage")
    with pytest.raises(TypeError):
        key(folder=Path("what JSON can't write"))
