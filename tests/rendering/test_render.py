"""A render as a whole: alone or in company, killed, repeated, on a full disk."""

import os
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
from support.tiny_book import cell, write_chapter

from mmn13lib.foundation.errors import UserError
from mmn13lib.foundation.locks import exclusive
from mmn13lib.foundation.settings import Settings
from mmn13lib.rendering import document
from mmn13lib.rendering.render import Outside
from mmn13lib.rendering.render import render as render_book

Rerun = Callable[..., list[str]]


def render(root: Path, *rerun: str) -> list[str]:
    lines: list[str] = []
    render_book(Settings(root), dict, "built-in", rerun, lines.append)
    return lines


def test_a_second_render_waits_for_the_first_and_says_so(executed: Path) -> None:
    lines: list[str] = []
    prepared: list[bool] = []
    settings = Settings(executed)

    def prepare() -> Outside:
        prepared.append(True)
        return {}

    given = (settings, prepare, "built-in", (), lines.append)
    second = threading.Thread(target=render_book, args=given)
    with exclusive(settings.artifacts / "render.lock", print):
        second.start()
        deadline = time.monotonic() + 120
        while not lines and time.monotonic() < deadline:
            time.sleep(0.02)
        assert lines[0].startswith(f"Another render is running in process {os.getpid()}, since")
        assert not prepared  # the first render of two may be measuring
    second.join()
    assert "q1: fresh" in lines
    assert (executed / "_report/tiny.pdf").is_file()


@pytest.mark.slow
def test_a_killed_render_leaves_nothing_harmful(executed: Path, rerun: Rerun) -> None:
    write_chapter(executed, "q1-alpha", "# Alpha" + cell("q1-new", "open('done', 'w').close()"))
    slow = "import time\nopen('begun', 'w').close()\ntime.sleep(0 if FAST else 600)"
    text = "# Beta\n\nText." + cell("q2-slow", f"from pathlib import Path\n{slow}")
    write_chapter(executed, "q2-beta", text.replace("FAST", "Path('fast').exists()"))
    program = (
        "from pathlib import Path; from mmn13lib.foundation.settings import Settings\n"
        "from mmn13lib.rendering import execution; execution.AT_ONCE = 1\n"
        "from mmn13lib.rendering.render import render\n"
        f"root = Path({str(executed)!r}); render(Settings(root), lambda: {{}}, 'built-in')"
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
    about = {line for line in render(executed, "q2") if line.endswith(("fresh", "asked for"))}
    assert about == {"index: fresh", "q1: fresh", "q2: asked for", "appendix: fresh"}


def test_prose_is_in_the_next_report_without_an_execution(executed: Path) -> None:
    render(executed)
    text = (executed / "report/q2-beta.qmd").read_text()
    (executed / "report/q2-beta.qmd").write_text(text + "\nMore prose.\n")
    assert "q2: fresh" in render(executed)
    assert "More prose." in (executed / "_report/tiny.html").read_text()


def test_no_two_formats_write_into_the_same_folder(
    executed: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folders: list[Path] = []
    build = document.build

    def listening(executed: Any, book: Any, folder: Path, *given: Any) -> Any:
        folders.append(folder)
        return build(executed, book, folder, *given)

    monkeypatch.setattr(document, "build", listening)
    render(executed)
    assert len(folders) == len(set(folders)) == 2


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
    assert any(line.startswith("q2: its cells were edited") for line in lines)
