"""The engine Quarto: with an executable that stands in for it, and the real one where it is."""

import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from support.changes import ALL, APPENDIX, INDEX, Q1, Q2, TABLE, Change
from support.tiny_book import PACKAGE, write_book

from mmn13lib import hook
from mmn13lib.foundation.errors import UserError
from mmn13lib.foundation.settings import Settings
from mmn13lib.rendering import quarto
from mmn13lib.rendering.book import read_book
from mmn13lib.rendering.dependencies import Outside
from mmn13lib.rendering.render import render

Play = Callable[..., None]


def make(root: Path, engine: str = "quarto") -> list[Path]:
    return render(Settings(root), lambda: {}, engine)


def test_without_quarto_the_error_says_how_to_get_it(
    tiny: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr(sys, "executable", str(tmp_path / "python"))
    assert quarto.chosen("auto", tiny) == "built-in"
    with pytest.raises(UserError, match=r"not on the PATH.*--engine built-in"):
        make(tiny)


def test_an_old_quarto_is_refused_by_its_version_and_a_newer_one_taken(
    tiny: Path, play: Play
) -> None:
    play(version="1.8.27")
    assert quarto.chosen("auto", tiny) == "built-in"
    with pytest.raises(UserError, match=r"1\.8\.27 is too old.*--engine built-in"):
        make(tiny)
    for version in ("1.9.38", "1.10.18", "2.0.0-rc.1"):
        play(version)
        assert quarto.chosen("auto", tiny) == "quarto"


def test_a_quarto_in_the_environment_is_found_without_activating_it_and_before_the_paths(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for folder in ("env/bin", "path"):
        (tmp_path / folder).mkdir(parents=True)
        (tmp_path / folder / "quarto").touch(mode=0o755)
    monkeypatch.setenv("PATH", str(tmp_path / "path"))
    monkeypatch.setattr(sys, "executable", str(tmp_path / "elsewhere/python"))
    assert quarto.executable() == str(tmp_path / "path/quarto")
    monkeypatch.setattr(sys, "executable", str(tmp_path / "env/bin/python"))
    assert quarto.executable() == str(tmp_path / "env/bin/quarto")


def test_quarto_gets_this_python_and_says_itself_what_it_does(
    tiny: Path, play: Play, capfd: pytest.CaptureFixture[str]
) -> None:
    play(ends='echo "[1/5] $QUARTO_PYTHON"')
    files = make(tiny)
    assert [file.name for file in files] == ["index.html", "tiny.pdf", "tiny.ipynb"]
    assert f"[1/5] {sys.executable}" in capfd.readouterr().out


@pytest.mark.parametrize("ends", ["exit 1", "kill -9 $$"])
def test_a_failing_quarto_loses_nothing(tiny: Path, play: Play, ends: str) -> None:
    report = Settings(tiny).report
    report.mkdir()
    (report / "index.html").write_text("the last good report")
    play(ends=ends)
    with pytest.raises(UserError, match=r"Quarto failed.*good report and all finished chapters"):
        make(tiny)
    assert (report / "index.html").read_text() == "the last good report"


def real(test: Callable[..., None]) -> Callable[..., None]:
    """Run a test with the real Quarto, which takes a quarter of a minute for a render."""
    there, _ = quarto.installed()
    return pytest.mark.slow(pytest.mark.skipif(not there, reason="no Quarto >= 1.9")(test))


def render_for_real(root: Path, *options: str, outside: Outside | None = None) -> list[str]:
    """Render with the real Quarto between the hooks; list the cells that were executed."""
    log = root / "executed.txt"
    log.unlink(missing_ok=True)
    settings, built = Settings(root), root / "_report.quarto"
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("mmn13lib.prepare.outside", lambda settings: outside or {})
        patch.setenv(quarto.PREPARED, "1")
        patch.setenv("QUARTO_PYTHON", sys.executable)
        hook.before(settings)
        result = subprocess.run(
            [str(quarto.executable()), "render", *options],
            cwd=root, capture_output=True, text=True,
        )  # fmt: skip
        assert result.returncode == 0, result.stdout + result.stderr
        hook.after(settings, built, [file for file in built.iterdir() if file.is_file()])
    return log.read_text().split() if log.exists() else []


@pytest.fixture(scope="module")
def rendered(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Render a tiny book with the real Quarto; its path is in the cache's key, so it stays put."""
    root = write_book(tmp_path_factory.mktemp("rendered") / "book")
    config = root / "_quarto.yml"
    settings = "{type: book, execute-dir: project, output-dir: _report.quarto}\njupyter: python3"
    text = config.read_text("utf-8").replace("{type: book}", settings)
    text = text.replace("    template-partials", "    citeproc: true\n    template-partials")
    config.write_text(text + "fig-height: 2\nfig-dpi: 144\n", "utf-8")
    assert render_for_real(root) == ALL
    return root


@pytest.fixture
def undone(rendered: Path) -> Iterator[Path]:
    """Give the rendered book, and undo the test's edits to its files."""
    files = [*rendered.glob("*.*"), *rendered.glob("report/*.*"), *rendered.rglob("mmn13lib/*")]
    before = {file: file.read_bytes() for file in files if file.is_file()}
    yield rendered
    for file, content in before.items():
        file.write_bytes(content)


@real
@pytest.mark.parametrize(*TABLE)
def test_quarto_executes_exactly_the_chapters_that_depend_on_a_change(
    undone: Path,
    monkeypatch: pytest.MonkeyPatch,
    change: Change,
    executed_again: list[str],
) -> None:
    outside = change(undone, monkeypatch)
    assert render_for_real(undone, "--to", "html", outside=outside) == executed_again


@real
def test_quarto_executes_nothing_the_second_time_nor_after_an_undone_edit(undone: Path) -> None:
    assert render_for_real(undone) == []
    module = undone / "mmn13lib/beta.py"
    module.write_text(PACKAGE["beta"] + "# changed again\n")
    assert render_for_real(undone) == INDEX + Q2
    module.write_text(PACKAGE["beta"])
    assert render_for_real(undone) == []
    assert (undone / "_report/index.html").is_file() and list(undone.glob("_report/*.pdf"))


@real
def test_quarto_executes_a_chapter_that_was_to_be_forgotten(undone: Path) -> None:
    chapter = read_book(undone).chapters[2]
    quarto.forget(chapter, quarto.written_cell(chapter))
    assert render_for_real(undone) == Q2


@real
def test_quarto_survives_a_damaged_cache(undone: Path) -> None:
    (undone / "report/.jupyter_cache/global.db").write_bytes(b"garbage" * 100)
    assert render_for_real(undone) == Q1 + Q2 + APPENDIX
