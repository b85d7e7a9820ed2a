"""Fixtures of the press: a tiny book, fresh or executed."""

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from support.bare_python import run_bare
from support.tiny_book import write_book

from mmn13lib.foundation.settings import Settings
from mmn13lib.rendering import execution, prepare
from mmn13lib.rendering.book import read_book
from mmn13lib.rendering.execution import execute


@pytest.fixture
def tiny(tmp_path: Path) -> Path:
    """Give a fresh tiny book that was never executed."""
    return write_book(tmp_path / "book")


@pytest.fixture(scope="session")
def executed_once(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Execute a tiny book; tests take copies of it, cache and all."""
    book = read_book(write_book(tmp_path_factory.mktemp("executed") / "book"))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(execution, "run_notebook", run_bare)
        for chapter in book.chapters:
            execute(chapter, book, Settings(book.root, offline=True), lambda line: None)
    return book.root


@pytest.fixture
def executed(executed_once: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Give a copy of the executed tiny book, which this process executes without kernels."""
    monkeypatch.setattr(execution, "run_notebook", run_bare)
    return shutil.copytree(executed_once, tmp_path / "copy")


@pytest.fixture
def nothing_to_prepare(monkeypatch: pytest.MonkeyPatch) -> list[Settings]:
    """Take data, experiment and measurements for done; list the settings they were asked with."""
    asked: list[Settings] = []

    def nothing(settings: Settings, *arguments: object) -> list[str]:
        asked.append(settings)
        return []

    monkeypatch.setattr(prepare, "prepare", nothing)
    return asked


@pytest.fixture
def rerun() -> Callable[..., list[str]]:
    """Execute a book's chapters, or only one, and list the labels of the cells that ran."""

    def run(root: Path, only: str = "") -> list[str]:
        log = root / "executed.txt"
        log.unlink(missing_ok=True)
        book = read_book(root)
        for chapter in book.chapters:
            if only in ("", chapter.short_name):
                execute(chapter, book, Settings(root, offline=True), lambda line: None)
        return log.read_text().split() if log.exists() else []

    return run


@pytest.fixture
def play(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
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
