"""The hooks of a `quarto render`, called as Quarto calls them."""

import os
import re
import shutil
import sqlite3
import subprocess
import sys
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest
from support.tiny_book import PACKAGE, PROJECT

from mmn13lib.foundation.errors import UserError
from mmn13lib.foundation.locks import exclusive
from mmn13lib.foundation.settings import Settings
from mmn13lib.foundation.storage import Damaged, write_json
from mmn13lib.rendering import cache, hook, prepare, quarto
from mmn13lib.rendering.book import Chapter, read_book
from mmn13lib.rendering.cache import status
from mmn13lib.rendering.dependencies import dependencies, digest_source

Play = Callable[..., None]


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
    for line in (PROJECT / "_environment").read_text("utf-8").splitlines():
        if not line.startswith("#"):
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


@pytest.mark.parametrize(
    "touch",
    [
        lambda root: (root / "mmn13lib/unused.py").write_text("# as long"),
        lambda root: (root / "mmn13lib/new.py").touch(),
        lambda root: (root / "report/q2-beta.qmd").write_text("# Beta\n"),
        lambda root: (root / "_quarto.yml.local").write_text("fig-height: 2"),
        lambda root: write_json(root / "artifacts/benchmarks/speed.json", [1]),
        lambda root: write_json(root / "artifacts/results/complete/x.json", [1]),
        lambda root: (root / "weights.pth").write_bytes(b"other"),
        lambda root: (root / "data/cifar-10-batches-py/test_batch").unlink(),
        lambda root: (root / "libraries/some.dist-info").mkdir(),
    ],
    ids=["module", "new", "cell", "option", "measurement", "results", "weights", "data", "library"],
)
def test_the_second_hook_reads_code_again_only_if_a_file_was_touched_meanwhile(
    tiny: Path, built: Path, monkeypatch: pytest.MonkeyPatch, touch: Callable[[Path], object]
) -> None:
    for folder in ("data/cifar-10-batches-py", "libraries"):
        (tiny / folder).mkdir(parents=True)
    (tiny / "data/cifar-10-batches-py/test_batch").touch()
    (tiny / "weights.pth").write_bytes(b"these")
    monkeypatch.syspath_prepend(tiny / "libraries")
    monkeypatch.syspath_prepend(tiny)  # as it is in a render
    monkeypatch.setenv(hook.PREPARED, "1")
    settings = Settings(tiny, tiny / "data", tiny / "weights.pth", offline=True)
    read: list[str] = []

    def note(chapter: Chapter, *others: object) -> dict[str, str]:
        read.append(chapter.short_name)
        return {"all": "the same"}

    monkeypatch.setattr(hook, "dependencies", note)
    hook.before(settings)
    (built / "index.html").write_text("Quarto writes")
    (tiny / "index.typ").write_text("its own files")
    read.clear()
    hook.after(settings, built)
    assert read == []
    hook.before(settings)
    read.clear()
    touch(tiny)
    hook.after(settings, built)
    assert "q1" in read


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


def test_a_python_that_lacks_a_library_is_named(tiny: Path, tmp_path: Path) -> None:
    (tmp_path / "filelock.py").write_text("raise ModuleNotFoundError(name='filelock')")
    result = subprocess.run(
        [sys.executable, str(Path(hook.__file__)), "before"],
        cwd=tiny, env={**os.environ, "PYTHONPATH": str(tmp_path)}, capture_output=True, text=True,
    )  # fmt: skip
    assert result.returncode == 1
    assert "lacks filelock. Activate .venv" in result.stderr and "Traceback" not in result.stderr


def test_the_hook_says_so_if_quarto_chose_another_python(tmp_path: Path) -> None:
    result = subprocess.run(
        [sys.executable, "-S", str(Path(hook.__file__)), "before"],
        cwd=tmp_path, capture_output=True, text=True,
    )  # fmt: skip
    assert result.returncode == 1
    assert "QUARTO_PYTHON" in result.stderr and "Traceback" not in result.stderr
