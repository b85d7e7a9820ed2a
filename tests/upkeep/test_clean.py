"""`mmn13 clean` removes what can be made again, asks about the rest, touches nothing else."""

from pathlib import Path

import pytest

from mmn13lib.foundation.errors import UserError
from mmn13lib.foundation.settings import Settings
from mmn13lib.upkeep.clean import clean


def put(path: Path) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("x")
    return path


@pytest.fixture
def full(settings: Settings) -> Settings:
    for path in (
        settings.cache / "digests.json",
        settings.benchmarks / "convolution.json",
        settings.downloads / "weights.pth",
        settings.results / "key" / "head.safetensors",
        settings.report / "mmn13.pdf",
        settings.root / "_report.new" / "half.html",
        settings.root / ".quarto" / "x",
        settings.root / "report" / ".jupyter_cache" / "x",
        settings.root / "report" / "q1-convolution.qmd",
        settings.root / "mmn13lib" / "cli.py",
        settings.root / "_quarto.yml.local",
    ):
        put(path)
    return settings


def names(settings: Settings) -> set[str]:
    root = settings.root
    files = (path for path in root.rglob("*") if path.is_file() or path.is_symlink())
    return {path.relative_to(root).as_posix() for path in files}


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
