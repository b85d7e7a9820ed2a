"""Executing chapters survives failing cells, damaged caches, kills and company."""

import errno
import os
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import typst
from jupyter_cache.cache.main import JupyterCacheBase
from jupyter_client.manager import start_new_kernel
from support.tiny_book import cell, write_chapter

from mmn13lib.foundation.errors import UserError
from mmn13lib.foundation.settings import Settings
from mmn13lib.rendering import document, publishing
from mmn13lib.rendering.book import read_book
from mmn13lib.rendering.execution import execute, neutral_kernel, render_lock
from mmn13lib.rendering.publishing import publish
from mmn13lib.rendering.render import render as render_book
from mmn13lib.rendering.render import render_embedded

Rerun = Callable[..., list[str]]


def render(root: Path, *rerun: str) -> list[str]:
    lines: list[str] = []
    render_embedded(Settings(root, offline=True), rerun, lines.append)
    return lines


def test_progress_tells_chapter_reason_and_each_cell(executed: Path) -> None:
    book = read_book(executed)
    lines: list[str] = []
    settings = Settings(executed)
    execute(book.chapters[1], book, settings, lines.append, rerun=True)
    assert len(lines) == 3
    assert lines[0] == "q1: asked for"
    assert lines[1].startswith("q1, cell 1/2 q1-setup, ") and lines[1].endswith(" s")
    lines.clear()
    execute(book.chapters[1], book, settings, lines.append)
    assert lines == ["q1: fresh"]


