"""`mmn13 submit --check` finds planted faults and says them in sentences."""

import io
import json
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import typst
from pypdf import PdfWriter

from mmn13lib.foundation.errors import UserError
from mmn13lib.rendering.book import Book
from mmn13lib.submission.check import Finding, check, listing, unzipped

VIDEO = "https://zoom.us/rec/play_(1)"
Contents = dict[str, bytes]
Faults = Callable[[Contents], list[str]]


@pytest.fixture
def findings(good: tuple[Book, Contents]) -> Callable[[Contents], list[Finding]]:
    return lambda contents: [*check(contents, good[0])]


@pytest.fixture
def faults(findings: Callable[[Contents], list[Finding]]) -> Faults:
    return lambda contents: [finding.what for finding in findings(contents) if not finding.ok]


def spoil(contents: Contents, label: str, change: Callable[[dict[str, Any]], object]) -> Contents:
    notebook = json.loads(contents["mmn13.ipynb"])
    change(next(cell for cell in notebook["cells"] if cell["id"] == label))
    return {**contents, "mmn13.ipynb": json.dumps(notebook).encode()}


def without(contents: Contents, label: str) -> Contents:
    notebook = json.loads(contents["mmn13.ipynb"])
    notebook["cells"] = [cell for cell in notebook["cells"] if cell["id"] != label]
    return {**contents, "mmn13.ipynb": json.dumps(notebook).encode()}


def test_a_good_submission_has_no_faults(contents: Contents, faults: Faults) -> None:
    assert faults(contents) == []


def test_the_list_names_files_and_folders(contents: Contents) -> None:
    lines = "\n".join(listing(contents))
    assert "mmn13.ipynb" in lines and "mmn13lib/  1 files" in lines


@pytest.mark.parametrize("label", ["q1-equation", "fig-q1-one", "tbl-q1-two"])
def test_a_removed_output_is_found(contents: Contents, faults: Faults, label: str) -> None:
    found = faults(spoil(contents, label, lambda cell: cell["outputs"].clear()))
    assert found == [f"their output is gone: {label}", f"q1-alpha: {label} has no output"]


@pytest.mark.parametrize("label", ["q1-setup", "q1-live", "fig-q1-one", "tbl-q1-two"])
def test_a_removed_cell_is_found(contents: Contents, faults: Faults, label: str) -> None:
    assert faults(without(contents, label)) == [f"q1-alpha: {label} is missing"]


def test_code_that_answers_is_missed(contents: Contents, faults: Faults) -> None:
    found = faults(without(contents, "q1-code"))
    assert found == ["q1-alpha: no cell defines side_by_side (q1-code)"]


def test_an_output_removed_without_a_trace_is_found(contents: Contents, faults: Faults) -> None:
    found = faults(spoil(contents, "fig-q1-one", lambda cell: cell.update(outputs=[], metadata={})))
    assert found == ["q1-alpha: fig-q1-one has no output"]


def test_an_unexecuted_cell_is_found(contents: Contents, faults: Faults) -> None:
    spoilt = spoil(contents, "q1-live", lambda cell: cell.update(execution_count=None))
    assert faults(spoilt) == ["not executed: q1-live"]


def test_cells_run_out_of_order_are_found(contents: Contents, faults: Faults) -> None:
    spoilt = spoil(contents, "q1-code", lambda cell: cell.update(execution_count=99))
    assert faults(spoilt) == [
        "the cells were executed out of order: restart the kernel and run all"
    ]


def test_an_error_is_found(contents: Contents, faults: Faults) -> None:
    error = {"output_type": "error", "ename": "E", "evalue": "", "traceback": []}
    spoilt = spoil(contents, "q1-code", lambda cell: cell["outputs"].append(error))
    assert faults(spoilt) == ["they show an error: q1-code"]


@pytest.mark.parametrize(
    "name", ["mmn13.ipynb", "mmn13.pdf", "README.txt", "requirements.txt", "mmn13lib/__init__.py"]
)
def test_a_missing_file_is_found(contents: Contents, faults: Faults, name: str) -> None:
    del contents[name]
    assert any(fault.startswith(name.split("/")[0]) for fault in faults(contents))


