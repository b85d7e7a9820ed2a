"""Lays out the folder that becomes the ZIP: sources, stored results, requirements, README."""

import shutil
from pathlib import Path

from mmn13lib.foundation import provenance
from mmn13lib.foundation.settings import Settings
from mmn13lib.q3_transfer.answer.load import pack
from mmn13lib.q3_transfer.data.inputs import SAMPLE
from mmn13lib.q3_transfer.results.records import Results
from mmn13lib.rendering.book import Book
from mmn13lib.rendering.dependencies import versions
from mmn13lib.rendering.notebook import is_question
from mmn13lib.submission.student import Student

NOTEBOOK, REPORT, READ_ME = "mmn13.ipynb", "mmn13.pdf", "README.txt"
REQUIREMENTS = "requirements.txt"
FILES = (NOTEBOOK, REPORT, READ_ME, REQUIREMENTS)
FOLDERS = ("mmn13lib/", "artifacts/")


def lay_out(
    folder: Path, settings: Settings, book: Book, student: Student, results: Results, notice: str
) -> None:
    """Write all files of the submission but the notebook and the PDF."""
    files, libraries = imported(book)
    # the sample's images lie beside the code that reads them
    files += [file.with_name(SAMPLE.name) for file in files if file.name == "sample.py"]
    for source in files:
        target = folder / source.relative_to(settings.root).as_posix()
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(source, target)
    pack(results, Settings(folder))
    (folder / REQUIREMENTS).write_text(requirements(libraries), "utf-8")
    text = Path(__file__).with_name("read_me.txt").read_text("utf-8")
    filled = text.format(
        title=book.option("book.title"),
        subtitle=str(book.option("book.subtitle")).split(" — ")[0],
        **vars(student),
        notice=f"\n{notice}\n" if notice else "",
    )
    (folder / READ_ME).write_text(filled, "utf-8")


def imported(book: Book) -> tuple[list[Path], set[str]]:
    """Return the package's modules and the libraries that the notebook imports, at any depth."""
    chapters = filter(is_question, book.chapters)
    code = "\n".join(cell.code for chapter in chapters for cell in chapter.cells)
    return provenance.import_closure(provenance.imported_names(code), book.root / "mmn13lib")


def requirements(libraries: set[str]) -> str:
    """Pin the libraries that are imported, and the one that opens a notebook.

    What is imported by another name, as Pillow is, comes with one of these.
    """
    pins = [
        f"{name}=={number.partition('+')[0]}"
        for name, number in versions().items()
        if name in libraries | {"ipykernel"}
    ]
    return "\n".join(["# what this was made with, on Python 3.11 or newer", *pins, ""])