def test_cells_work_in_the_project_folder_with_its_package_and_the_run_settings(
    tiny: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("QUARTO_SHARE_PATH", "/conda/share/quarto")  # by which chapters know Quarto
    # another package of the same name comes first on the path
    monkeypatch.setenv("PYTHONPATH", str(Path(__file__).parents[2]))
    code = 'import os, mmn13lib.base\nprint(os.getcwd(), os.environ["MMN13_DATA"])'
    code += '\nprint(os.environ["QUARTO_SHARE_PATH"])'
    write_chapter(tiny, "q1-alpha", "# Alpha" + cell("q1-a", code))
    book = read_book(tiny)
    settings = Settings(tiny, data=tiny / "data", offline=True)
    outputs = execute(book.chapters[1], book, settings, lambda line: None).outputs
    assert outputs[1][0].text.split() == [str(tiny), str(tiny / "data")]


def test_a_failing_cell_is_named_and_loses_nothing(executed: Path) -> None:
    render(executed)
    report = {file: file.read_bytes() for file in (executed / "_report").iterdir()}
    write_chapter(executed, "q1-alpha", "# Alpha" + cell("q1-new", "1 + 1"))
    text = "# Beta\n\nText." + cell("q2-fine", "x = 0") + cell("q2-bad", "y = 1\n\ny / x")
    path = write_chapter(executed, "q2-beta", text)
    with pytest.raises(UserError) as error:
        render(executed)
    line = path.read_text().splitlines().index("y / x") + 1
    message = str(error.value)
    assert message.startswith(f"q2-beta.qmd, line {line}: the cell q2-bad failed: ZeroDivision")
    assert "Traceback" not in message
    assert report == {file: file.read_bytes() for file in (executed / "_report").iterdir()}
    write_chapter(executed, "q2-beta", "# Beta {#sec-beta}" + cell("q2-fine", "x = 0"))
    write_chapter(executed, "q1-alpha", "# Alpha {#sec-alpha}" + cell("q1-new", "1 + 1"))
    lines = render(executed)
    assert "q1: fresh" in lines
    assert any(line.startswith("q2: its code cells; ") for line in lines)


def test_a_users_error_in_a_cell_speaks_for_itself(tiny: Path) -> None:
    code = 'class UserError(Exception): pass\nraise UserError("Run `mmn13 bench speed`.")'
    write_chapter(tiny, "q1-alpha", "# Alpha" + cell("q1-a", code))
    book = read_book(tiny)
    with pytest.raises(UserError, match="the cell q1-a failed: Run `mmn13 bench speed`"):
        execute(book.chapters[1], book, Settings(tiny), lambda line: None)


def test_a_kernel_that_dies_is_an_error_too(tiny: Path) -> None:
    write_chapter(tiny, "q1-alpha", "# Alpha" + cell("q1-a", "import os; os._exit(1)"))
    book = read_book(tiny)
    with pytest.raises(UserError, match="q1-a failed: Python died"):
        execute(book.chapters[1], book, Settings(tiny), lambda line: None)


@pytest.mark.slow
def test_an_interrupted_cell_is_said_to_be_interrupted(tiny: Path, tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "begun")
    code = f"import time\nopen({str(tmp_path / 'begun')!r}, 'w').close()\ntime.sleep(600)"
    write_chapter(tiny, "index", "# At a glance" + cell("index-slow", code))
    program = (
        "import sys; from pathlib import Path; from mmn13lib.foundation.settings import Settings\n"
        "from mmn13lib.rendering.render import render_embedded\n"
        "render_embedded(Settings(Path(sys.argv[1]), offline=True))"
    )
    command = [sys.executable, "-c", program, str(tiny)]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as process:
        (tmp_path / "begun").read_text()  # waits until the cell is at work
        process.send_signal(signal.SIGINT)
        _, said = process.communicate()
    assert "the cell index-slow failed: it was interrupted" in said
    assert "out of memory" not in said


def test_cells_start_without_personal_settings(
    tiny: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "startup.py").write_text("hidden = 1")
    (tmp_path / "matplotlibrc").write_text("lines.linewidth: 9")
    (tmp_path / "profile_default/startup").mkdir(parents=True)
    (tmp_path / "profile_default/startup/00.py").write_text("hidden = 2")
    monkeypatch.setenv("PYTHONSTARTUP", str(tmp_path / "startup.py"))
    monkeypatch.setenv("MATPLOTLIBRC", str(tmp_path / "matplotlibrc"))
    monkeypatch.setenv("IPYTHONDIR", str(tmp_path))
    code = 'import matplotlib\nprint("hidden" in globals(), matplotlib.rcParams["lines.linewidth"])'
    write_chapter(tiny, "q1-alpha", "# Alpha" + cell("q1-a", code))
    book = read_book(tiny)
    outputs = execute(book.chapters[1], book, Settings(tiny), lambda line: None).outputs
    assert outputs[1][0].text.split() == ["False", "1.5"]


def test_a_kernel_that_quarto_starts_says_nothing_about_its_socket(tmp_path: Path) -> None:
    with (tmp_path / "said").open("w") as said:
        environment = {**os.environ, **neutral_kernel(tmp_path)}
        manager, client = start_new_kernel(startup_timeout=600, env=environment, stderr=said)
        client.stop_channels()
        manager.shutdown_kernel()
    assert "encryption" not in (tmp_path / "said").read_text()


@pytest.mark.slow
def test_a_module_saved_while_its_chapter_is_executed_executes_it_once_more(
    tiny: Path, tmp_path: Path
) -> None:
    os.mkfifo(tmp_path / "imported")
    code = (
        "from mmn13lib.base import one\nfrom pathlib import Path\n"
        f"if not Path('second').exists():\n    open({str(tmp_path / 'imported')!r}, 'w').close()\n"
        "print(one)"
    )
    write_chapter(tiny, "q1-alpha", "# Alpha" + cell("q1-a", code))
    module = tiny / "mmn13lib/base.py"

    def save() -> None:
        with (tmp_path / "imported").open():  # waits until the cell has imported the module
            (tiny / "second").touch()
            module.write_text("one = 2\n")

    saving = threading.Thread(target=save)
    saving.start()
    book, lines = read_book(tiny), list[str]()
    outputs = execute(book.chapters[1], book, Settings(tiny), lines.append).outputs
    saving.join()
    assert outputs[1][0].text == "2\n"
    assert "q1: mmn13lib/base.py changed while it was executed: once more" in lines
    module.write_text("one = 1\n")
    outputs = execute(book.chapters[1], book, Settings(tiny), lines.append).outputs
    assert outputs[1][0].text == "1\n", "the first output was stored under the first module's key"


@pytest.mark.parametrize("error", [OSError(errno.ENOSPC, "full"), RuntimeError("database is full")])
def test_a_full_disk_costs_no_chapter_that_is_in_the_cache(
    executed: Path, rerun: Rerun, monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    with monkeypatch.context() as patch:

        def full(*arguments: object, **options: object) -> None:
            raise error

        patch.setattr(JupyterCacheBase, "cache_notebook_bundle", full)
        write_chapter(executed, "appendix", "# Extra" + cell("appendix-new", "1"))
        with pytest.raises(UserError, match=r"disk is full|could not be written to"):
            rerun(executed, "appendix")
    shutil.rmtree(executed / "artifacts/cache/chapters")  # so that the cache itself is asked
    assert rerun(executed, "q1") == rerun(executed, "q2") == []


def truncate_notebooks(cache: Path) -> None:
    for path in cache.glob("jupyter/executed/*/base.ipynb"):
        path.write_bytes(path.read_bytes()[:100])


def scramble(pattern: str) -> Callable[[Path], None]:
    def change(cache: Path) -> None:
        found = list(cache.glob(pattern))
        assert found
        for path in found:
            path.write_bytes(b"no such thing")

    return change


@pytest.mark.parametrize(
    ("damage", "executed_again"),
    [
        pytest.param(truncate_notebooks, True, id="truncated notebooks"),
        pytest.param(scramble("jupyter/global.db"), True, id="broken database"),
        pytest.param(lambda cache: shutil.rmtree(cache / "jupyter"), True, id="deleted"),
        pytest.param(lambda cache: shutil.rmtree(cache), True, id="all deleted"),
        pytest.param(scramble("jupyter/__version__.txt"), False, id="another version"),
        pytest.param(scramble("chapters/*/*.json"), False, id="broken records"),
    ],
)
def test_a_damaged_cache_costs_time_at_the_worst(
    executed: Path, rerun: Rerun, damage: Callable[[Path], None], executed_again: bool
) -> None:
    damage(executed / "artifacts/cache")
    assert rerun(executed, "q2") == ["q2-beta"] * executed_again
    assert rerun(executed, "q2") == []


def test_a_cache_file_in_the_way_of_the_folder_is_replaced(executed: Path, rerun: Rerun) -> None:
    shutil.rmtree(executed / "artifacts/cache/jupyter")
    (executed / "artifacts/cache/jupyter").write_text("a file")
    assert rerun(executed, "q2") == ["q2-beta"]
    assert rerun(executed, "q2") == []


def test_a_second_render_waits_for_the_first_and_says_so(
    executed: Path, nothing_to_prepare: list[Settings]
) -> None:
    lines: list[str] = []
    settings = Settings(executed)
    second = threading.Thread(
        target=render_book, args=(settings, "embedded"), kwargs={"progress": lines.append}
    )
    with render_lock(settings, print):
        second.start()
        deadline = time.monotonic() + 120
        while not lines and time.monotonic() < deadline:
            time.sleep(0.02)
        assert lines[0].startswith(f"Another render is running here (process {os.getpid()}, since")
        assert not nothing_to_prepare  # the first render of two may be measuring
    second.join()
    assert "q1: fresh" in lines
    assert (executed / "_report/tiny.pdf").is_file()


@pytest.mark.slow
def test_of_two_first_renders_one_prepares_and_the_other_waits(
    executed: Path, tmp_path: Path
) -> None:
    for barrier in ("inside", "go"):
        os.mkfifo(tmp_path / barrier)
    program = (
        "import os, sys; from pathlib import Path\n"
        "from mmn13lib.foundation.settings import Settings\n"
        "from mmn13lib.rendering import prepare; from mmn13lib.rendering.render import render\n"
        "root, barriers, first = Path(sys.argv[1]), Path(sys.argv[2]), sys.argv[3] == 'first'\n"
        "def measure(*given):\n"
        "    (root / 'measuring').touch(exist_ok=False)\n"
        "    if first:\n"
        "        (barriers / 'inside').write_text('')\n"
        "        (barriers / 'go').read_text()\n"
        "    (root / 'measuring').unlink()\n"
        "    return []\n"
        "prepare.prepare = measure\n"
        "render(Settings(root, offline=True), 'embedded',"
        " progress=lambda line: print(line, flush=True))"
    )

    def start(which: str) -> "subprocess.Popen[str]":
        command = [sys.executable, "-c", program, str(executed), str(tmp_path), which]
        return subprocess.Popen(command, stdout=subprocess.PIPE, text=True)

    with start("first") as first:
        (tmp_path / "inside").read_text()  # waits until the first is measuring
        with start("second") as second:
            assert second.stdout is not None
            said = second.stdout.readline()
            (tmp_path / "go").write_text("")
            rest = second.communicate()[0]
        first.communicate()
    assert said.startswith(f"Another render is running here (process {first.pid}, since")
    assert (first.returncode, second.returncode) == (0, 0)
    assert "The documents are fresh." in rest


@pytest.mark.slow
def test_a_killed_render_leaves_nothing_harmful(executed: Path, rerun: Rerun) -> None:
    write_chapter(executed, "q1-alpha", "# Alpha" + cell("q1-new", "open('done', 'w').close()"))
    slow = "import time\nopen('begun', 'w').close()\ntime.sleep(0 if FAST else 600)"
    text = "# Beta\n\nText." + cell("q2-slow", f"from pathlib import Path\n{slow}")
    write_chapter(executed, "q2-beta", text.replace("FAST", "Path('fast').exists()"))
    program = (
        "from pathlib import Path; from mmn13lib.foundation.settings import Settings\n"
        "from mmn13lib.rendering.render import render_embedded\n"
        f"root = Path({str(executed)!r}); render_embedded(Settings(root))"
    )
    process = subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.DEVNULL)
    deadline = time.monotonic() + 300
    while not (executed / "begun").exists() and time.monotonic() < deadline:
        time.sleep(0.05)
    os.kill(process.pid, signal.SIGKILL)
    process.wait()
    (executed / "done").unlink()
    (executed / "fast").touch()
    (executed / "begun").unlink()
    assert rerun(executed) == []  # neither of the two new chapters writes into that list
    assert not (executed / "done").exists(), "the chapter that was done is executed again"
    assert (executed / "begun").exists(), "the chapter that was killed is taken for done"


def test_rerun_executes_the_chapter_asked_for(executed: Path) -> None:
    lines = render(executed, "q2")
    assert [line for line in lines if ", cell" not in line][:4] == [
        "index: fresh",
        "q1: fresh",
        "q2: asked for",
        "appendix: fresh",
    ]


def test_a_finished_report_is_made_again_if_and_only_if_it_has_to(executed: Path) -> None:
    assert "Making the documents." in render(executed)
    assert "The documents are fresh." in render(executed)
    text = (executed / "report/q2-beta.qmd").read_text()
    (executed / "report/q2-beta.qmd").write_text(text + "\nMore prose.\n")
    lines = render(executed)
    assert "Making the documents." in lines and "q2: fresh" in lines
    assert "More prose." in (executed / "_report/tiny.html").read_text()
    (executed / "_report/tiny.pdf").write_bytes(b"damaged")
    assert "Making the documents." in render(executed)
    assert (executed / "_report/tiny.pdf").read_bytes().startswith(b"%PDF")


def test_an_older_report_of_the_other_engine_is_cleared_away(executed: Path) -> None:
    built = executed / "_report.quarto"
    (built / "site_libs").mkdir(parents=True)
    for name in ("index.html", "site_libs/style.css", "tiny.pdf"):
        (built / name).write_text("older")
    publish(built, executed / "_report")
    (executed / "_report/mine.txt").write_text("somebody's own")
    render(executed)
    assert sorted(path.name for path in (executed / "_report").iterdir()) == [
        publishing.LIST,
        "mine.txt",
        "tiny.html",
        "tiny.pdf",
    ]
    assert list(executed.glob("_report.*")) == [built]


def test_the_pandoc_of_the_installed_wheel_is_taken_whatever_the_path_has(
    executed: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = tmp_path / "pandoc"
    other.write_text('#!/bin/sh\n[ "$1" = --version ] && echo "pandoc 99.0" || exit 3\n')
    other.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    assert "Making the documents." in render(executed)


def test_no_font_of_the_machine_reaches_the_paper(
    executed: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    given: list[object] = []
    compile = typst.compile

    def listening(*arguments: Any, **options: Any) -> object:
        given.append(options.get("ignore_system_fonts"))
        return compile(*arguments, **options)

    monkeypatch.setattr(typst, "compile", listening)
    render(executed)
    assert given == [True]


@pytest.mark.parametrize("error", [errno.ENOSPC, errno.EACCES])
def test_a_full_or_unwritable_disk_ends_with_a_sentence(
    executed: Path, monkeypatch: pytest.MonkeyPatch, error: int
) -> None:
    def fail(*arguments: object) -> None:
        raise OSError(error, os.strerror(error))

    monkeypatch.setattr(document, "build", fail)
    with pytest.raises(UserError, match=r"disk is full|can't be written to"):
        render(executed)
