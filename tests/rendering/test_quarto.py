"""The engine Quarto: with an executable that plays it, and with the real one where there is one."""

import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import pytest
from support.changes import ALL, APPENDIX, INDEX, Q1, Q2, TABLE, Change
from support.tiny_book import PACKAGE, write_book

from mmn13lib import cli
from mmn13lib.foundation.errors import UserError
from mmn13lib.foundation.settings import Settings
from mmn13lib.rendering import hook, quarto
from mmn13lib.rendering.book import read_book
from mmn13lib.rendering.cache import forget
from mmn13lib.rendering.dependencies import dependencies, digest_source
from mmn13lib.rendering.quarto import failure
from mmn13lib.rendering.render import render

Play = Callable[..., None]

FAILING_CELL = """\
\x1b[1m\x1b[34m\r[2/5] report/q1-alpha.qmd\x1b[39m\x1b[22m

Starting python3 kernel...Done

Executing 'q1-alpha.quarto_ipynb'
  Cell 1/3: 'dependencies'...Done
  Cell 2/3: 'q1-setup'.......Done
  Cell 3/3: 'q1-measured'...

An error occurred while executing the following cell:
------------------
open("executed.txt", "a").write("q1-measured")
measurements.load(None, "speed")
f(2)
------------------


\x1b[31m---------------------------------------------------------------------------\x1b[39m
\x1b[31mUserError\x1b[39m                                 Traceback (most recent call last)
\x1b[36mCell\x1b[39m\x1b[36m \x1b[39m\x1b[32mIn[3]\x1b[39m\x1b[32m, line 2\x1b[39m
\x1b[32m----> \x1b[39m\x1b[32m2\x1b[39m measurements.load(None, "speed")

\x1b[31mUserError\x1b[39m: There is no measurement: run `mmn13 bench speed`.

\x1b[33mWARN: Error encountered when rendering files\x1b[39m
"""


