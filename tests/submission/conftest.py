"""Fixtures of the submission: made-up results, a small report, and a ZIP as it should be."""

import json
from pathlib import Path

import pytest
from support.made_up_results import made_up_results  # noqa: F401 - a fixture
from support.tiny_report import VIDEO, fill, reported, write_book

from mmn13lib.rendering.book import Book, read_book
from mmn13lib.submission import notebook as notebooks
from mmn13lib.submission.check import titles


@pytest.fixture
def book(tmp_path: Path) -> Book:
    """Read the small report."""
    return read_book(write_book(tmp_path / "book"))


@pytest.fixture(scope="session")
def good(tmp_path_factory: pytest.TempPathFactory) -> tuple[Book, dict[str, bytes]]:
    """Make what a good submission holds, with a PDF of the titles alone."""
    import typst

    folder = tmp_path_factory.mktemp("good")
    book = read_book(write_book(folder / "book"))
    draft = notebooks.draft(reported(book), book, folder)
    fill(draft.notebook, folder, None)
    notebooks.finish(draft)
    headings = "\n\n".join(f"= {title}" for title in titles(book))
    pdf = f'#link("{VIDEO}")[video]\n#outline()\n#pagebreak()\n{headings}'
    return book, {
        "mmn13.ipynb": json.dumps(draft.notebook).encode(),
        "mmn13.pdf": bytes(typst.compile(pdf.encode())),
        "README.txt": f"Video: {VIDEO}\n".encode(),
        "requirements.txt": b"numpy==2.4.6\n",
        "mmn13lib/__init__.py": b'"""The package."""\n',
        "artifacts/benchmarks/convolution.json": b"{}",
    }


@pytest.fixture
def contents(good: tuple[Book, dict[str, bytes]]) -> dict[str, bytes]:
    """Give what a good submission holds, for a test to spoil."""
    return dict(good[1])
