"""`mmn13 submit --check` finds planted faults and says them in sentences."""

import io
import json
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from pypdf import PdfWriter

from mmn13lib.foundation.errors import UserError
from mmn13lib.submission.check import CHAPTERS, DEFINITIONS, PARTS, check, listing

VIDEO = "https://example.org/video_1"
Contents = dict[str, bytes]


def zipped(contents: Contents, path: Path) -> Path:
    with zipfile.ZipFile(path, "w") as archive:
        for name, content in contents.items():
            archive.writestr(name, content)
    return path


def faults(contents: Contents, folder: Path) -> list[str]:
    return [finding.what for finding in check(zipped(contents, folder / "a.zip")) if not finding.ok]


def spoil(contents: Contents, change: Callable[[list[Any]], object]) -> Contents:
    notebook = json.loads(contents["mmn13.ipynb"])
    change(notebook["cells"])
    return {**contents, "mmn13.ipynb": json.dumps(notebook).encode()}


def test_a_good_submission_has_no_faults(contents: Contents, tmp_path: Path) -> None:
    assert faults(contents, tmp_path) == []


def test_the_list_names_files_and_folders(contents: Contents, tmp_path: Path) -> None:
    lines = "\n".join(listing(zipped(contents, tmp_path / "a.zip")))
    assert "mmn13.ipynb" in lines and "mmn13lib/  1 files" in lines


@pytest.mark.parametrize("number", [1, 3, len(PARTS)])
def test_a_removed_output_is_found(contents: Contents, tmp_path: Path, number: int) -> None:
    spoilt = spoil(contents, lambda cells: cells[number]["outputs"].clear())
    assert any("output is gone" in fault for fault in faults(spoilt, tmp_path))


@pytest.mark.parametrize("label", DEFINITIONS)
def test_code_that_answers_is_missed(contents: Contents, tmp_path: Path, label: str) -> None:
    def remove(cells: list[Any]) -> None:
        cells[:] = [
            cell for cell in cells if cell["metadata"].get("mmn13", {}).get("label") != label
        ]

    assert faults(spoil(contents, remove), tmp_path) == [
        f"{label} does not define {DEFINITIONS[label]}"
    ]


def test_an_output_removed_without_a_trace_is_found(contents: Contents, tmp_path: Path) -> None:
    def remove(cells: list[Any]) -> None:
        cells[2]["outputs"] = []
        cells[2]["metadata"] = {"mmn13": {"label": "tbl-q1-comparison"}}

    found = faults(spoil(contents, remove), tmp_path)
    assert found == ["question 1: comparison with nn.Conv2d: no output (tbl-q1-comparison)"]


def test_an_unexecuted_cell_is_found(contents: Contents, tmp_path: Path) -> None:
    spoilt = spoil(contents, lambda cells: cells[4].update(execution_count=None))
    assert any("not executed: q2-outputs" in fault for fault in faults(spoilt, tmp_path))


def test_cells_run_out_of_order_are_found(contents: Contents, tmp_path: Path) -> None:
    spoilt = spoil(contents, lambda cells: cells[4].update(execution_count=99))
    assert faults(spoilt, tmp_path) == [
        "the cells were executed out of order: restart the kernel and run all"
    ]


def test_an_error_is_found(contents: Contents, tmp_path: Path) -> None:
    error = {"output_type": "error", "ename": "E", "evalue": "", "traceback": []}
    spoilt = spoil(contents, lambda cells: cells[4]["outputs"].append(error))
    assert faults(spoilt, tmp_path) == ["they show an error: q2-outputs"]


@pytest.mark.parametrize(
    "name", ["mmn13.ipynb", "mmn13.pdf", "README.txt", "requirements.txt", "mmn13lib/__init__.py"]
)
def test_a_missing_file_is_found(contents: Contents, tmp_path: Path, name: str) -> None:
    del contents[name]
    assert any(fault.startswith(name.split("/")[0]) for fault in faults(contents, tmp_path))


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
def test_what_does_not_belong_there_is_found(contents: Contents, tmp_path: Path, name: str) -> None:
    found = faults({**contents, name: b"x"}, tmp_path)
    assert found == [f"it does not belong here: {name}"]


def test_a_missing_link_is_found_everywhere(contents: Contents, tmp_path: Path) -> None:
    import typst

    spoilt = spoil(contents, lambda cells: cells[0].update(source="# Title"))
    spoilt |= {"README.txt": b"none", "mmn13.pdf": bytes(typst.compile(b"= References"))}
    assert sum("link" in fault for fault in faults(spoilt, tmp_path)) == 3


def test_another_videos_link_is_found(contents: Contents, tmp_path: Path) -> None:
    found = faults({**contents, "README.txt": b"Video: https://example.org/another"}, tmp_path)
    assert len(found) == 2 and all("not that of README.txt" in fault for fault in found)


def test_a_pdf_of_the_contents_alone_is_found(contents: Contents, tmp_path: Path) -> None:
    writer = PdfWriter()
    writer.append(io.BytesIO(contents["mmn13.pdf"]), pages=(0, 1))
    cut = io.BytesIO()
    writer.write(cut)
    found = faults({**contents, "mmn13.pdf": cut.getvalue()}, tmp_path)
    assert sum("the PDF has" in fault for fault in found) == len(CHAPTERS)


def test_a_pdf_without_a_chapter_is_found(contents: Contents, tmp_path: Path) -> None:
    import typst

    pages = f'#link("{VIDEO}")[video]\n#pagebreak()\n= References'
    pdf = bytes(typst.compile(pages.encode()))
    assert len(faults({**contents, "mmn13.pdf": pdf}, tmp_path)) == 4


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b'{"cells": 1}', b"\xff"])
def test_a_broken_notebook_is_a_fault_not_a_crash(
    contents: Contents, tmp_path: Path, content: bytes
) -> None:
    assert faults({**contents, "mmn13.ipynb": content}, tmp_path)


def test_a_broken_pdf_is_a_fault_not_a_crash(contents: Contents, tmp_path: Path) -> None:
    found = faults({**contents, "mmn13.pdf": b"%PDF-1.7 no more"}, tmp_path)
    assert any("PDF" in fault for fault in found)


def test_what_is_no_zip_is_said_in_a_sentence(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="no file"):
        check(tmp_path / "absent.zip")
    (tmp_path / "a.zip").write_bytes(b"no zip")
    with pytest.raises(UserError, match="no ZIP"):
        check(tmp_path / "a.zip")


def test_a_flipped_byte_is_said_in_a_sentence(contents: Contents, tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "a.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("mmn13.ipynb", contents["mmn13.ipynb"])
    spoilt = bytearray((tmp_path / "a.zip").read_bytes())
    spoilt[60] ^= 0xFF
    (tmp_path / "a.zip").write_bytes(spoilt)
    with pytest.raises(UserError, match="no ZIP"):
        check(tmp_path / "a.zip")
