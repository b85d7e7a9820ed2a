"""git, where there is one: a test that needs it, or a checkout, is skipped elsewhere."""

import os
import shutil
import subprocess
from pathlib import Path

import pytest


def git(folder: Path, *arguments: str) -> str:
    """Return what git prints in a folder, whatever repository a hook works for."""
    if shutil.which("git") is None:
        pytest.skip("no git")
    own = {name: value for name, value in os.environ.items() if not name.startswith("GIT_")}
    command = ["git", "-C", str(folder), *arguments]
    return subprocess.run(command, env=own, capture_output=True, text=True, check=True).stdout


def tracked_files(folder: Path) -> list[str]:
    """Return the names of the files that a checkout tracks; a tarball's folder is none."""
    if not (folder / ".git").exists():
        pytest.skip("not a git checkout")
    return git(folder, "ls-files", "-z").split("\0")[:-1]
