"""Fixtures of the submission: a small report's ZIP, of outputs that nobody executed."""

from pathlib import Path

import pytest
from support.made_up_results import make_results
from support.tiny_report import reported, write_book

from mmn13lib.foundation.settings import Settings
from mmn13lib.submission import package
from mmn13lib.submission.inspection import unzipped
from mmn13lib.submission.student import Student


def execute_nothing(patch: pytest.MonkeyPatch) -> None:
    """Let the small report be executed, and question 3 have results."""
    patch.setattr(package, "load", lambda settings: make_results(mode="sample"))
    patch.setattr(package, "execute_all", lambda chapters, book, *others: reported(book))


@pytest.fixture
def nothing_executed(monkeypatch: pytest.MonkeyPatch) -> None:
    execute_nothing(monkeypatch)


@pytest.fixture(scope="session")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Write the small report."""
    return write_book(tmp_path_factory.mktemp("made") / "book")


@pytest.fixture(scope="session")
def made(root: Path) -> Path:
    """Make the ZIP of the small report."""
    with pytest.MonkeyPatch.context() as patch:
        execute_nothing(patch)
        return package.make(Settings(root), Student(), force=True, progress=lambda line: None)


@pytest.fixture
def contents(made: Path) -> dict[str, bytes]:
    """Give what the ZIP holds, for a test to spoil."""
    return unzipped(made)
