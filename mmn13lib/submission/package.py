"""Makes the ZIP: the executed chapters as notebook and PDF, and the sources and results of both."""

import io
import tempfile
import zipfile
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path

from mmn13lib.foundation import storage
from mmn13lib.foundation.errors import UserError
from mmn13lib.foundation.locks import exclusive
from mmn13lib.foundation.settings import Settings
from mmn13lib.prepare import outside
from mmn13lib.q3_transfer.answer.load import load
from mmn13lib.rendering import document, notebook
from mmn13lib.rendering.book import Book, read_book
from mmn13lib.rendering.execution import execute_all
from mmn13lib.submission.contents import REPORT, lay_out
from mmn13lib.submission.inspection import inspect, names_machine
from mmn13lib.submission.student import Student

SAMPLE = "Made from handwritten digits, not from CIFAR-10: question 3's numbers are of no interest."
NO_DATA = (
    "This report is made from handwritten digits, not from CIFAR-10: get the data with "
    "`mmn13 fetch`, then `mmn13 render`."
)


def make(
    settings: Settings,
    student: Student,
    force: bool = False,
    progress: Callable[[str], None] = print,
) -> Path:
    """Make ``submission/mmn13-<id>.zip`` from the report's outputs.

    Only stale chapters are executed. What isn't given of the student is configured. `UserError` if
    something should not be handed in as it is, unless `force`, or can't be made.
    """
    book = read_book(settings.root)
    student = student.completed(book)
    refuse(student.faults(), force)
    results = load(settings)
    notice = SAMPLE if results.inputs.mode == "sample" else ""
    refuse([NO_DATA] if notice else [], force)
    with exclusive(settings.artifacts / "render.lock", progress):
        chapters = execute_all(book.chapters, book, settings, outside(settings), progress)
    book = with_front_page(book, student, notice)
    progress("Making the PDF, the notebook and the ZIP.")
    with tempfile.TemporaryDirectory(prefix="mmn13-") as temporary:
        folder, pages = Path(temporary) / "zip", Path(temporary) / "pages"
        pages.mkdir()
        lay_out(folder, settings, book, student, results, notice)
        notebook.write(chapters, book, folder)
        document.build(chapters, book, "typst", pages).rename(folder / REPORT)
        # a PDF is compressed: what it says is looked for in what it was set from
        source = "".join(file.read_text("utf-8") for file in pages.rglob("*.typ"))
        files = sorted(path for path in folder.rglob("*") if path.is_file())
        contents = {file.relative_to(folder).as_posix(): file.read_bytes() for file in files}
    on_paper = {REPORT: (source + source.replace("\\", "")).encode()}  # as escaped, and as shown
    findings = [*inspect(contents, settings), names_machine(on_paper, settings)]
    refuse([finding.what for finding in findings if finding.ok is False], force)
    path = settings.submission / f"mmn13-{student.id}.zip"
    storage.write_bytes(path, zipped(contents))
    return path


def with_front_page(book: Book, student: Student, notice: str) -> Book:
    """Return the book with the student on its first page, and a notice in its subtitle."""
    front = {**book.config["book"], "author": student.name or []}
    if notice:
        front["subtitle"] = f"{front.get('subtitle', '')} — {notice}"
    who = {"id": student.id, "video": student.video}
    return replace(book, config={**book.config, "book": front, "student": who})


def refuse(faults: list[str], force: bool) -> None:
    """Stop at the first fault, unless it is to be handed in all the same."""
    if faults and not force:
        raise UserError(f"{faults[0]} (--force makes it anyway.)")


def zipped(contents: Mapping[str, bytes]) -> bytes:
    """Zip files so that the same ones give the same bytes."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name, content in contents.items():
            entry = zipfile.ZipInfo(name)
            entry.external_attr = 0o644 << 16
            archive.writestr(entry, content, zipfile.ZIP_DEFLATED)
    return buffer.getvalue()
