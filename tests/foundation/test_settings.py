"""Settings come from the environment, once, and say where everything is."""

from pathlib import Path

import pytest

from mmn13lib.foundation.errors import UserError
from mmn13lib.foundation.settings import Settings


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "_quarto.yml").write_text("")
    (tmp_path / "report" / "deep").mkdir(parents=True)
    monkeypatch.chdir(tmp_path / "report" / "deep")
    return tmp_path


def test_the_root_is_found_from_within(project: Path) -> None:
    settings = Settings.from_environment({})
    assert settings == Settings(root=project)
    for folder in (settings.downloads, settings.results, settings.cache):
        assert folder.parent == project / "artifacts"
    assert settings.report == project / "_report"


def test_paths_are_made_absolute_and_empty_ones_do_not_count(
    project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOME", "/home/someone")
    settings = Settings.from_environment({"MMN13_DATA": "mine", "MMN13_WEIGHTS": "~/w.pth"})
    assert settings.data == project / "report" / "deep" / "mine"
    assert settings.weights == Path("/home/someone/w.pth")
    empty = Settings.from_environment({"MMN13_DATA": "", "MMN13_WEIGHTS": ""})
    assert empty.data is None and empty.weights is None


@pytest.mark.parametrize(
    ("value", "offline"),
    [("1", True), ("On", True), ("", False), ("off", False)],
)
def test_offline_is_read_as_people_write_it(value: str, offline: bool, project: Path) -> None:
    assert Settings.from_environment({"MMN13_OFFLINE": value}).offline is offline


@pytest.mark.parametrize("value", ["maybe", "2", "offline"])
def test_what_is_neither_yes_nor_no_is_refused(value: str, project: Path) -> None:
    with pytest.raises(UserError, match="MMN13_OFFLINE should be 1 or 0"):
        Settings.from_environment({"MMN13_OFFLINE": value})


@pytest.mark.parametrize("where", [".", "report", "mmn13lib"])
def test_a_project_whose_code_is_not_what_runs_is_refused_and_both_are_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, where: str
) -> None:
    second = tmp_path / "second clone"
    for folder in ("report", "mmn13lib"):
        (second / folder).mkdir(parents=True)
    for file in ("_quarto.yml", "mmn13lib/cli.py"):
        (second / file).touch()
    monkeypatch.chdir(second / where)
    with pytest.raises(UserError, match="with code of its own") as raised:
        Settings.from_environment({})
    assert str(second) in str(raised.value)
    assert str(Path(__file__).parents[2]) in str(raised.value)


def test_a_link_to_the_project_is_the_project(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "link").symlink_to(Path(__file__).parents[2])
    monkeypatch.chdir(tmp_path / "link")
    assert Settings.from_environment({}).root.samefile(tmp_path / "link")
