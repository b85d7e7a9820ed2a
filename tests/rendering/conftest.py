"""Fixtures of rendering: a tiny book, fresh or executed."""

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from support.bare_python import run_bare
from support.tiny_book import write_book

from mmn13lib.foundation.settings import Settings
from mmn13lib.rendering import execution, quarto
from mmn13lib.rendering.book import read_book
from mmn13lib.rendering.execution import execute_all


@pytest.fixture
def tiny(tmp_path: Path) -> Path:
    """Write a fresh tiny book that was never executed."""
    return write_book(tmp_path / "book")


@pytest.fixture(scope="session")
def executed_once(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Execute a tiny book; tests take copies of it, with what is stored."""
    book = read_book(write_book(tmp_path_factory.mktemp("executed") / "book"))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(execution, "run_cells", run_bare)
        execute_all(book.chapters, book, Settings(book.root), {}, lambda line: None)
    return book.root


@pytest.fixture
def executed(executed_once: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return a copy of the executed tiny book, which this process executes without kernels."""
    monkeypatch.setattr(execution, "run_cells", run_bare)
    return shutil.copytree(executed_once, tmp_path / "copy")


@pytest.fixture
def rerun() -> Callable[..., list[str]]:
    """Execute a book's chapters, or only one, and list the labels of the cells that ran."""

    def run(root: Path, only: str = "") -> list[str]:
        log = root / "executed.txt"
        log.unlink(missing_ok=True)
        book = read_book(root)
        chapters = [chapter for chapter in book.chapters if only in ("", chapter.short_name)]
        execute_all(chapters, book, Settings(root), {}, lambda line: None)
        return log.read_text().split() if log.exists() else []

    return run


@pytest.fixture
def play(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """Have an executable stand in for Quarto that ends as told."""

    def put(version: str = "1.9.38", ends: str = "exit 0") -> None:
        folder = tmp_path / "bin"
        folder.mkdir(exist_ok=True)
        script = folder / "quarto"
        script.write_text(
            f'#!/bin/sh\nif [ "$1" = --version ]; then echo {version}; exit 0; fi\n{ends}\n'
        )
        script.chmod(0o755)
        monkeypatch.setattr(quarto, "executable", lambda: str(script))

    return put