def test_without_quarto_the_error_says_how_to_get_it(
    tiny: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    assert quarto.chosen() == "embedded"
    with pytest.raises(UserError, match=r"not on the PATH.*--engine embedded"):
        render(Settings(tiny), "quarto")


def test_an_old_quarto_is_refused_by_its_version(tiny: Path, play: Play) -> None:
    play(version="1.8.27")
    assert quarto.chosen() == "embedded"
    with pytest.raises(UserError, match=r"1\.8\.27 is too old.*--engine embedded"):
        render(Settings(tiny), "quarto")


def test_quarto_gets_this_python_and_its_progress_is_passed_on(
    tiny: Path, play: Play, tmp_path: Path
) -> None:
    play(says=f"{hook.SAYS}q1: mmn13lib/alpha.py\n" + FAILING_CELL.split("\n\nAn error")[0])
    lines: list[str] = []
    files = quarto.render(Settings(tiny), progress=lines.append)
    assert lines[:2] == ["q1: mmn13lib/alpha.py", "q1, cell 1/2 q1-setup, 0 s"]
    assert [file.name for file in files] == ["index.html", "tiny.pdf", "tiny.ipynb"]
    assert (tmp_path / "bin/python").read_text().strip() == sys.executable


def test_a_failing_cell_is_named_and_nothing_is_lost(tiny: Path, play: Play) -> None:
    settings = Settings(tiny)
    settings.report.mkdir()
    (settings.report / "index.html").write_text("the last good report")
    play(says=FAILING_CELL, ends="exit 1")
    with pytest.raises(UserError) as raised:
        quarto.render(settings, progress=lambda line: None)
    message = str(raised.value)
    lines = (tiny / "report/q1-alpha.qmd").read_text().splitlines()
    number = lines.index('measurements.load(None, "speed")') + 1
    assert message.startswith(f"q1-alpha.qmd, line {number}: the cell q1-measured failed: There is")
    assert "mmn13 bench speed" in message and "Traceback" not in message
    assert "Traceback" in (settings.cache / "quarto.log").read_text()
    assert (settings.report / "index.html").read_text() == "the last good report"


def test_a_killed_quarto_is_said_to_be_killed(tiny: Path, play: Play) -> None:
    play(says="[2/5] report/q1-alpha.qmd\n", ends="kill -9 $$")
    with pytest.raises(UserError, match=r"killed \(signal 9\).*good report and all finished"):
        quarto.render(Settings(tiny), progress=lambda line: None)


@pytest.mark.parametrize(
    ("says", "expected"),
    [
        (["[3/5] report/q2-beta.qmd", "ERROR: no such citation"], "q2-beta.qmd: ERROR: no such"),
        (["mmn13: The disk is full."], "Quarto failed: mmn13: The disk is full. The last"),
        (["[typst]: Compiling index.typ", "error: unknown variable"], "error: unknown variable."),
    ],
)
def test_a_failure_outside_cells_is_told_in_quartos_words(
    tiny: Path, says: list[str], expected: str
) -> None:
    assert expected in failure(says, 1, read_book(tiny))


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_render_that_is_stopped_stops_quarto_and_leaves_nothing(
    tiny: Path, play: Play, tmp_path: Path, number: signal.Signals
) -> None:
    os.mkfifo(tmp_path / "begun")
    play(
        ends="mkdir site_libs; touch index.html report/q1-alpha.html report/mine.html\n"
        # as Quarto's own: a shell that starts the real one
        f'sleep 1000 & echo $! > "{tmp_path}/begun"; wait'
    )
    program = (
        "import sys; from pathlib import Path; from mmn13lib.foundation.settings import Settings\n"
        "from mmn13lib.rendering import quarto\n"
        "quarto.render(Settings(Path(sys.argv[1])), progress=lambda line: None)"
    )
    command = [sys.executable, "-c", program, str(tiny)]
    with subprocess.Popen(command, stderr=subprocess.DEVNULL) as process:
        child = int((tmp_path / "begun").read_text())  # waits until Quarto is at work
        process.send_signal(number)
    assert process.returncode != 0
    left = [psutil.Process(child)] if psutil.pid_exists(child) else []
    assert all(one.status() == psutil.STATUS_ZOMBIE for one in left)
    assert not (tiny / "index.html").exists() and not (tiny / "site_libs").exists()
    assert [file.name for file in tiny.glob("report/*.html")] == ["mine.html"]


def test_status_looks_into_the_cache_of_the_engine_that_would_render(
    executed: Path, play: Play, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    play(version="1.8.27")
    monkeypatch.chdir(executed)
    monkeypatch.setattr(sys, "argv", ["mmn13", "status"])
    with pytest.raises(SystemExit):
        cli.main()
    assert capsys.readouterr().out.splitlines()[:2] == ["index: fresh", "q1-alpha: fresh"]


def real(test: Callable[..., None]) -> Callable[..., None]:
    """Run a test with the real Quarto, which takes a quarter of a minute for a render."""
    there, _ = quarto.installed()
    return pytest.mark.slow(pytest.mark.skipif(not there, reason="no Quarto >= 1.9")(test))


def render_for_real(root: Path, to: str = "html") -> list[str]:
    """Render with the real Quarto between the hooks; list the cells that were executed."""
    log = root / "executed.txt"
    log.unlink(missing_ok=True)
    settings = Settings(root, offline=True)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv(hook.PREPARED, "1")
        patch.setenv("QUARTO_PYTHON", sys.executable)
        hook.before(settings)
        result = subprocess.run(
            ["quarto", "render", *(["--to", to] if to else [])],
            cwd=root, capture_output=True, text=True,
        )  # fmt: skip
        assert result.returncode == 0, result.stdout + result.stderr
        hook.after(settings, root / "_report.quarto")
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
    assert render_for_real(root, to="") == ALL
    return root


@pytest.fixture
def undone(rendered: Path) -> Iterator[Path]:
    """Give the rendered book, and undo the test's edits to its files."""
    files = [*rendered.glob("*.*"), *rendered.glob("report/*.*"), *rendered.rglob("mmn13lib/*")]
    before = {file: file.read_bytes() for file in files if file.is_file()}
    yield rendered
    for file, content in before.items():
        file.write_bytes(content)
    shutil.rmtree(rendered / "artifacts/benchmarks", ignore_errors=True)


@real
@pytest.mark.parametrize(*TABLE)
def test_quarto_executes_exactly_the_chapters_that_depend_on_a_change(
    undone: Path,
    monkeypatch: pytest.MonkeyPatch,
    change: Change,
    executed_again: list[str],
) -> None:
    change(undone, monkeypatch)
    assert render_for_real(undone) == executed_again


@real
def test_quarto_executes_nothing_the_second_time_nor_after_an_undone_edit(undone: Path) -> None:
    assert render_for_real(undone, to="") == []
    module = undone / "mmn13lib/beta.py"
    module.write_text(PACKAGE["beta"] + "# changed again\n")
    assert render_for_real(undone, to="") == INDEX + Q2
    module.write_text(PACKAGE["beta"])
    assert render_for_real(undone, to="") == []
    assert (undone / "_report/index.html").is_file() and list(undone.glob("_report/*.pdf"))


@real
def test_quarto_executes_a_chapter_that_was_to_be_forgotten(undone: Path) -> None:
    book = read_book(undone)
    mark = digest_source(dependencies(book.chapters[2], book, Settings(undone, offline=True)))
    forget(mark, undone / "report/.jupyter_cache")
    assert render_for_real(undone) == Q2


@real
def test_quarto_survives_a_damaged_cache(undone: Path) -> None:
    (undone / "report/.jupyter_cache/global.db").write_bytes(b"garbage" * 100)
    executed_again = Q1 + Q2 + APPENDIX
    assert render_for_real(undone) == executed_again
