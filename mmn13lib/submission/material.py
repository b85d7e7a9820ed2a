"""Collects what a submission is made from, and refuses what should not be handed in."""

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from mmn13lib.benchmarks import measurements
from mmn13lib.foundation import storage
from mmn13lib.foundation.errors import UserError
from mmn13lib.foundation.settings import Settings
from mmn13lib.q3_transfer.answer import load
from mmn13lib.q3_transfer.results.records import Results
from mmn13lib.rendering import cache
from mmn13lib.rendering.book import Book, read_book
from mmn13lib.rendering.config import fault_of_link

PLACEHOLDER = "Your Name"
SAMPLE = "Made from the embedded sample, not from CIFAR-10: question 3's numbers mean nothing."
NO_DATA = (
    "This report is made from the embedded sample, not from CIFAR-10: get the data with "
    "`mmn13 fetch`, then `mmn13 render`."
)


@dataclass(frozen=True)
class Student:
    """What stands on the first page; a text that isn't given is empty."""

    id: str = ""
    video: str = ""
    name: str = ""


@dataclass(frozen=True)
class Material:
    """What a submission is made from; the book has the student on its first page."""

    settings: Settings
    book: Book
    student: Student
    results: Results

    @property
    def notice(self) -> str:
        """A warning for the first page; empty for none."""
        return SAMPLE if self.results.inputs.mode == "sample" else ""


def gather(settings: Settings, given: Student, force: bool = False) -> Material:
    """Collect what a submission is made from; what isn't given of the student is configured.

    `UserError` if id or link are wrong, or the report is of the sample or older than the code;
    `force` accepts all but outdated results.
    """
    book = read_book(settings.root)
    student = Student(
        given.id or str(book.option("student.id")),
        given.video or str(book.option("student.video")),
        given.name or ", ".join(name for name in book.authors if name not in ("", PLACEHOLDER)),
    )
    refuse(faults(student), force)
    material = Material(settings, book, student, load.load(settings))
    refuse([*_outdated(settings), *([NO_DATA] if material.notice else [])], force)
    config: dict[str, Any] = {
        **book.config,
        "book": {**book.config["book"], "author": student.name or []},
        "student": {"id": student.id, "video": student.video},
    }
    if material.notice:
        config["book"]["subtitle"] = f"{config['book'].get('subtitle', '')} — {material.notice}"
    return replace(material, book=replace(book, config=config))


def has_right_check_digit(id: str) -> bool:
    """Tell whether a text is an Israeli identity number.

    The nine digits count once and twice in turn, those of two-digit products are added up; the
    sum must be a multiple of ten.
    """
    if len(id) != 9 or not (id.isascii() and id.isdigit()):
        return False
    products = [int(digit) * (1 + place % 2) for place, digit in enumerate(id)]
    return sum(sum(divmod(product, 10)) for product in products) % 10 == 0


def faults(student: Student) -> list[str]:
    """Say what is wrong with an id or a link, in a sentence each."""
    found = []
    if not has_right_check_digit(student.id):
        found.append(
            f"The id {student.id!r} is not nine digits that end with the right check digit: look "
            "again (keep leading zeros, and quote it in _quarto.yml.local)."
        )
    if not student.video:
        found.append(
            "There is no link to the video: give it with --video https://…, or as `video` under "
            "`student` in _quarto.yml.local."
        )
    elif fault := fault_of_link(student.video):
        found.append(fault)
    return found


def is_placeholder(video: str) -> bool:
    """Tell whether a link looks as if it were still to be filled in."""
    host = f".{urlsplit(video).hostname or ''}"
    reserved = (".example.org", ".example.com", ".example.net", ".example", ".invalid", ".test")
    return host.endswith(reserved) or "…" in video or "..." in video


def refuse(sentences: list[str], force: bool) -> None:
    """Stop at the first fault, unless it is to be handed in all the same."""
    if sentences and not force:
        raise UserError(f"{sentences[0]} (--force makes it anyway.)")


def _outdated(settings: Settings) -> list[str]:
    """Name the first chapter that neither engine has executed as things are now."""
    of_engines = [cache.status(settings, engine) for engine in ("embedded", "quarto")]
    changed = min(of_engines, key=lambda chapters: sum(bool(changes) for _, changes in chapters))
    sentences = [
        f"The chapter {name} is older than what it is made from ({', '.join(changes[:3])}): run "
        "`mmn13 render`."
        for name, changes in changed
        if changes
    ]
    return sentences + [
        f"What `mmn13 bench {name}` measured is older than the code: run it again, then "
        "`mmn13 render`."
        for name in measured(settings)
        if measurements.is_outdated(settings, name)
    ]


def measured(settings: Settings) -> list[str]:
    """Name the measurements that the chapters show, as far as they are there."""
    names = ("convolution", "transfer")
    return [name for name in names if measurements.measurement_path(settings, name).is_file()]


def put(settings: Settings, name: str, content: bytes) -> Path:
    """Write a file, whole or not at all, into the folder of what is handed in."""
    target = settings.root / "submission" / name
    unfinished = target.with_name(f"{name}.unfinished")
    try:
        target.parent.mkdir(exist_ok=True)
        unfinished.write_bytes(content)
        return unfinished.replace(target)
    except OSError as error:
        raise storage.disk_error(target, error) from error
