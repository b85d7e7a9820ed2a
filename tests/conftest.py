"""What all tests share: an empty project's settings, a copy of this project, its report."""

import os
import shutil
import subprocess
import sys
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import hypothesis
import pytest
from support.git import git

from mmn13lib.foundation.settings import Settings

if TYPE_CHECKING:
    from xdist.scheduler import LoadFileScheduling

# PyTorch reads this when it is imported, here and in every process that a test starts: a thread
# for each worker, and sums are added in the same order every time
os.environ["OMP_NUM_THREADS"] = "1"

# a busy machine is slow, not wrong; and what is drawn is the same on every machine
hypothesis.settings.register_profile(
    "shared machine",
    deadline=None,
    max_examples=50,
    derandomize=True,
    suppress_health_check=[hypothesis.HealthCheck.too_slow],
)
hypothesis.settings.load_profile("shared machine")

PROJECT = Path(__file__).parents[1]
OF_THE_REPORT = {"tests/test_report.py", "tests/submission/test_submitted_sample.py"}
MADE = shutil.ignore_patterns(
    ".git", ".venv", "artifacts", "_report*", "__pycache__", ".*_cache", ".hypothesis",
    "*.egg-info", ".quarto", "_quarto.yml.local",
)  # fmt: skip


def not_copied(folder: str, names: list[str]) -> set[str]:
    """Leave out what is made; a folder called submission only in the root, for packages have it."""
    return MADE(folder, names) | ({"submission"} & {*names} if Path(folder) == PROJECT else set())


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Put files with slow tests last; with several workers first, so that none ends alone."""
    slow = Counter(item.path for item in items if item.get_closest_marker("slow"))
    several = "PYTEST_XDIST_WORKER" in os.environ
    items.sort(key=lambda item: slow[item.path], reverse=several)


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: object) -> "LoadFileScheduling":
    """Give a worker whole files, as ordered above; those that need the rendered report are one."""
    from xdist.scheduler import LoadFileScheduling

    class ByFile(LoadFileScheduling):
        def _split_scope(self, nodeid: str) -> str:
            file = super()._split_scope(nodeid)
            if file.endswith("_kills.py"):  # these start what they kill from one process
                return "kills"
            return "the report" if file in OF_THE_REPORT else file

    config.option.loadscopereorder = False
    return ByFile(config, log)


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    """Settings of a project folder with nothing in it, never connecting anywhere."""
    (tmp_path / "_quarto.yml").write_text("project:\n  type: book\n")
    return Settings(root=tmp_path, offline=True)


@pytest.fixture(scope="session")
def project_copy(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Copy the project as a clone has it; where there is git, a render's traces are seen."""
    copy = tmp_path_factory.mktemp("clone") / "mmn13"
    shutil.copytree(PROJECT, copy, ignore=not_copied)
    if shutil.which("git"):
        git(copy, "init", "-q")
        git(copy, "add", "-A")
    return copy


@pytest.fixture(scope="session")
def mmn13(project_copy: Path) -> Callable[..., subprocess.CompletedProcess[str]]:
    """Run the command in the copy, with nothing of the machine's own inputs."""
    environment = {k: v for k, v in os.environ.items() if not k.startswith("MMN13_")}
    environment |= {"MMN13_OFFLINE": "1", "PYTHONPATH": str(project_copy)}

    def run(*arguments: str, **variables: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-m", "mmn13lib.cli", *arguments],
            cwd=project_copy,
            env=environment | variables,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
        )

    return run


@pytest.fixture(scope="session")
def rendered(mmn13: Callable[..., subprocess.CompletedProcess[str]]) -> str:
    """Render the copy's report on the sample with the built-in engine, and give what was said."""
    result = mmn13("render", "--engine", "built-in")
    assert result.returncode == 0, result.stdout + result.stderr
    return result.stdout
