"""A small report's ZIP, with made-up results and made-up outputs: everything but the execution."""

import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest
from support.tiny_report import VIDEO, fill, reported, write_book

from mmn13lib.benchmarks import measurements
from mmn13lib.foundation.settings import Settings
from mmn13lib.q3_transfer.results.records import Results
from mmn13lib.rendering.book import read_book
from mmn13lib.submission import package
from mmn13lib.submission.check import check, unzipped
from mmn13lib.submission.contents import belongs
from mmn13lib.submission.material import SAMPLE, Material, Student

PROJECT = Path(__file__).parents[2]
STUDENT = Student("123456782", VIDEO)
Make = Callable[[Student], Path]


@pytest.fixture
def executed(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Count the executions, and make up what they give."""
    executed: list[int] = []

    def execute(*given: object) -> dict[str, float]:
        executed.append(1)
        return fill(*given)  # type: ignore[arg-type]

    monkeypatch.setattr(package, "_execute", execute)
    monkeypatch.setattr(
        package, "executed_chapters", lambda material, progress: reported(material.book)
    )
    return executed


@pytest.fixture
def make(tmp_path: Path, executed: list[int], made_up_results: Callable[..., Results]) -> Make:
    root = write_book(tmp_path / "book")
    (root / "mmn13lib").symlink_to(PROJECT / "mmn13lib")
    measurements.save(Settings(root), "convolution", {"quick": True})
    results = made_up_results(mode="sample")

    def run(student: Student) -> Path:
        config = (root / "_quarto.yml").read_text("utf-8").replace(STUDENT.id, student.id)
        (root / "_quarto.yml").write_text(config, "utf-8")
        material = Material(Settings(root), read_book(root), student, results)
        return package.make(material, lambda line: None)

    return run


def test_a_grader_finds_everything_in_what_is_made(make: Make) -> None:
    made = make(STUDENT)
    findings = check(unzipped(made), read_book(made.parents[1]))
    assert [finding.what for finding in findings if not finding.ok] == []


def test_the_zip_holds_what_run_all_needs_and_nothing_else(make: Make) -> None:
    made = make(STUDENT)
    archive = zipfile.ZipFile(made)
    names = set(archive.namelist())
    assert {
        "README.txt",
        "artifacts/benchmarks/convolution.json",
        "artifacts/results/submitted/results.safetensors",
        "mmn13.ipynb",
        "mmn13lib/rendering/templates/report.md",
        "requirements.txt",
    } <= names
    assert all(belongs(name) for name in names)
    assert made.stat().st_size < package.LARGEST
    read_me = archive.read("README.txt").decode()
    assert VIDEO in read_me and SAMPLE in read_me and "jupyter lab" in read_me


def test_warnings_and_times_stay_here(make: Make) -> None:
    made = make(STUDENT)
    notebook = zipfile.ZipFile(made).read("mmn13.ipynb").decode()
    for trace in ("UserWarning", '"seconds"', str(PROJECT), str(made.parents[1])):
        assert trace not in notebook, trace


def test_a_new_front_page_executes_nothing(make: Make, executed: list[int]) -> None:
    make(STUDENT)
    other = make(Student("000000018", VIDEO))
    assert len(executed) == 1
    front = zipfile.ZipFile(other).read("mmn13.ipynb").decode()
    assert "000000018" in front


def test_a_damaged_store_is_executed_again(make: Make, executed: list[int]) -> None:
    made = make(STUDENT)
    (kept,) = (made.parents[1] / "artifacts/cache/notebooks").glob("*.json")
    kept.write_bytes(kept.read_bytes()[:-9])
    assert make(STUDENT) == made
    assert len(executed) == 2
