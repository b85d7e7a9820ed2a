"""Killed at random moments, the packing of a submission ends with the ZIP of one left alone."""

import io
import zipfile
from pathlib import Path

import pytest
from pypdf import PdfReader
from support.kills import KILLS, kill_at_random_moments
from support.made_up_results import make_results
from support.tiny_report import reported, write_book

from mmn13lib.foundation.settings import Settings
from mmn13lib.submission import package
from mmn13lib.submission.student import Student


def made(root: Path) -> Path:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(package, "load", lambda settings: make_results(mode="sample"))
        patch.setattr(package, "execute_all", lambda chapters, book, *others: reported(book))
        return package.make(Settings(root), Student(), force=True, progress=lambda line: None)


def content(root: Path) -> dict[str, object]:
    """Take what must be the same every time: everything but the PDF's date."""
    archive = zipfile.ZipFile(made(root))
    found: dict[str, object] = {name: archive.read(name) for name in archive.namelist()}
    pages = PdfReader(io.BytesIO(archive.read("mmn13.pdf"))).pages
    return found | {"mmn13.pdf": [page.extract_text() for page in pages]}


@pytest.mark.slow
@pytest.mark.timeout(100 + 60 * KILLS)
def test_killed_at_random_moments_it_ends_with_the_same_zip(tmp_path: Path) -> None:
    kill_at_random_moments(made, content, tmp_path, write_book)