@pytest.mark.parametrize(
    "name",
    [
        "_quarto.yml",
        "artifacts/cache/a.json",
        "artifacts/downloads/cifar-10-batches-py/data_batch_1",
        "data/batch_1",
        "mmn13lib/../../a.py",
        "mmn13lib/__pycache__/a.pyc",
        "mmn13lib/notes.txt",
    ],
)
def test_what_does_not_belong_there_is_found(contents: Contents, faults: Faults, name: str) -> None:
    assert faults({**contents, name: b"x"}) == [f"it does not belong here: {name}"]


def test_a_missing_link_is_found_everywhere(contents: Contents, faults: Faults) -> None:
    spoilt = spoil(contents, "front", lambda cell: cell.update(source="# Title"))
    spoilt |= {"README.txt": b"none", "mmn13.pdf": bytes(typst.compile(b"= References"))}
    assert sum("link" in fault for fault in faults(spoilt)) == 3


def test_another_videos_link_is_found(contents: Contents, faults: Faults) -> None:
    found = faults({**contents, "README.txt": b"Video: https://zoom.us/rec/another"})
    assert len(found) == 2 and all("not that of README.txt" in fault for fault in found)


def test_a_placeholder_in_the_links_place_is_asked_about(
    contents: Contents, findings: Callable[[Contents], list[Finding]]
) -> None:
    contents["README.txt"] = b"Video: https://example.org/video"
    asked = [finding.what for finding in findings(contents) if finding.ok is None]
    assert asked == [
        "https://example.org/video looks like a placeholder: is it the video's address?"
    ]


def test_a_pdf_of_the_contents_alone_is_found(contents: Contents, faults: Faults) -> None:
    writer = PdfWriter()
    writer.append(io.BytesIO(contents["mmn13.pdf"]), pages=(0, 1))
    cut = io.BytesIO()
    writer.write(cut)
    found = faults({**contents, "mmn13.pdf": cut.getvalue()})
    assert found == ["the PDF lacks the chapter Alpha", "the PDF lacks the chapter References"]


def test_a_pdf_without_a_chapter_is_found(contents: Contents, faults: Faults) -> None:
    pdf = bytes(typst.compile(f'#link("{VIDEO}")[video]\n#pagebreak()\n= References'.encode()))
    assert faults({**contents, "mmn13.pdf": pdf}) == ["the PDF lacks the chapter Alpha"]


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b'{"cells": 1}', b"\xff"])
def test_a_broken_notebook_is_a_fault_not_a_crash(
    contents: Contents, faults: Faults, content: bytes
) -> None:
    assert faults({**contents, "mmn13.ipynb": content})


def test_a_broken_pdf_is_a_fault_not_a_crash(contents: Contents, faults: Faults) -> None:
    found = faults({**contents, "mmn13.pdf": b"%PDF-1.7 no more"})
    assert any("PDF" in fault for fault in found)


def test_files_are_read_and_folders_are_not(contents: Contents, tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as archive:
        archive.mkdir("mmn13lib")
        for name, content in contents.items():
            archive.writestr(name, content)
    assert unzipped(tmp_path / "a.zip") == contents


def test_what_is_no_zip_is_said_in_a_sentence(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="no file"):
        unzipped(tmp_path / "absent.zip")
    (tmp_path / "a.zip").write_bytes(b"no zip")
    with pytest.raises(UserError, match="no ZIP"):
        unzipped(tmp_path / "a.zip")


def test_a_flipped_byte_is_said_in_a_sentence(contents: Contents, tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "a.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("mmn13.ipynb", contents["mmn13.ipynb"])
    spoilt = bytearray((tmp_path / "a.zip").read_bytes())
    spoilt[60] ^= 0xFF
    (tmp_path / "a.zip").write_bytes(spoilt)
    with pytest.raises(UserError, match="no ZIP"):
        unzipped(tmp_path / "a.zip")
