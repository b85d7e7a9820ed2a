"""A submission of the whole book, made on the sample, unzipped and run where nothing else is."""

import json
import os
import re
import subprocess
import sys
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import nbformat
import pytest
from pypdf import PdfReader

pytestmark = pytest.mark.slow  # it renders the report

Command = Callable[..., subprocess.CompletedProcess[str]]
WHO = ("--id", "123456782", "--video", "https://example.org/video", "--name", "דנה כהן")

RUN_ALL = """
import nbformat, sys
from nbclient import NotebookClient
notebook = nbformat.read("mmn13.ipynb", as_version=4)
for cell in notebook.cells:
    if cell.cell_type == "code":
        cell.outputs, cell.execution_count = [], None
notebook.cells.append(nbformat.v4.new_code_cell('''
import sys
for name, module in sorted(sys.modules.items()):
    if name.split(".")[0] == "mmn13lib":
        print(module.__file__)
'''))
NotebookClient(notebook, kernel_name="python3", timeout=300, coalesce_streams=True).execute()
nbformat.write(notebook, "again.ipynb")
"""


@pytest.fixture(scope="module")
def archive(project_copy: Path, mmn13: Command) -> Path:
    rendered = mmn13("render", "--engine", "embedded")
    assert rendered.returncode == 0, rendered.stderr
    made = mmn13("submit", *WHO, "--force")
    assert made.returncode == 0, made.stdout + made.stderr
    return project_copy / "submission" / "mmn13-123456782.zip"


@pytest.fixture(scope="module")
def unzipped(archive: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("unzipped")
    zipfile.ZipFile(archive).extractall(folder)
    return folder


@pytest.fixture(scope="module")
def notebook(unzipped: Path) -> Any:
    return nbformat.read(unzipped / "mmn13.ipynb", as_version=4)


@pytest.fixture(scope="module")
def again(unzipped: Path) -> Any:
    kept = {k: v for k, v in os.environ.items() if not k.startswith(("MMN13_", "PYTHONPATH"))}
    done = subprocess.run(
        [sys.executable, "-c", RUN_ALL], cwd=unzipped, env=kept, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr[-3000:]
    return nbformat.read(unzipped / "again.ipynb", as_version=4)


def shown(notebook: Any) -> dict[str, list[str]]:
    """Give the texts that each cell shows, by label."""
    texts = {}
    for cell in notebook.cells:
        if cell.cell_type == "code":
            texts[cell.id] = [
                output.get("text") or output.get("data", {}).get("text/markdown", "")
                for output in cell.outputs
                if output.get("name") != "stderr"
            ]
    return texts


def test_the_sample_is_refused_without_force(archive: Path, mmn13: Command) -> None:
    refused = mmn13("submit", *WHO)
    assert refused.returncode == 1
    assert "embedded sample" in refused.stderr and "Traceback" not in refused.stderr


def test_a_grader_finds_everything(archive: Path, mmn13: Command) -> None:
    result = mmn13("submit", "--check", str(archive))
    assert result.returncode == 0, result.stdout
    assert "[FAIL]" not in result.stdout


def test_planted_faults_are_found_in_the_real_zip(
    archive: Path, unzipped: Path, tmp_path: Path, mmn13: Command
) -> None:
    notebook = json.loads((unzipped / "mmn13.ipynb").read_text("utf-8"))
    code = [cell for cell in notebook["cells"] if cell["cell_type"] == "code" and cell["outputs"]]
    code[2]["outputs"] = []
    code[3]["execution_count"] = None
    spoilt = tmp_path / "spoilt.zip"
    with zipfile.ZipFile(archive) as whole, zipfile.ZipFile(spoilt, "w") as target:
        for name in whole.namelist():
            if name == "mmn13.ipynb":
                target.writestr(name, json.dumps(notebook))
            elif name != "mmn13.pdf":
                target.writestr(name, whole.read(name))
    result = mmn13("submit", "--check", str(spoilt))
    assert result.returncode == 1
    for fault in ("output is gone", "not executed", "mmn13.pdf is missing"):
        assert re.search(rf"\[FAIL\].*{re.escape(fault)}", result.stdout), fault


def test_run_all_uses_only_what_was_unzipped(unzipped: Path, again: Any) -> None:
    files = again.cells[-1].outputs[0].text.split()
    assert len(files) > 20
    assert all(Path(file).is_relative_to(unzipped) or file == "None" for file in files), files


def test_run_all_shows_what_was_handed_in(notebook: Any, again: Any) -> None:
    there = shown(again)
    assert {label: there[label] for label in shown(notebook)} == shown(notebook)


def test_the_notebook_says_the_reports_numbers(unzipped: Path, notebook: Any) -> None:
    pages = PdfReader(unzipped / "mmn13.pdf").pages
    report = re.sub(r"[-‐\xad]?\s+", "", " ".join(page.extract_text() for page in pages))
    texts = shown(notebook)
    for label in ("tbl-q3-comparison", "q3-accuracy", "tbl-q2-example", "tbl-q1-comparison"):
        numbers = re.findall(r"\d+(?:\.\d+)?e[-+]\d+|\d+\.\d+%?", "".join(texts[label]))
        assert numbers, label
        for number in numbers:
            assert number in report, (label, number)


def test_the_first_page_names_the_student_and_the_sample(unzipped: Path, notebook: Any) -> None:
    page = PdfReader(unzipped / "mmn13.pdf").pages[0]
    assert "123456782" in page.extract_text()
    assert "not from CIFAR-10" in re.sub(r"\s+", " ", page.extract_text())
    links = [note.get_object()["/A"].get("/URI") for note in page["/Annots"] if "/A" in note.get_object()]  # fmt: skip  # noqa: E501
    assert "https://example.org/video" in links
    assert "123456782" in notebook.cells[0].source


def test_nothing_names_the_machine(project_copy: Path, archive: Path) -> None:
    with zipfile.ZipFile(archive) as whole:
        for name in whole.namelist():
            content = whole.read(name)
            assert str(project_copy).encode() not in content, name
            assert f"{Path.home()}/".encode() not in content, name


def test_the_script_is_made(project_copy: Path, archive: Path, mmn13: Command) -> None:
    made = mmn13("script")
    assert made.returncode == 0, made.stderr
    pages = PdfReader(project_copy / "submission/video-script.pdf").pages
    text = " ".join(page.extract_text() for page in pages)
    minutes = re.search(r"adds up to\s+(\d):(\d\d)", text)
    assert minutes and 360 <= 60 * int(minutes[1]) + int(minutes[2]) <= 480
