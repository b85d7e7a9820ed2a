"""Executing chapters: in their place, with nobody's own settings, and once more after a change."""

import errno
import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from support.bare_python import run_bare
from support.tiny_book import cell, write_chapter

from mmn13lib.foundation import storage
from mmn13lib.foundation.errors import UserError
from mmn13lib.foundation.settings import Settings
from mmn13lib.rendering import execution
from mmn13lib.rendering.book import Chapter, read_book
from mmn13lib.rendering.cache import Outputs
from mmn13lib.rendering.execution import KEPT, Executed, execute_all

Rerun = Callable[..., list[str]]


def execute(settings: Settings, lines: list[str] | None = None, rerun: bool = False) -> Executed:
    """Execute the tiny book's second chapter."""
    book = read_book(settings.root)
    chapter = book.chapters[1]
    say = (lambda line: None) if lines is None else lines.append
    return execute_all([chapter], book, settings, {}, say, [chapter] * rerun)[0]


@pytest.mark.slow
def test_cells_work_in_the_project_folder_with_its_package_and_the_run_settings(
    tiny: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # another package of the same name comes first on the path
    monkeypatch.setenv("PYTHONPATH", str(Path(__file__).parents[2]))
    code = 'import os, mmn13lib.base\nprint(os.getcwd(), os.environ["MMN13_DATA"])'
    write_chapter(tiny, "q1-alpha", "# Alpha" + cell("q1-a", code))
    settings = Settings(tiny, data=tiny / "data", offline=True)
    outputs = execute(settings).outputs
    assert outputs[1][0].text.split() == [str(tiny), str(tiny / "data")]


@pytest.mark.slow
def test_a_kernel_that_dies_is_an_error_too(tiny: Path) -> None:
    write_chapter(tiny, "q1-alpha", "# Alpha" + cell("q1-a", "import os; os._exit(1)"))
    with pytest.raises(
        UserError, match=r"q1-a failed: Python died while it ran \(DeadKernelError: Kernel died\)"
    ):
        execute(Settings(tiny))


def test_after_a_failure_no_other_chapter_begins(
    tiny: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    book, begun = read_book(tiny), list[str]()

    def fail(chapter: Chapter, *given: object) -> None:
        begun.append(chapter.name)
        raise UserError("This one fails.")

    monkeypatch.setattr(execution, "run_cells", fail)
    monkeypatch.setattr(execution, "AT_ONCE", 1)
    with pytest.raises(UserError, match="This one fails"):
        execute_all(book.chapters, book, Settings(tiny), {})
    assert begun == ["index"]


@pytest.mark.slow
def test_an_interrupted_render_says_so_and_no_more(tiny: Path, tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "begun")
    code = f"import time\nopen({str(tmp_path / 'begun')!r}, 'w').close()\ntime.sleep(600)"
    write_chapter(tiny, "index", "# At a glance" + cell("index-slow", code))
    program = (
        "import sys; from pathlib import Path; from mmn13lib.foundation.settings import Settings\n"
        "from mmn13lib.rendering.render import render\n"
        "from mmn13lib.foundation.errors import UserError\n"
        "try: render(Settings(Path(sys.argv[1])), lambda: {}, 'built-in')\n"
        "except UserError as error: sys.exit(str(error))"
    )
    command = [sys.executable, "-c", program, str(tiny)]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as process:
        (tmp_path / "begun").read_text()  # waits until the cell is at work
        process.send_signal(signal.SIGINT)
        try:
            _, said = process.communicate(timeout=60)
        finally:
            process.kill()
    assert said == f"Interrupted. {KEPT}\n"


@pytest.mark.slow
def test_nobodys_own_settings_reach_the_cells(
    tiny: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def write(name: str, text: str) -> str:
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)
        return str(tmp_path / name)

    kernel = '{"argv": ["false"], "display_name": "Mine", "language": "python"}'
    write("jupyter/kernels/python3/kernel.json", kernel)
    monkeypatch.setenv("JUPYTER_PATH", str(tmp_path / "jupyter"))
    monkeypatch.setenv("MATPLOTLIBRC", write("matplotlibrc", "lines.linewidth: 9"))
    monkeypatch.setenv("MPLBACKEND", "module://backend_interagg")  # as PyCharm does
    monkeypatch.setenv("PYTHONSTARTUP", write("startup.py", "hidden = 1"))
    write("profile_default/startup/00.py", "hidden = 2")
    monkeypatch.setenv("IPYTHONDIR", str(tmp_path))
    # the machine's, in /etc or beside Python
    everybodys = "c.PlainTextFormatter.float_precision = '%.1f'\n"
    everybodys += "c.InteractiveShellApp.exec_lines = ['hidden = 3']"
    folder = write("etc/ipython_config.py", everybodys).removesuffix("/ipython_config.py")
    put = f"from IPython.core import application as a; a.SYSTEM_CONFIG_DIRS.append({folder!r})\n"
    monkeypatch.setattr(execution, "_START", put + execution._START)
    deep = tmp_path / ("d" * 100)
    deep.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(deep))
    code = (
        'import matplotlib.pyplot as plt\nprint("hidden" in globals())\n'
        'print(plt.rcParams["lines.linewidth"])\nplt.plot([0])\n0.123456'
    )
    write_chapter(tiny, "q1-alpha", "# Alpha" + cell("q1-a", code))
    printed, number, figure = execute(Settings(tiny)).outputs[1]
    assert printed.text.split() == ["False", "1.5"]
    assert number.data["text/plain"] == "0.123456"
    assert {"image/svg+xml", "image/png"} <= figure.data.keys()


@pytest.mark.parametrize(
    ("ends", "words"),
    [
        ("echo 'ImportError: libfoo.so is missing' >&2; exit 1", "ImportError: libfoo.so is missi"),
        ("kill -9 $$", "RuntimeError: Kernel died before replying"),
        (RuntimeError("Could not determine home directory."), "Could not determine home directory"),
        (OSError(28, "No space left"), "No space left"),
    ],
    ids=["it says why", "killed", "no home", "a full disk"],
)
def test_a_kernel_that_does_not_start_says_why(
    tiny: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, ends: str | Exception, words: str
) -> None:
    def fail(*given: object) -> None:
        assert isinstance(ends, Exception)
        raise ends

    if isinstance(ends, str):
        (tmp_path / "python").write_text(f"#!/bin/sh\n{ends}\n")
        (tmp_path / "python").chmod(0o755)
        program = SimpleNamespace(executable=str(tmp_path / "python"))
        monkeypatch.setattr(execution, "sys", program)
    else:
        monkeypatch.setattr(execution, "neutral_kernel", fail)
    with pytest.raises(UserError, match="did not start") as raised:
        execute(Settings(tiny))
    assert words in str(raised.value) and "memory" not in str(raised.value)


def test_what_a_chapter_gave_while_its_module_was_saved_is_not_stored(
    executed: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    module, lines = executed / "mmn13lib/base.py", list[str]()

    def saving(*given: Any) -> Outputs:
        outputs = run_bare(*given)
        module.write_text("one = 3\n")
        return outputs

    monkeypatch.setattr(execution, "run_cells", saving)
    module.write_text("one = 2\n")
    execute(Settings(executed), lines)
    assert lines[-1] == "q1: mmn13lib/base.py was edited meanwhile: render it once more"
    for text in ("one = 3\n", "one = 2\n"):
        module.write_text(text)
        execute(Settings(executed), lines)
        assert "q1: fresh" not in lines


@pytest.mark.parametrize("error", [errno.ENOSPC, errno.EACCES])
def test_a_full_disk_costs_no_chapter_that_is_stored(
    executed: Path, rerun: Rerun, monkeypatch: pytest.MonkeyPatch, error: int
) -> None:
    with monkeypatch.context() as patch:

        def full(*arguments: object) -> None:
            raise OSError(error, os.strerror(error))

        patch.setattr(storage, "write_bytes", full)
        write_chapter(executed, "appendix", "# Extra" + cell("appendix-new", "1"))
        with pytest.raises(OSError, match=os.strerror(error)):
            rerun(executed, "appendix")
    assert rerun(executed, "q1") == rerun(executed, "q2") == []
