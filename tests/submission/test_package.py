"""What goes into a submission, and what is refused."""

import zipfile
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from mmn13lib.foundation.errors import UserError
from mmn13lib.foundation.settings import Settings
from mmn13lib.q3_transfer.results.records import Results
from mmn13lib.rendering.book import read_book
from mmn13lib.submission import material, package
from mmn13lib.submission.contents import requirements
from mmn13lib.submission.material import Student

PROJECT = Path(__file__).parents[2]
STUDENT = Student("123456782", "https://example.org/v")
Make = Callable[..., Results]


@pytest.fixture
def state(monkeypatch: pytest.MonkeyPatch, made_up_results: Make) -> dict[str, object]:
    """Let a test say how old the chapters are and what the results were made from."""
    state: dict[str, object] = {"changes": [], "mode": "imagenet", "outdated": False}
    monkeypatch.setattr(material.load, "load", lambda settings: made_up_results(mode=state["mode"]))
    monkeypatch.setattr(
        material.cache, "status", lambda settings, engine: [("q1-alpha", state["changes"])]
    )
    monkeypatch.setattr(material, "measured", lambda settings: ["convolution"])
    monkeypatch.setattr(
        material.measurements, "is_outdated", lambda settings, name: state["outdated"]
    )
    return state


def test_what_is_in_order_is_accepted(state: dict[str, object]) -> None:
    made = material.gather(Settings(PROJECT), STUDENT)
    assert made.notice == ""
    assert made.book.option("student.id") == "123456782"
    assert made.book.option("student.video") == "https://example.org/v"


@pytest.mark.parametrize(
    ("fault", "value", "sentence"),
    [
        ("changes", ["torch 2.14.0 → 2.14.1"], "older than what it is made from .torch 2.14.0"),
        ("mode", "sample", "embedded sample, not from CIFAR-10"),
        ("outdated", True, "measured is older than the code"),
    ],
)
def test_what_is_out_of_order_is_refused_unless_forced(
    state: dict[str, object], fault: str, value: object, sentence: str
) -> None:
    state[fault] = value
    with pytest.raises(UserError, match=sentence):
        material.gather(Settings(PROJECT), STUDENT)
    assert material.gather(Settings(PROJECT), STUDENT, force=True).student.id == "123456782"


def test_a_forced_sample_says_so_on_the_first_pages(state: dict[str, object]) -> None:
    state["mode"] = "sample"
    made = material.gather(Settings(PROJECT), STUDENT, force=True)
    assert "not from CIFAR-10" in made.notice
    assert "not from CIFAR-10" in str(made.book.option("book.subtitle"))


def test_no_name_but_the_given_one_is_on_it(state: dict[str, object]) -> None:
    nameless = material.gather(Settings(PROJECT), replace(STUDENT, name=""))
    assert material.PLACEHOLDER not in str(nameless.book.option("book.author", []))
    named = material.gather(Settings(PROJECT), replace(STUDENT, name="דנה כהן"))
    assert named.book.option("book.author") == "דנה כהן"


def test_requirements_are_pinned_and_only_what_the_notebook_imports() -> None:
    lines = requirements(read_book(PROJECT)).splitlines()[1:]
    names = {line.split("==")[0] for line in lines if line}
    assert {"torch", "torchvision", "numpy", "matplotlib", "sympy", "ipykernel"} <= names
    assert names.isdisjoint({"pytest", "ruff", "mypy", "hypothesis", "types-tqdm"})
    assert all("==" in line for line in lines if line)


def test_a_file_that_names_this_machine_is_refused() -> None:
    package._refuse_machine_paths("mmn13.ipynb", b"clean", Settings(PROJECT))
    warning = f'"{PROJECT}/mmn13lib/a.py:3: Warning"'.encode()
    with pytest.raises(UserError, match=r"mmn13\.ipynb would name a folder of this machine"):
        package._refuse_machine_paths("mmn13.ipynb", warning, Settings(PROJECT))


@pytest.mark.parametrize("given", ["data", "weights"])
def test_a_file_that_names_the_given_data_or_weights_is_refused(given: str) -> None:
    path = Path("/somewhere/else") / given
    settings = replace(Settings(PROJECT), **{given: path})
    with pytest.raises(UserError, match=r"mmn13\.ipynb would name a folder of this machine"):
        package._refuse_machine_paths("mmn13.ipynb", f'"read from {path}"'.encode(), settings)


def test_the_same_files_give_the_same_zip(tmp_path: Path) -> None:
    for name in ("one", "two"):
        (tmp_path / name / "inside").mkdir(parents=True)
        (tmp_path / name / "inside" / "a.txt").write_text("text")
    first, second = (package._zipped(package._contents(tmp_path / name)) for name in ("one", "two"))
    assert first == second
    (tmp_path / "a.zip").write_bytes(first)
    assert zipfile.ZipFile(tmp_path / "a.zip").namelist() == ["inside/a.txt"]
