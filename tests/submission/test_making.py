"""The real book's ZIP, with made-up results and made-up outputs: everything but the execution."""

import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import nbformat
import pytest

from mmn13lib.benchmarks import measurements
from mmn13lib.foundation.settings import Settings
from mmn13lib.q3_transfer.results.records import Results
from mmn13lib.rendering.book import read_book
from mmn13lib.submission import package
from mmn13lib.submission.check import PARTS, PICTURE, check
from mmn13lib.submission.contents import belongs
from mmn13lib.submission.identity import Student
from mmn13lib.submission.material import SAMPLE, Material

PROJECT = Path(__file__).parents[2]
STUDENT = Student("123456782", "https://example.org/video_1")


def fill(notebook: Any, folder: Path, progress: object) -> None:
    """Stand in for the execution: number the cells, show something, warn with a path."""
    kinds = dict(PARTS.values())
    cells = [cell for cell in notebook.cells if cell.cell_type == "code"]
    for count, cell in enumerate(cells, start=1):
        cell.execution_count = count
        kind = kinds.get(cell.id)
        if kind == "stream":
            cell.outputs = [nbformat.v4.new_output("stream", text="printed")]
        elif kind:
            content = "iVBORw0KGgo=" if kind == PICTURE else "some words"
            cell.outputs = [nbformat.v4.new_output("display_data", {kind: content})]
        warning = f"{folder}/mmn13lib/a.py:1: UserWarning"
        cell.outputs.append(nbformat.v4.new_output("stream", name="stderr", text=warning))
        cell.metadata.mmn13.seconds = 1.0
    equations = ("outputs", "dk-matrix", "dx-matrix", "linear-image", "linear-kernel")
    labels = [f"$$ x $$ {{#eq-q2-{name}}}" for name in equations]
    next(cell for cell in cells if cell.id == "q2-outputs").outputs[0].data = {
        "text/markdown": "\n\n".join(labels)
    }


@pytest.fixture
def made(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    made_up_results: Callable[..., Results],
    made_up_pdf: bytes,
) -> Path:
    (tmp_path / "mmn13lib").symlink_to(PROJECT / "mmn13lib")
    settings = Settings(tmp_path)
    measurements.save(settings, "convolution", {"quick": True})
    executed = []
    monkeypatch.setattr(
        package.running, "execute", lambda *given: (executed.append(1), fill(*given))
    )
    monkeypatch.setattr(package, "_report", lambda target, *_: target.write_bytes(made_up_pdf))
    results = made_up_results(mode="sample")
    material = Material(settings, read_book(PROJECT), STUDENT, results)
    path = package.make(material, lambda line: None)
    assert package.make(material, lambda line: None) == path
    assert len(executed) == 1  # the second time it is found
    return path


def test_a_grader_finds_everything_in_what_is_made(made: Path) -> None:
    assert [finding.what for finding in check(made) if not finding.ok] == []


def test_the_zip_holds_what_run_all_needs_and_nothing_else(made: Path) -> None:
    archive = zipfile.ZipFile(made)
    names = set(archive.namelist())
    assert {
        "README.txt",
        "artifacts/benchmarks/convolution.json",
        "artifacts/references.json",
        "artifacts/results/submitted/results.safetensors",
        "mmn13.ipynb",
        "mmn13lib/submission/runtime.py",
        "requirements.txt",
    } <= names
    assert all(belongs(name) for name in names)
    assert made.stat().st_size < package.LARGEST
    read_me = archive.read("README.txt").decode()
    assert STUDENT.video in read_me and SAMPLE in read_me and "jupyter lab" in read_me


def test_warnings_and_times_stay_here(made: Path) -> None:
    notebook = zipfile.ZipFile(made).read("mmn13.ipynb").decode()
    for trace in ("UserWarning", '"seconds"', str(PROJECT), str(made.parents[1])):
        assert trace not in notebook, trace
