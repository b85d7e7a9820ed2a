"""The hooks of a `quarto render`, called as Quarto calls them."""

import os
import re
import subprocess
import sys
from collections.abc import Callable, Iterable
from pathlib import Path

import pytest
from filelock import FileLock, Timeout
from jupyter_cache import get_cache
from jupyter_cache.base import CacheBundleIn
from nbformat.v4 import new_code_cell, new_notebook, new_output
from support.tiny_book import PACKAGE, PROJECT, write_book

from mmn13lib import hook
from mmn13lib import prepare as preparing
from mmn13lib.foundation.errors import UserError
from mmn13lib.foundation.settings import Settings
from mmn13lib.rendering import quarto
from mmn13lib.rendering.book import read_book
from mmn13lib.rendering.cache import status
from mmn13lib.rendering.dependencies import Outside

ALL = ("index", "q1-alpha", "q2-beta", "appendix")


@pytest.fixture
def tiny(tmp_path: Path) -> Path:
    """Write a tiny book."""
    return write_book(tmp_path / "book")


@pytest.fixture
def settings(tiny: Path, monkeypatch: pytest.MonkeyPatch) -> Settings:
    """Settings of the tiny book, for which everything is prepared."""
    monkeypatch.setenv(quarto.PREPARED, "1")
    monkeypatch.setattr(preparing, "outside", lambda settings: {})
    return Settings(tiny)


def execute_as_quarto(root: Path, chapters: Iterable[str] = ALL) -> None:
    """Put chapters into the caches that Quarto would put them into, each cell with an output."""
    for chapter in read_book(root).chapters:
        if chapter.name in chapters:
            sources = [quarto.written_cell(chapter), *(cell.source for cell in chapter.cells[1:])]
            cells = [new_code_cell(source) for source in ["# Quarto's own", *sources]]
            for number, cell in enumerate(cells, 1):
                cell.execution_count = number
                cell.outputs = [new_output("stream", name="stdout", text=chapter.name)]
            cache = get_cache(chapter.path.parent / ".jupyter_cache")
            bundle = CacheBundleIn(new_notebook(cells=cells), f"{chapter.name}.quarto_ipynb")
            cache.cache_notebook_bundle(bundle, overwrite=True)


def build(root: Path, *names: str) -> tuple[Path, list[Path]]:
    """Make files in the folder that Quarto makes; return it, and them as it lists them."""
    folder = root / "_report.quarto"
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text("new")
    return folder, [Path(folder.name, name) for name in names]


def states(settings: Settings) -> dict[str, list[str]]:
    return dict(status(read_book(settings.root), {}, settings))


def hidden_in(root: Path, chapter: str) -> str:
    return (root / f"report/_dependencies/{chapter}.md").read_text("utf-8")


def test_the_hooks_write_the_hidden_cells_store_the_outputs_and_publish_the_report(
    settings: Settings, capsys: pytest.CaptureFixture[str]
) -> None:
    quarto.write_cells(read_book(settings.root))
    hook.before(settings)
    assert len({hidden_in(settings.root, name) for name in ALL}) == 4
    assert 'set_matplotlib_formats("svg", "png")' in hidden_in(settings.root, "q1-alpha")
    assert "q1: it was never executed" in capsys.readouterr().out
    execute_as_quarto(settings.root)
    hook.after(settings, *build(settings.root, "index.html", "libs/a.css", "tiny.pdf"))
    assert (settings.report / "libs/a.css").read_text() == "new"
    assert "from mmn13lib.alpha import f" in (settings.report / "tiny.ipynb").read_text("utf-8")
    assert states(settings) == {name: [] for name in ALL}


def test_only_the_chapters_that_were_executed_are_remembered(settings: Settings) -> None:
    hook.before(settings)
    execute_as_quarto(settings.root, ["q2-beta"])
    hook.after(settings, *build(settings.root, "report/q2-beta.html"))
    assert [name for name, reasons in states(settings).items() if not reasons] == ["q2-beta"]
    (settings.root / "mmn13lib/beta.py").write_text(PACKAGE["beta"] + "# edited\n")
    hook.before(settings)
    hook.after(settings, *build(settings.root, "report/q1-alpha.html"))
    assert states(settings)["q2-beta"] == ["mmn13lib/beta.py was edited"]


