"""A submission of the whole book, made on the sample, unzipped and run where nothing else is."""

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

from mmn13lib.foundation.settings import Settings
from mmn13lib.prepare import outside
from mmn13lib.rendering.book import read_book
from mmn13lib.rendering.execution import execute_all
from mmn13lib.rendering.notebook import is_question, listed

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
def submitted(rendered: str, mmn13: Command) -> str:
    made = mmn13("submit", *WHO, "--force", LC_ALL="C")
    assert made.returncode == 0, made.stdout + made.stderr
    return made.stdout


@pytest.fixture(scope="module")
def archive(project_copy: Path, submitted: str) -> Path:
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
    return {
        cell.id: [
            output.get("text") or output.data.get("text/markdown", "")
            for output in cell.outputs
            if output.get("name") != "stderr"
        ]
        for cell in notebook.cells
        if cell.cell_type == "code"
    }


def numbers(texts: list[str]) -> list[str]:
    """List the numbers in texts, but for those of references, which the notebook spells out."""
    text = re.sub(
        r"[@#](fig|tbl|eq|sec)-[\w-]+|(Figure|Table|Equation|Section) [\d.]+", "", " ".join(texts)
    )
    return re.findall(r"\d+(?:\.\d+)?(?:e[-+]\d+)?", re.sub(r"\\tag\{.*?\}", "", text))


def of_kind(kind: str, outputs: list[Any]) -> list[str]:
    """List what a cell prints, or displays as pictures or Markdown."""
    if kind == "stdout":
        return [output.text for output in outputs if output.get("name") == kind]
    return [output.data[kind] for output in outputs if kind in output.get("data", {})]


def test_run_all_uses_only_what_was_unzipped(unzipped: Path, again: Any) -> None:
    files = again.cells[-1].outputs[0].text.split()
    assert len(files) > 20
    assert all(Path(file).is_relative_to(unzipped) or file == "None" for file in files), files


def test_run_all_shows_what_was_handed_in(notebook: Any, again: Any) -> None:
    there = shown(again)
    for label, texts in shown(notebook).items():
        # times are measured again; features say how far they are
        if label not in ("q1-speed", "q3-features"):
            assert numbers(there[label]) == numbers(texts), label


def test_every_output_is_the_reports(project_copy: Path, archive: Path, notebook: Any) -> None:
    settings = Settings(project_copy, offline=True)
    book = read_book(project_copy)
    lines: list[str] = []
    executed = execute_all(book.chapters, book, settings, outside(settings), lines.append)
    assert all(line.endswith("fresh") for line in lines)
    cells = {cell.id: cell for cell in notebook.cells}
    compared = 0
    for each in (each for each in executed if is_question(each.chapter)):
        for cell, outputs in zip(each.chapter.cells, each.outputs, strict=True):
            if cell.holds_digest or listed(cell.code):
                continue
            texts = of_kind("text/markdown", outputs)
            if any("{=html}" in text for text in texts):  # which only a browser shows
                assert cell.label not in cells
                continue
            there = cells[cell.label].outputs
            assert of_kind("image/png", there) == of_kind("image/png", outputs), cell.label
            assert "".join(of_kind("stdout", there)) == "".join(of_kind("stdout", outputs))
            if cell.options.get("include", True):
                assert numbers(of_kind("text/markdown", there)) == numbers(texts), cell.label
            compared += len(outputs)
    assert compared > 30


def test_the_pdf_says_the_notebooks_numbers(unzipped: Path, notebook: Any) -> None:
    pages = PdfReader(unzipped / "mmn13.pdf").pages
    report = re.sub(r"[-‐\xad]?\s+", "", " ".join(page.extract_text() for page in pages))
    texts = shown(notebook)
    for label in ("tbl-q3-comparison", "q2-numbers", "q1-comparison"):
        found = re.findall(r"\d+(?:\.\d+)?e[-+]\d+|\d+\.\d+%?", "".join(texts[label]))
        assert found, label
        for number in found:
            assert number in report, (label, number)


def test_the_first_page_names_the_student_and_the_sample(unzipped: Path, notebook: Any) -> None:
    page = PdfReader(unzipped / "mmn13.pdf").pages[0]
    assert "123456782" in page.extract_text()
    assert "not from CIFAR-10" in re.sub(r"\s+", " ", page.extract_text())
    links = [note.get_object()["/A"].get("/URI") for note in page["/Annots"] if "/A" in note.get_object()]  # fmt: skip  # noqa: E501
    assert "https://example.org/video" in links
    assert "123456782" in notebook.cells[0].source


def test_the_script_is_made(project_copy: Path, archive: Path, mmn13: Command) -> None:
    made = mmn13("script")
    assert made.returncode == 0, made.stderr
    pages = PdfReader(project_copy / "submission/video-script.pdf").pages
    assert "The video’s script" in pages[0].extract_text()


def test_a_submission_after_a_report_executes_nothing_and_its_check_finds_no_fault(
    submitted: str, archive: Path, mmn13: Command
) -> None:
    assert "cell " not in submitted
    looked = mmn13("submit", "--check", str(archive))
    assert looked.returncode == 0, looked.stdout
    assert "the name in the PDF: the same" in looked.stdout
