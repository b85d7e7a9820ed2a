"""What is said at the terminal, whatever its encoding."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

PROJECT = Path(__file__).parents[2]
ENCODINGS = {
    "cp1252": {"PYTHONIOENCODING": "cp1252"},
    "ascii": {"PYTHONIOENCODING": "ascii:strict"},
    "a Hebrew Windows'": {"PYTHONIOENCODING": "cp862"},
    "LC_ALL=C": {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"},
}
PROGRAM = r"""
from mmn13lib.foundation.errors import UserError, printed_errors
with printed_errors():
    print("6.0 \u2192 6.1 \u2705 \u05d3")
    raise UserError("no \u2192 \u2705 \u05d3")
"""


def run(folder: Path, *arguments: str, **variables: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [sys.executable, *arguments],
        cwd=folder, env=os.environ | {"PYTHONPATH": str(PROJECT)} | variables,
        capture_output=True, text=True, errors="replace",
    )  # fmt: skip


@pytest.mark.parametrize("variables", ENCODINGS.values(), ids=ENCODINGS)
def test_what_a_stream_has_no_letter_for_is_printed_all_the_same(
    tmp_path: Path, variables: dict[str, str]
) -> None:
    done = run(tmp_path, "-c", PROGRAM, **variables)
    assert done.returncode == 1
    assert done.stdout.startswith("6.0 ") and done.stderr.startswith("mmn13: no ")
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize(
    "command", [["-m", "mmn13lib.cli", "status"], [str(PROJECT / "mmn13lib/hook.py"), "cells"]]
)
def test_the_command_and_the_hooks_print_so(tmp_path: Path, command: list[str]) -> None:
    folder = tmp_path / "→ תיקייה"
    folder.mkdir()
    done = run(folder, *command, PYTHONIOENCODING="cp1252:strict")
    assert done.returncode == 1
    assert "is not inside this project" in done.stderr and "Traceback" not in done.stderr


@pytest.mark.parametrize(
    ("program", "words"),
    [
        ("open('x' * 300)", "File name too long: xxx"),
        ("open('.')", "Is a directory: .."),
        ("open('absent/file', 'w')", "No such file or directory: absent/file."),
        ("os.dup2(os.open('/dev/full', 1), 1); print(1, flush=True)", "No space left on device"),
        ("raise TimeoutError('the host sleeps')", "the host sleeps: what this"),
    ],
)
def test_what_the_system_refuses_is_a_sentence(tmp_path: Path, program: str, words: str) -> None:
    head = "import os\nfrom mmn13lib.foundation.errors import UserError, printed_errors\n"
    done = run(tmp_path, "-c", f"{head}with printed_errors():\n    {program}")
    assert done.returncode == 1
    assert words in done.stderr and "Traceback" not in done.stderr