@pytest.mark.parametrize(
    "made", [["index.html", "report/q1-alpha.html"], ["tiny.pdf"], ["report/q2-beta.html"]]
)
def test_a_render_of_a_part_leaves_the_last_whole_report(
    settings: Settings, made: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    hook.before(settings)
    execute_as_quarto(settings.root)
    hook.after(settings, *build(settings.root, "index.html", "tiny.pdf"))
    built, files = build(settings.root, *made)
    for file in files:
        (settings.root / file).write_text("newer")
    hook.after(settings, built, files)
    assert "a part of the report" in capsys.readouterr().out
    assert {(settings.report / name).read_text() for name in ("index.html", "tiny.pdf")} == {"new"}


def test_a_chapter_that_changed_while_quarto_rendered_is_not_taken_for_fresh(
    settings: Settings, capsys: pytest.CaptureFixture[str]
) -> None:
    hook.before(settings)
    execute_as_quarto(settings.root)
    (settings.root / "mmn13lib/beta.py").write_text(PACKAGE["beta"] + "# saved meanwhile\n")
    with pytest.raises(UserError, match="render once more"):
        hook.after(settings, *build(settings.root, "index.html", "tiny.pdf"))
    assert "q2: what it is made from changed meanwhile" in capsys.readouterr().out
    assert not settings.report.exists()
    chapter = read_book(settings.root).chapters[2]
    assert quarto.outputs(chapter, quarto.written_cell(chapter)) is None
    (settings.root / "mmn13lib/beta.py").write_text(PACKAGE["beta"])
    assert states(settings)["q2-beta"] == ["it was never executed"]
    assert states(settings)["q1-alpha"] == []


@pytest.mark.parametrize("damage", ["none", "database", "notebook"])
def test_a_cache_that_quarto_would_fail_over_is_deleted_before(
    settings: Settings, damage: str
) -> None:
    hook.before(settings)
    execute_as_quarto(settings.root)
    folder = settings.root / "report/.jupyter_cache"
    if damage == "database":
        (folder / "global.db").write_bytes(b"garbage" * 100)
    elif damage == "notebook":
        for notebook in folder.glob("executed/*/base.ipynb"):
            notebook.write_text('{"cells": [')
    hook.before(settings)
    chapter = read_book(settings.root).chapters[1]
    found = quarto.outputs(chapter, quarto.written_cell(chapter))
    assert (found is not None) == (damage == "none")
    execute_as_quarto(settings.root)


def test_a_chapter_to_run_again_is_dropped_from_quartos_cache_and_no_other(
    settings: Settings,
) -> None:
    hook.before(settings)
    execute_as_quarto(settings.root)
    first, second = read_book(settings.root).chapters[1:3]
    quarto.forget(second, quarto.written_cell(second))
    assert quarto.outputs(second, quarto.written_cell(second)) is None
    assert quarto.outputs(first, quarto.written_cell(first)) is not None


def test_the_folder_of_neutral_settings_is_the_one_that_quarto_is_told_of(
    settings: Settings,
) -> None:
    hook.before(settings)
    lines = (PROJECT / "_environment").read_text("utf-8").splitlines()
    (folder,) = [line.removeprefix("IPYTHONDIR=") for line in lines if line.startswith("IPYTHON")]
    assert (settings.root / folder / "profile_default/ipython_kernel_config.py").is_file()


@pytest.mark.parametrize("folder", ["My%20Project", "what?", "100%"])
def test_a_folder_that_quartos_cache_can_not_lie_in_is_refused_before_anything_is_written(
    settings: Settings, tmp_path: Path, folder: str
) -> None:
    root = settings.root.rename(tmp_path / folder)
    with pytest.raises(UserError, match=r"its cache can't lie in a folder with [%?]"):
        hook.before(Settings(root))
    assert quarto.chosen("auto", root) == "built-in"
    assert [path.name for path in tmp_path.iterdir()] == [folder]


def test_a_plain_quarto_render_prepares_alone_and_says_the_warnings(
    settings: Settings, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.delenv(quarto.PREPARED)

    def prepare(settings: Settings, progress: Callable[[str], None]) -> Outside:
        with pytest.raises(Timeout):
            FileLock(settings.artifacts / "render.lock").acquire(timeout=0)
        progress("NOT CIFAR-10")
        return {}

    monkeypatch.setattr(preparing, "prepare", prepare)
    hook.before(settings)
    assert "NOT CIFAR-10" in capsys.readouterr().out


def run(root: Path, *arguments: str, **variables: str) -> "subprocess.CompletedProcess[str]":
    """Run the hook's file as Quarto does."""
    before, after = arguments[:-1], arguments[-1:]
    return subprocess.run(
        [sys.executable, *before, str(Path(hook.__file__)), *after],
        cwd=root, env=os.environ | variables, capture_output=True, text=True,
    )  # fmt: skip


def test_the_set_up_makes_what_chapters_include_before_quarto_reads_them(tiny: Path) -> None:
    assert run(tiny, "cells").returncode == 0
    for chapter in [tiny / "index.qmd", *tiny.glob("report/q*.qmd")]:
        included = re.search(r"include (\S+)", chapter.read_text("utf-8"))
        assert included and "dependencies" in (chapter.parent / included[1]).read_text("utf-8")
    cell = tiny / "report/_dependencies/q1-alpha.md"
    cell.write_text("of the last render")
    run(tiny, "cells")
    assert cell.read_text() == "of the last render"


@pytest.mark.parametrize("argument", ["after", "afterwards", ""])
def test_a_hook_that_quarto_did_not_run_says_so(tiny: Path, argument: str) -> None:
    result = run(tiny, argument)
    assert result.returncode == 1
    assert "run that, or `mmn13 render`" in result.stderr and "Traceback" not in result.stderr


def test_a_python_that_lacks_a_library_is_named(tiny: Path, tmp_path: Path) -> None:
    (tmp_path / "filelock.py").write_text("raise ModuleNotFoundError(name='filelock')")
    result = run(tiny, "before", PYTHONPATH=str(tmp_path))
    assert result.returncode == 1
    assert "lacks filelock. Activate .venv" in result.stderr and "Traceback" not in result.stderr
    result = run(tiny, "-S", "before")
    assert result.returncode == 1
    assert "QUARTO_PYTHON" in result.stderr and "Traceback" not in result.stderr
