"""The engine Quarto: with an executable that plays it, and with the real one where there is one."""

import os
import re
import shutil
import signal
import sqlite3
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import psutil
import pytest
from support.changes import ALL, APPENDIX, INDEX, Q1, Q2, TABLE, Change
from support.tiny_book import PACKAGE, PROJECT, write_book

from mmn13lib import cli
from mmn13lib.foundation.errors import UserError
from mmn13lib.foundation.locks import exclusive
from mmn13lib.foundation.settings import Settings
from mmn13lib.foundation.storage import Damaged
from mmn13lib.rendering import cache, hook, prepare, quarto
from mmn13lib.rendering.book import read_book
from mmn13lib.rendering.cache import drop_damaged, forget, status
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


@pytest.fixture
def play(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Play:
    """Put an executable on the PATH that says what Quarto would and ends as told."""

    def put(version: str = "1.9.38", says: str = "", ends: str = "exit 0") -> None:
        folder = tmp_path / "bin"
        folder.mkdir(exist_ok=True)
        (folder / "says").write_text(says, "utf-8", newline="")
        script = folder / "quarto"
        script.write_text(
            f"#!/bin/sh\n"
            f'if [ "$1" = --version ]; then echo {version}; exit 0; fi\n'
            f'echo "$QUARTO_PYTHON" > "{folder}/python"\ncat "{folder}/says"\n{ends}\n'
        )
        script.chmod(0o755)
        monkeypatch.setenv("PATH", f"{folder}:/usr/bin:/bin")

    return put


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
    assert [file.name for file in files] == ["index.html", "tiny.pdf"]
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
    with pytest.raises(UserError, match=r"killed \(signal 9\).*good report is still"):
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


def prepared(root: Path, monkeypatch: pytest.MonkeyPatch) -> Settings:
    monkeypatch.setenv(hook.PREPARED, "1")
    return Settings(root, offline=True)


def digest_in(root: Path, chapter: str) -> str:
    return (root / f"report/_dependencies/{chapter}.md").read_text("utf-8").splitlines()[-2]


def test_the_hooks_write_the_dependencies_and_publish_the_report(
    tiny: Path, built: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    settings = prepared(tiny, monkeypatch)
    hook.write_cells(settings)
    hook.before(settings)
    digests = {digest_in(tiny, name) for name in ("appendix", "index", "q1-alpha", "q2-beta")}
    assert len(digests) == 4
    assert "q1: not executed yet" in capsys.readouterr().out
    hook.after(settings, built)
    assert (settings.report / "index.html").read_text() == "new"
    assert dict(status(settings, "quarto"))["q1-alpha"] == []
    shutil.rmtree(tiny / ".jupyter_cache")
    shutil.rmtree(tiny / "report/.jupyter_cache")
    assert dict(status(settings, "quarto"))["q1-alpha"] == ["its cached output is gone"]


@pytest.mark.parametrize(
    ("local", "sentence"),
    [
        ("book: {author: '<script>alert(1)</script>'}", "Quarto would read <> in '<script>"),
        ("book: {author: [Avi, '@dana']}", "Quarto would read @ in '@dana' as Markdown"),
        ("book: {author: '`#pagebreak()`{=typst}'}", "Quarto would read `{}"),
        ("student: {id: '*1*'}", r"Quarto would read \* in '\*1\*'"),
        ("student: {video: 'javascript:alert(1)'}", r"'javascript:alert\(1\)' is no http"),
        ("student: {video: 'https://video.org/@dana/1'}", "Quarto would read @ in 'https"),
    ],
)
def test_a_name_an_id_or_a_link_that_quarto_would_read_as_markdown_is_refused(
    tiny: Path, monkeypatch: pytest.MonkeyPatch, local: str, sentence: str
) -> None:
    settings = prepared(tiny, monkeypatch)
    (tiny / "_quarto.yml.local").write_text(local)
    with pytest.raises(UserError, match=sentence):
        hook.before(settings)
    name = 'book: {author: "ד״ר Dana O\'Hara-כהן, Jr. (2)"}'
    (tiny / "_quarto.yml.local").write_text(name, "utf-8")
    hook.before(settings)


@pytest.mark.parametrize("variable", ["MATPLOTLIBRC", "IPYTHONDIR"])
def test_personal_settings_that_quarto_would_pass_on_to_cells_are_refused(
    tiny: Path, monkeypatch: pytest.MonkeyPatch, variable: str
) -> None:
    settings = prepared(tiny, monkeypatch)
    for line in (PROJECT / "_environment").read_text("utf-8").splitlines()[1:]:
        monkeypatch.setenv(*line.split("="))  # as Quarto does
    hook.before(settings)
    monkeypatch.setenv(variable, "/home/someone/own")
    with pytest.raises(UserError, match=f"{variable} is set to /home/someone/own.*Unset it"):
        hook.before(settings)


def test_another_quarto_executes_again_what_shows_its_version(
    tiny: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = prepared(tiny, monkeypatch)
    monkeypatch.setenv("QUARTO_SHARE_PATH", str(tiny))
    cells = []
    for version in ("1.9.37", "1.9.38", "1.9.38"):
        (tiny / "version").write_text(f"{version}\n")
        hook.before(settings)
        cells.append(digest_in(tiny, "appendix"))
    assert cells[0] != cells[1] == cells[2]
    book = read_book(tiny)
    found = dependencies(book.chapters[-1], book, settings)
    assert digest_source(found).splitlines()[-1] in cells[2]  # `forget` finds it by this


def test_a_render_that_began_nothing_can_not_end(
    tiny: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises((Damaged, UserError)):
        hook.after(prepared(tiny, monkeypatch), tiny)


def test_the_set_up_makes_what_chapters_include_before_quarto_reads_them(tiny: Path) -> None:
    set_up = [sys.executable, str(Path(hook.__file__)), "cells"]
    subprocess.run(set_up, cwd=tiny, check=True)
    for chapter in [tiny / "index.qmd", *tiny.glob("report/q*.qmd")]:
        included = re.search(r"include (\S+)", chapter.read_text("utf-8"))
        assert included and "dependencies" in (chapter.parent / included[1]).read_text("utf-8")
    cell = tiny / "report/_dependencies/q1-alpha.md"
    cell.write_text("of the last render")
    subprocess.run(set_up, cwd=tiny, check=True)
    assert cell.read_text() == "of the last render"


@pytest.fixture
def built(tiny: Path) -> Path:
    """Make the folder that Quarto makes, and its caches, empty ones."""
    (tiny / "_report.quarto").mkdir()
    for folder in (tiny, tiny / "report"):
        (folder / ".jupyter_cache").mkdir()
        with closing(sqlite3.connect(folder / ".jupyter_cache/global.db")) as database:
            database.execute("CREATE TABLE nbcache (hashkey)")
    (tiny / "_report.quarto/index.html").write_text("new")
    return tiny / "_report.quarto"


@pytest.mark.parametrize(
    ("variables", "rendered"),
    [
        ({}, ["index", "q1-alpha", "q2-beta", "appendix"]),
        ({"INPUT_FILES": "report/q2-beta.qmd\n"}, ["q2-beta"]),
        ({"INPUT_FILES": "index.qmd\nreport/appendix.qmd"}, ["index", "appendix"]),
        ({"INPUT_FILES": ""}, []),  # a preview begins so
        ({"INPUT_FILES": "", "RENDER_ALL": "1"}, ["index", "q1-alpha", "q2-beta", "appendix"]),
    ],
)
def test_only_the_chapters_that_were_rendered_are_remembered(
    tiny: Path,
    built: Path,
    monkeypatch: pytest.MonkeyPatch,
    variables: dict[str, str],
    rendered: list[str],
) -> None:
    settings = prepared(tiny, monkeypatch)
    with monkeypatch.context() as patch:  # the second hook is not told
        for name, value in variables.items():
            patch.setenv(f"QUARTO_PROJECT_{name}", value)
        hook.before(settings)
    hook.after(settings, built)
    found = status(settings, "quarto")
    assert [name for name, reasons in found if not reasons] == rendered
    assert {tuple(reasons) for _, reasons in found} <= {(), ("not executed yet",)}


def test_a_chapter_that_changed_while_quarto_rendered_is_not_taken_for_fresh(
    tiny: Path, built: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    settings = prepared(tiny, monkeypatch)
    forgotten: list[str] = []
    monkeypatch.setattr(cache, "forget", lambda mark, folder: forgotten.append(mark))
    hook.before(settings)
    (tiny / "mmn13lib/beta.py").write_text(PACKAGE["beta"] + "# saved meanwhile\n")
    mark = digest_in(tiny, "q2-beta")
    hook.after(settings, built)
    assert "q2: mmn13lib/beta.py changed meanwhile" in capsys.readouterr().out
    assert mark in [source.splitlines()[-1] for source in forgotten]
    (tiny / "mmn13lib/beta.py").write_text(PACKAGE["beta"])
    assert dict(status(settings, "quarto"))["q2-beta"] == ["not executed yet"]
    assert dict(status(settings, "quarto"))["q1-alpha"] == []


def test_a_preview_warns_once_and_each_render_names_what_it_made(
    tiny: Path, built: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.delenv(hook.PREPARED, raising=False)
    monkeypatch.setattr(hook, "_prepare", lambda settings: ["WARNING: a sample"])
    settings = Settings(tiny, offline=True)
    said = []
    for made in ("_report.quarto/index.html", "_report.quarto/tiny.pdf"):
        hook.before(settings)
        monkeypatch.setenv("QUARTO_PROJECT_OUTPUT_FILES", made)
        hook.after(settings, built)
        said.append(capsys.readouterr().out)
    assert [text.count("WARNING") for text in said] == [1, 0]
    assert [line for text in said for line in text.splitlines() if "The report" in line] == [
        f"The report, copied from _report.quarto: {name} in {settings.report}"
        for name in ("index.html", "tiny.pdf")
    ]


def test_a_plain_quarto_render_prepares_alone(tiny: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(hook.PREPARED, raising=False)
    refused: list[str] = []

    def measure(settings: Settings) -> list[str]:
        with pytest.raises(UserError) as raised, exclusive(settings.locks / "render.lock"):
            pass
        refused.append(str(raised.value))
        return []

    monkeypatch.setattr(prepare, "prepare", measure)
    hook.before(Settings(tiny, offline=True))
    assert len(refused) == 1 and f"process {os.getpid()}, since" in refused[0]


def test_rendering_changes_no_file_that_git_knows(
    tiny: Path, play: Play, monkeypatch: pytest.MonkeyPatch
) -> None:
    play(ends="exit 1")
    before = {path: path.read_bytes() for path in tiny.rglob("*") if path.is_file()}
    with pytest.raises(UserError):
        quarto.render(Settings(tiny), progress=lambda line: None)
    hook.before(prepared(tiny, monkeypatch))
    after = {path: path.read_bytes() for path in tiny.rglob("*") if path.is_file()}
    assert {path for path, content in before.items() if after.get(path) != content} == set()
    new = {path.relative_to(tiny).as_posix() for path in after.keys() - before.keys()}
    ignored = ("report/_dependencies/", "artifacts/")
    assert not [name for name in new if not name.startswith(ignored)]


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


def test_a_python_that_lacks_a_library_is_named(tiny: Path, tmp_path: Path) -> None:
    (tmp_path / "filelock.py").write_text("raise ModuleNotFoundError(name='filelock')")
    result = subprocess.run(
        [sys.executable, str(Path(hook.__file__)), "before"],
        cwd=tiny, env={**os.environ, "PYTHONPATH": str(tmp_path)}, capture_output=True, text=True,
    )  # fmt: skip
    assert result.returncode == 1
    assert "lacks filelock. Activate .venv" in result.stderr and "Traceback" not in result.stderr


@pytest.mark.parametrize("damage", ["none", "database", "notebook", "no database"])
def test_a_damaged_cache_is_dropped_and_a_sound_one_kept(executed: Path, damage: str) -> None:
    folder = executed / "artifacts/cache/jupyter"
    if damage == "database":
        (folder / "global.db").write_bytes(b"garbage" * 100)
    elif damage == "notebook":
        next(folder.glob("executed/*/base.ipynb")).write_text('{"cells": [')
    elif damage == "no database":
        (folder / "global.db").unlink()
    assert drop_damaged(folder) == (damage != "none")
    assert folder.exists() == (damage == "none")


def test_the_hook_says_so_if_quarto_chose_another_python(tmp_path: Path) -> None:
    result = subprocess.run(
        [sys.executable, "-S", str(Path(hook.__file__)), "before"],
        cwd=tmp_path, capture_output=True, text=True,
    )  # fmt: skip
    assert result.returncode == 1
    assert "QUARTO_PYTHON" in result.stderr and "Traceback" not in result.stderr


real = pytest.mark.skipif(not quarto.installed()[0], reason="no Quarto >= 1.9 on the PATH")


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
