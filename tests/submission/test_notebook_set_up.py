"""The notebook's first code cell, which prepares Colab, VS Code or any other Python."""

import subprocess
import sys
from pathlib import Path

import pytest

from mmn13lib.submission.notebook import SET_UP


@pytest.mark.parametrize("missing", [["no-such-library==1.0"], []])
def test_the_first_cell_installs_the_pinned_libraries_that_are_missing_and_no_other(
    missing: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pinned = ["# what this was made with", "numpy==0.1", "ipython==0.1", *missing]
    (tmp_path / "requirements.txt").write_text("\n".join(pinned) + "\n")
    monkeypatch.chdir(tmp_path)
    commands: list[list[str]] = []
    monkeypatch.setattr(subprocess, "run", lambda command, check: commands.append(command))
    exec(SET_UP.partition("\n%config")[0], {})
    install = [sys.executable, "-m", "pip", "install", "--quiet"]
    assert commands == ([[*install, *missing]] if missing else [])
