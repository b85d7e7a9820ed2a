"""A small report's ZIP, with made-up results and made-up outputs: everything but the execution."""

import shutil
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from support.made_up_results import make_results
from support.tiny_report import VIDEO, fill, reported, write_book

from mmn13lib.benchmarks import measurements
from mmn13lib.foundation.settings import Settings
from mmn13lib.rendering.book import read_book
from mmn13lib.submission import package
from mmn13lib.submission.check import check, unzipped
from mmn13lib.submission.contents import belongs
from mmn13lib.submission.material import SAMPLE, Material, Student

PROJECT = Path(__file__).parents[2]
STUDENT = Student("123456782", VIDEO)


def make(student: Student, root: Path) -> Path:
    config = (root / "_quarto.yml").read_text("utf-8").replace(STUDENT.id, student.id)
    (root / "_quarto.yml").write_text(config, "utf-8")
    results = make_results(mode="sample")
    material = Material(Settings(root), read_book(root), student, results)
    return package.make(material, lambda line: None)


@pytest.fixture(scope="module")
def executed() -> Iterator[list[int]]:
    """Count the executions, and make up what they give."""
    executed: list[int] = []

    def execute(*given: object) -> dict[str, float]:
        executed.append(1)
        return fill(*given)  # type: ignore[arg-type]

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(package, "_execute", execute)
        patch.setattr(
            package, "executed_chapters", lambda material, progress: reported(material.book)
        )
        yield executed


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory, executed: list[int]) -> Path:
    """Make the ZIP."""
    root = write_book(tmp_path_factory.mktemp("made") / "book")
    (root / "mmn13lib").symlink_to(PROJECT / "mmn13lib")
    measurements.save(Settings(root), "convolution", {"quick": True})
    return make(STUDENT, root)


@pytest.fixture
def again(made: Path, tmp_path: Path, executed: list[int]) -> Path:
    """Give a copy of the folder that it was made in, where nothing was executed since."""
    executed.clear()
    return shutil.copytree(made.parents[1], tmp_path / "again", symlinks=True)


def test_a_grader_finds_everything_in_what_is_made(made: Path) -> None:
    findings = check(unzipped(made), read_book(made.parents[1]))
    assert [finding.what for finding in findings if not finding.ok] == []


def test_the_zip_holds_what_run_all_needs_and_nothing_else(made: Path) -> None:
    archive = zipfile.ZipFile(made)
    names = set(archive.namelist())
    assert {
        "README.txt",
        "artifacts/benchmarks/convolution.json",
        "artifacts/results/submitted/results.safetensors",
        "mmn13.ipynb",
        "requirements.txt",
    } <= names
    assert all(belongs(name) for name in names)
    assert made.stat().st_size < package.LARGEST
    read_me = archive.read("README.txt").decode()
    assert VIDEO in read_me and SAMPLE in read_me and "jupyter lab" in read_me


def test_warnings_and_times_stay_here(made: Path) -> None:
    notebook = zipfile.ZipFile(made).read("mmn13.ipynb").decode()
    for trace in ("UserWarning", '"seconds"', str(PROJECT), str(made.parents[1])):
        assert trace not in notebook, trace


def test_a_new_front_page_executes_nothing(again: Path, executed: list[int]) -> None:
    other = make(Student("000000018", VIDEO), again)
    assert executed == []
    front = zipfile.ZipFile(other).read("mmn13.ipynb").decode()
    assert "000000018" in front


def test_a_damaged_store_is_executed_again(again: Path, executed: list[int]) -> None:
    (kept,) = (again / "artifacts/cache/notebooks").glob("*.json")
    kept.write_bytes(kept.read_bytes()[:-9])
    make(STUDENT, again)
    assert executed == [1]
