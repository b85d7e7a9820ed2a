"""What a ZIP is made of, and what is refused."""

import re
import zipfile
from pathlib import Path

import nbformat
import pytest
from support.made_up_results import make_results
from support.tiny_report import VIDEO, reported

from mmn13lib.foundation.errors import UserError
from mmn13lib.foundation.settings import Settings
from mmn13lib.rendering.book import read_book
from mmn13lib.rendering.dependencies import versions
from mmn13lib.submission import contents, package
from mmn13lib.submission.inspection import LARGEST, inspect, unzipped
from mmn13lib.submission.student import Student

PROJECT = Path(__file__).parents[2]


def quiet(line: str) -> None:
    pass


def test_a_grader_finds_everything_in_what_is_made(made: Path, root: Path) -> None:
    findings = inspect(unzipped(made), Settings(root))
    assert [finding.what for finding in findings if not finding.ok] == []


def test_the_zip_holds_what_run_all_needs(made: Path) -> None:
    names = set(zipfile.ZipFile(made).namelist())
    wanted = {"README.txt", "mmn13.ipynb", "requirements.txt", "mmn13lib/writing/tables.py"}
    assert wanted <= names
    assert any(name.startswith("artifacts/results/submitted/") for name in names)
    assert not any(name.endswith(".pyc") or "downloads" in name for name in names)
    assert made.stat().st_size < LARGEST


def test_the_read_me_says_who_it_is_and_how_to_run_it(made: Path) -> None:
    read_me = zipfile.ZipFile(made).read("README.txt").decode()
    for text in (VIDEO, "דנה כהן", "123456782", package.SAMPLE, "MMN13_DATA", "MMN13_WEIGHTS"):
        assert text in read_me


def test_the_read_me_names_the_cell_that_trains_again() -> None:
    text = Path(package.__file__).with_name("read_me.txt").read_text("utf-8")
    (label,) = re.findall(r"RETRAIN = True in the cell (\S+)\.", text)
    cells = [cell for chapter in read_book(PROJECT).chapters for cell in chapter.cells]
    assert ["RETRAIN = False" in cell.code for cell in cells if cell.label == label] == [True]


@pytest.mark.usefixtures("nothing_executed")
def test_a_sample_or_a_wrong_id_is_refused_without_force(root: Path) -> None:
    with pytest.raises(UserError, match=r"digits, not from CIFAR-10.*--force"):
        package.make(Settings(root), Student(), progress=quiet)
    with pytest.raises(UserError, match=r"check digit.*--force"):
        package.make(Settings(root), Student(id="123456789"), progress=quiet)


def test_real_data_is_accepted_without_force(
    root: Path, nothing_executed: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(package, "load", lambda settings: make_results(mode="imagenet"))
    other = package.make(Settings(root), Student("000000018", name="Avi O'Brien"), progress=quiet)
    assert other.name == "mmn13-000000018.zip"
    front = zipfile.ZipFile(other).read("mmn13.ipynb").decode()
    assert "000000018" in front and "not from CIFAR-10" not in front


def test_a_warning_that_names_a_folder_of_this_machine_is_refused_in_the_pdf(
    root: Path, nothing_executed: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    chapters = reported(read_book(root))
    warning = nbformat.v4.new_output("stream", name="stderr", text=f"{root}/my_own.py: Warning")
    chapters[1].outputs[-2].append(warning)  # which the notebook leaves out
    monkeypatch.setattr(package, "load", lambda settings: make_results(mode="imagenet"))
    monkeypatch.setattr(package, "execute_all", lambda *arguments: chapters)
    with pytest.raises(UserError, match=r"a folder of this machine.*: mmn13\.pdf"):
        package.make(Settings(root), Student(), progress=quiet)


def test_requirements_are_pinned_and_only_what_the_notebook_imports() -> None:
    _, libraries = contents.imported(read_book(PROJECT))
    lines = contents.requirements(libraries).splitlines()[1:]
    names = {line.split("==")[0] for line in lines}
    assert {"torch", "torchvision", "numpy", "matplotlib", "sympy", "ipykernel"} <= names
    assert names.isdisjoint({"pytest", "ruff", "mypy", "hypothesis", "types-tqdm", "mmn13lib"})
    assert all("==" in line and "+" not in line for line in lines)


@pytest.mark.parametrize(
    "files",
    [
        {"top_level.txt": "numpy\n"},
        {"METADATA": "Version: 1\n", "top_level.txt": "numpy\n"},
        {"METADATA": "Name: numpy\n", "top_level.txt": "numpy\n"},
    ],
    ids=["no metadata", "nameless", "no version"],
)
def test_what_a_broken_installation_left_behind_is_passed_over(
    files: dict[str, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    leftover = tmp_path / "~umpy-1.dist-info"
    leftover.mkdir()
    for name, text in files.items():
        (leftover / name).write_text(text)
    monkeypatch.syspath_prepend(tmp_path)
    versions.cache_clear()
    assert "\nnumpy==" in contents.requirements({"numpy"})
