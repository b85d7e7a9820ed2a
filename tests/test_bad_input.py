"""Whatever it is given, the command ends with a sentence and exit code 1, never a traceback.

A row of `ATTACKS` is what is given, the command, and how its sentence begins. What is given is a
function that spoils a tiny book, whose folder is then the working folder; it may return variables
for the environment.
"""

import os
import re
from collections.abc import Callable
from pathlib import Path

import pytest
from support.tiny_book import write_book

from mmn13lib import cli

Attack = Callable[[Path], dict[str, str] | None]


def local(text: str) -> Attack:
    """Put this into `_quarto.yml.local`."""
    return lambda root: (root / "_quarto.yml.local").write_text(text, "utf-8") and None


def nothing(root: Path) -> None:
    """Leave the book as it is."""


def variable(name: str, value: str) -> Attack:
    """Set a variable of the environment."""
    return lambda root: {name: value}


def file(name: str, content: bytes = b"x") -> Attack:
    """Put a file there."""

    def put(root: Path) -> None:
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_bytes(content)

    return put


def elsewhere(root: Path) -> None:
    """Leave the project."""
    os.chdir(root.parent)


def deleted_folder(root: Path) -> None:
    """Work in a folder that is deleted."""
    (root / "gone").mkdir()
    os.chdir(root / "gone")
    (root / "gone").rmdir()


NO_BATCHES = "There is no folder cifar-10-batches-py to read in"
NO_WEIGHTS = r"There is no file \S+ that can be read: let MMN13_WEIGHTS"
ID = "123456782"
LOCAL = r"_quarto\.yml\.local"
ATTACKS = {
    # the configuration and the chapters: more in tests/rendering
    "book as a list": (local("book: [x]"), ["status"], rf"{LOCAL}: book should be"),
    "a chapter in latin-1": (
        file("report/q1-alpha.qmd", "# Café\n".encode("latin-1")),
        ["status"], r"q1-alpha\.qmd, line 1: this",
    ),
    # the folder that it is started in
    "no project here": (elsewhere, ["status"], r"\S+ is not inside this project"),
    "a deleted folder": (deleted_folder, ["status"], "No such file or directory"),
    "a path that is too long": (
        variable("MMN13_DATA", "x" * 5000), ["experiment"], "File name too long",
    ),
    # CIFAR-10
    "no data there": (nothing, ["experiment", "--data", "/nowhere"], NO_BATCHES),
    # weights
    "no weights there": (nothing, ["experiment", "--weights", "/nowhere"], NO_WEIGHTS),
    # downloading
    "no network": (nothing, ["fetch"], r"CIFAR-10 not downloaded \(offline"),
    "a file where results go": (file("artifacts"), ["experiment"], "File exists: "),
    # rendering
    "no such chapter": (nothing, ["render", "--rerun", "q9"], "There is no chapter q9"),
    "no Quarto": (
        variable("PATH", ""), ["render", "--engine", "quarto"], "Quarto can't be used",
    ),
    "the sample where it may not be": (
        nothing, ["render", "--strict"], "The real input is missing, but --strict requires it",
    ),
    # handing it in
    "no id": (local("student: {id: ''}"), ["submit"], "The id '' is not nine digits"),
    "no video": (local("student: {video: ''}"), ["submit", "--id", ID], "There is no link to"),
    "no address as the video": (
        nothing, ["submit", "--id", ID, "--video", "zoom.us/rec"], "The video's link '.*' is no",
    ),
    "no results": (
        nothing, ["submit", "--id", ID, "--video", "https://zoom.us/rec"], "Question 3 has no",
    ),
    "no ZIP there": (nothing, ["submit", "--check", "gone.zip"], "There is no file gone.zip"),
    "a folder as a ZIP": (nothing, ["submit", "--check", "report"], "report is no ZIP"),
    "half a ZIP": (
        file("x.zip", b"PK\x03\x04" + bytes(30)), ["submit", "--check", "x.zip"], r"x\.zip is no",
    ),
}  # fmt: skip


@pytest.mark.parametrize(("given", "arguments", "sentence"), ATTACKS.values(), ids=ATTACKS)
def test_what_is_wrong_is_said_in_a_sentence(
    given: Attack,
    arguments: list[str],
    sentence: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    root = write_book(tmp_path / "book")
    monkeypatch.chdir(root)
    for name in ("MMN13_DATA", "MMN13_WEIGHTS"):
        monkeypatch.setenv(name, "")  # and so it is put back, whatever the command sets
    monkeypatch.setenv("MMN13_OFFLINE", "1")
    for name, value in (given(root) or {}).items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr("sys.argv", ["mmn13", *arguments])
    with pytest.raises(SystemExit) as ended:
        cli.main()
    said = capsys.readouterr().err
    assert ended.value.code == 1
    assert re.match(f"mmn13: {sentence}", said), said
    assert "Traceback" not in said
