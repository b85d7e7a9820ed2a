"""Fixtures of the submission: a small report's ZIP, of outputs that nobody executed."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from support.made_up_results import make_results
from support.tiny_report import reported, write_book

from mmn13lib.foundation.settings import Settings
from mmn13lib.submission import package
from mmn13lib.submission.inspection import unzipped
from mmn13lib.submission.student import Student


@pytest.fixture(scope="session")
def nothing_executed() -> Iterator[None]:
    """Let the small report be executed, and question 3 have results."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(package, "load", lambda settings: make_results(mode="sample"))
        patch.setattr(package, "execute_all", lambda chapters, book, *others: reported(book))
        yield


@pytest.fixture(scope="session")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Write the small report."""
    return write_book(tmp_path_factory.mktemp("made") / "book")


@pytest.fixture(scope="session")
def made(root: Path, nothing_executed: None) -> Path:
    """Make the ZIP of the small report."""
    return package.make(Settings(root), Student(), force=True, progress=lambda line: None)


@pytest.fixture
def contents(made: Path) -> dict[str, bytes]:
    """Give what the ZIP holds, for a test to spoil."""
    return unzipped(made)
