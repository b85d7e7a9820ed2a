"""`mmn13 submit --check` finds planted faults and says them in sentences."""

import itertools
import json
import re
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from mmn13lib.foundation.errors import UserError
from mmn13lib.foundation.settings import Settings
from mmn13lib.submission.inspection import inspect, unzipped

Contents = dict[str, bytes]


def faults(contents: Contents, settings: Settings | None = None) -> list[str]:
    findings = inspect(contents, settings or Settings(Path("/nowhere/at/all")))
    return [finding.what for finding in findings if finding.ok is False]


def spoil(contents: Contents, label: str, change: Callable[[dict[str, Any]], object]) -> Contents:
    notebook = json.loads(contents["mmn13.ipynb"])
    change(next(cell for cell in notebook["cells"] if cell["id"] == label))
    return {**contents, "mmn13.ipynb": json.dumps(notebook).encode()}


ERROR = {"output_type": "error", "ename": "E", "evalue": "", "traceback": []}


def test_a_cell_of_a_time_without_ids_is_named_by_its_beginning(contents: Contents) -> None:
    older = json.loads(contents["mmn13.ipynb"]) | {"nbformat_minor": 4}
    for cell in older["cells"]:
        del cell["id"]
        cell |= {"execution_count": None} if cell["cell_type"] == "code" else {}
    (fault,) = faults({**contents, "mmn13.ipynb": json.dumps(older).encode()})
    assert fault.startswith("not executed: '")


@pytest.mark.parametrize(
    ("change", "fault"),
    [
        ({"execution_count": None}, "not executed: q1-code"),
        ({"outputs": [ERROR]}, "they show an error: q1-code"),
        ({"id": "q1-live"}, "the notebook is not valid"),
        ({"id": "no id"}, "the notebook is not valid"),
    ],
)
def test_a_fault_in_one_cell_is_found(
    contents: Contents, change: dict[str, Any], fault: str
) -> None:
    found = faults(spoil(contents, "q1-code", lambda cell: cell.update(change)))
    assert any(one.startswith(fault) for one in found), found


@pytest.mark.parametrize("name", ["mmn13.ipynb", "mmn13.pdf", "README.txt", "artifacts/"])
def test_a_missing_file_is_found(contents: Contents, name: str) -> None:
    left = {file: content for file, content in contents.items() if not file.startswith(name)}
    assert any(fault.startswith(name) for fault in faults(left))


@pytest.mark.parametrize(
    ("what", "line"),
    [("name", "Name:  Avi Levi"), ("video", "Video: https://zoom.us/rec/another")],
)
def test_what_differs_from_the_read_me_is_found(contents: Contents, what: str, line: str) -> None:
    text = contents["README.txt"].decode()
    other = re.sub(rf"(?m)^{line.partition(':')[0]}: .*$", line, text)
    found = faults({**contents, "README.txt": other.encode()})
    assert found == [
        f"the {what} in the {place}: another than in README.txt, or none"
        for place in ("notebook", "PDF")
    ]


@pytest.mark.parametrize("name", ["mmn13.ipynb", "README.txt"])
def test_a_name_that_a_foreign_locale_damaged_is_found(contents: Contents, name: str) -> None:
    damaged = contents[name].decode().replace("דנה כהן", "\ufffd" * 7)
    assert any("the name in " in fault for fault in faults({**contents, name: damaged.encode()}))


@pytest.mark.parametrize("place", ["root", "data", "weights"])
def test_a_file_that_names_this_machine_is_found(contents: Contents, place: str) -> None:
    settings = Settings(Path("/some/where"), Path("/else/data"), Path("/else/weights.pth"))
    warning = f"{getattr(settings, place)}/mmn13lib/a.py:3: Warning"
    spoilt = spoil(contents, "q1-live", lambda cell: cell.update(source=f"# {warning}"))
    assert faults(spoilt, settings) == [
        "they name a folder of this machine, which a cell or a warning printed: mmn13.ipynb"
    ]


def test_an_account_without_a_home_can_look_too(
    contents: Contents, monkeypatch: pytest.MonkeyPatch
) -> None:
    def home() -> Path:
        raise RuntimeError("Could not determine home directory.")

    monkeypatch.setattr(Path, "home", home)
    assert faults(contents) == []


@pytest.mark.parametrize("name", ["mmn13.ipynb", "mmn13.pdf"])
@pytest.mark.parametrize("content", [b"", b"[]", b'{"cells": []}', b"%PDF-1.7 no more", b"\xff"])
def test_a_broken_file_is_a_fault_not_a_crash(
    contents: Contents, name: str, content: bytes
) -> None:
    kind = "notebook" if name.endswith("ipynb") else "PDF"
    assert any(kind in fault for fault in faults({**contents, name: content}))


def test_a_name_that_is_too_long_is_a_sentence(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="no file"):
        unzipped(tmp_path / ("x" * 300))


@pytest.mark.parametrize("method", ["STORED", "DEFLATED", "BZIP2", "LZMA"])
def test_any_changed_byte_of_a_zip_is_a_sentence(method: str, tmp_path: Path) -> None:
    path = tmp_path / "a.zip"
    with zipfile.ZipFile(path, "w", getattr(zipfile, f"ZIP_{method}")) as archive:
        archive.writestr("README.txt", "Name:  דנה כהן\n")
        archive.writestr("mmn13lib/שם.py", "x = 1\n" * 20)
    good = path.read_bytes()
    refused = 0
    for place, mask in itertools.product(range(len(good)), (0x01, 0x40, 0xFF)):
        path.write_bytes(good[:place] + bytes([good[place] ^ mask]) + good[place + 1 :])
        try:
            contents = unzipped(path)
        except UserError as error:
            assert "is no ZIP that can be read" in str(error)
            refused += 1
        else:
            assert faults(contents)
    assert refused > len(good)
