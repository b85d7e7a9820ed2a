"""Killed at random moments, the packing of a submission ends with the ZIP of one left alone."""

import io
import shutil
import zipfile
from pathlib import Path

import pytest
from pypdf import PdfReader
from support.kills import KILLS, kill_at_random_moments
from support.made_up_results import make_results
from support.tiny_report import VIDEO, fill, reported, write_book

from mmn13lib.benchmarks import measurements
from mmn13lib.foundation.settings import Settings
from mmn13lib.rendering.book import read_book
from mmn13lib.submission import package
from mmn13lib.submission.material import Material, Student

STUDENT = Student("123456782", VIDEO)


def prepared(root: Path) -> None:
    write_book(root)
    (root / "mmn13lib").symlink_to(Path(package.__file__).parents[1])
    measurements.save(Settings(root), "convolution", {"quick": True})


def made(root: Path) -> Path:
    package._execute = fill  # nobody executes: what is killed is all the rest
    package.executed_chapters = lambda material, progress: reported(material.book)
    material = Material(Settings(root), read_book(root), STUDENT, make_results(mode="sample"))
    return package.make(material, lambda line: None)


def content(root: Path) -> dict[str, object]:
    """Take what must be the same every time: everything but the PDF's date."""
    archive = zipfile.ZipFile(made(root))
    found: dict[str, object] = {name: archive.read(name) for name in archive.namelist()}
    pages = PdfReader(io.BytesIO(archive.read("mmn13.pdf"))).pages
    return found | {"mmn13.pdf": [page.extract_text() for page in pages]}


@pytest.mark.slow
@pytest.mark.timeout(100 + 60 * KILLS)
def test_killed_at_random_moments_it_ends_with_the_same_zip(tmp_path: Path) -> None:
    prepared(tmp_path / "ready")

    def begin(root: Path) -> None:
        shutil.copytree(tmp_path / "ready", root, symlinks=True)

    kill_at_random_moments(made, content, tmp_path, begin)
