"""`mmn13 clean` removes what can be made again, asks about the rest, touches nothing else."""

import os
import re
import subprocess
import sys
from pathlib import Path
from subprocess import PIPE

import pytest

from mmn13lib.foundation.errors import UserError
from mmn13lib.foundation.settings import Settings
from mmn13lib.upkeep import clean as clean_module
from mmn13lib.upkeep.clean import clean


def put(path: Path) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("x")
    return path


@pytest.fixture
def settings(settings: Settings) -> Settings:
    """Settings of this project, which its command tells from other Quarto projects."""
    put(settings.root / "mmn13lib" / "cli.py")
    return settings


@pytest.fixture
def full(settings: Settings) -> Settings:
    for path in (
        settings.cache / "digests.json",
        settings.benchmarks / "convolution.json",
        settings.downloads / "weights.pth",
        settings.results / "key" / "head.safetensors",
        settings.report / "mmn13.pdf",
        settings.root / "_report.new" / "half.html",
        settings.root / "report" / "q1-alpha.quarto_ipynb_1",
        settings.root / ".quarto" / "x",
        settings.root / "report" / ".jupyter_cache" / "x",
        settings.root / "report" / "q1-convolution.qmd",
        settings.root / "_quarto.yml.local",
    ):
        put(path)
    return settings


def names(settings: Settings) -> set[str]:
    root = settings.root
    files = (path for path in root.rglob("*") if path.is_file() or path.is_symlink())
    return {path.relative_to(root).as_posix() for path in files if path.suffix != ".lock"}


SOURCES = {
    "_quarto.yml", "_quarto.yml.local", "report/q1-convolution.qmd", "mmn13lib/cli.py",
}  # fmt: skip
PRECIOUS = {"artifacts/downloads/weights.pth", "artifacts/results/key/head.safetensors"}


def test_a_no_keeps_downloads_and_results(full: Settings) -> None:
    asked: list[str] = []

    def decline(question: str) -> bool:
        asked.append(question)
        return False

    clean(full, decline)
    assert names(full) == SOURCES | PRECIOUS
    assert len(asked) == 2
    assert "downloads" in asked[0] and "results" in asked[1]


def test_a_yes_removes_them_and_never_the_sources(full: Settings) -> None:
    removed = clean(full, lambda question: True)
    assert names(full) == SOURCES
    assert full.downloads in removed and full.report in removed
    assert not any(path.exists() for path in removed)


def test_nothing_is_removed_before_the_last_question_is_answered(full: Settings) -> None:
    before = names(full)

    def interrupt(question: str) -> bool:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        clean(full, interrupt)
    assert names(full) == before


def test_what_is_not_known_is_asked_about(full: Settings) -> None:
    put(full.artifacts / "my data" / "notes.txt")
    asked: list[str] = []
    clean(full, lambda question: bool(asked.append(question)))
    assert any("my data" in question for question in asked)
    assert "artifacts/my data/notes.txt" in names(full)


def test_of_a_link_only_the_link_goes(
    settings: Settings, tmp_path_factory: pytest.TempPathFactory
) -> None:
    elsewhere = put(tmp_path_factory.mktemp("elsewhere") / "weights.pth")
    settings.artifacts.mkdir()
    settings.downloads.symlink_to(elsewhere.parent)
    settings.report.symlink_to(elsewhere.parent)
    assert set(clean(settings, lambda question: True)) == {settings.downloads, settings.report}
    assert elsewhere.exists()


def test_artifacts_that_lie_elsewhere_are_left_alone(
    settings: Settings, tmp_path_factory: pytest.TempPathFactory
) -> None:
    elsewhere = put(tmp_path_factory.mktemp("elsewhere") / "cache" / "x")
    settings.artifacts.symlink_to(elsewhere.parents[1])
    assert clean(settings, lambda question: True) == []
    assert elsewhere.exists()


def test_an_empty_project_has_nothing_to_remove(settings: Settings) -> None:
    assert clean(settings, lambda question: True) == []


def test_what_cannot_be_removed_is_an_error(
    full: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(path: Path) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr("mmn13lib.upkeep.clean.shutil.rmtree", refuse)
    with pytest.raises(UserError, match="could not be removed"):
        clean(full, lambda question: True)


def test_another_quarto_project_is_left_alone(full: Settings) -> None:
    (full.root / "mmn13lib" / "cli.py").unlink()
    before = names(full)
    with pytest.raises(UserError, match="another Quarto project"):
        clean(full, lambda question: True)
    assert names(full) == before


def hold(path: Path) -> subprocess.Popen[str]:
    """Start a process that takes a lock, tells so, and holds it until its input ends."""
    code = """
import sys
from pathlib import Path
from mmn13lib.foundation import errors, locks
try:
    with locks.exclusive(Path(sys.argv[1])):
        print("held", flush=True)
        sys.stdin.read()
except errors.UserError as error:
    print(error, flush=True)
"""
    return subprocess.Popen(
        [sys.executable, "-c", code, str(path)], stdin=PIPE, stdout=PIPE, text=True
    )


def heard(process: subprocess.Popen[str]) -> str:
    assert process.stdout is not None
    return process.stdout.readline()


@pytest.mark.parametrize("name", ["downloads", "experiment", "render"])
def test_nothing_is_removed_while_another_process_works_here(name: str, full: Settings) -> None:
    before = names(full)
    with hold(full.locks / f"{name}.lock") as other:
        assert heard(other) == "held\n"
        with pytest.raises(UserError, match=f"process {other.pid}, since .* wait until"):
            clean(full, lambda question: True)
        assert names(full) == before
        other.communicate()
    clean(full, lambda question: True)
    assert names(full) == SOURCES


def test_no_other_process_starts_to_work_here_until_all_is_removed(
    full: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    refused: list[bool] = []

    def start_another(question: str) -> bool:
        with hold(full.locks / "experiment.lock") as other:
            refused.append(f"process {os.getpid()}" in heard(other))
            other.communicate()
        return True

    def remove_last(path: Path) -> None:
        if path == full.results:
            start_another("")

    monkeypatch.setattr(clean_module, "_remove", remove_last)
    clean(full, start_another)
    assert refused == [True, True, True]


def test_it_takes_every_lock_that_the_package_has() -> None:
    package = Path(clean_module.__file__).parents[1]
    sources = "".join(file.read_text("utf-8") for file in package.rglob("*.py"))
    found = set(re.findall(r'(\w+) / f?"(\S+?)\.lock"', sources)) - {("locks", "{name}")}
    assert found == {("locks", name) for name in clean_module.LOCKS}
