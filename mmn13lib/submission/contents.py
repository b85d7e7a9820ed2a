"""Lays out the folder that becomes the ZIP: sources, stored results, requirements, README."""

import re
import shutil
from importlib.metadata import packages_distributions, version
from pathlib import Path

from mmn13lib.benchmarks import measurements
from mmn13lib.foundation import provenance, storage
from mmn13lib.foundation.settings import Settings
from mmn13lib.q3_transfer.answer.load import pack
from mmn13lib.q3_transfer.data.inputs import SAMPLE
from mmn13lib.rendering.book import Book
from mmn13lib.submission.material import Material, measured
from mmn13lib.submission.notebook import questions

NOTEBOOK, REPORT, READ_ME = "mmn13.ipynb", "mmn13.pdf", "README.txt"
REQUIREMENTS = "requirements.txt"
TO_OPEN = ("ipykernel", "matplotlib-inline")
"""What a notebook needs beside the libraries that its code imports."""

FILES = (NOTEBOOK, REPORT, READ_ME, REQUIREMENTS)
_INSIDE = re.compile(
    r"mmn13lib/(\w+/)*\w+\.(py|png)"
    r"|artifacts/benchmarks/\w+\.json(\.sha256)?"
    r"|artifacts/results/submitted/\w+\.(json|safetensors)(\.sha256)?"
)


def lay_out(folder: Path, material: Material) -> None:
    """Write all files of the submission but the notebook and the PDF."""
    settings = material.settings
    sources = imported(material.book)[0]
    # the sample's images lie beside the code that reads them
    sources += [file.with_name(SAMPLE.name) for file in sources if file.name == "sample.py"]
    for source in sources:
        target = folder / source.relative_to(settings.root).as_posix()
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(source, target)
    pack(material.results, Settings(folder))
    for name in measured(settings):
        target = measurements.measurement_path(Settings(folder), name)
        storage.write_json(target, measurements.load(settings, name))
    student, book = material.student, material.book
    (folder / REQUIREMENTS).write_text(requirements(book), "utf-8")
    text = Path(__file__).with_name("read_me.txt").read_text("utf-8")
    filled = text.format(
        title=book.option("book.title"),
        subtitle=str(book.option("book.subtitle")).split(" — ")[0],
        who=", ".join(filter(None, [student.name, f"id {student.id}"])),
        video=student.video or "none",
        notice=f"\n{material.notice}\n" if material.notice else "",
    )
    (folder / READ_ME).write_text(filled, "utf-8")


def belongs(name: str) -> bool:
    """Tell whether a submission may hold a file of this name, its path in the ZIP."""
    return name in FILES or _INSIDE.fullmatch(name) is not None


def imported(book: Book) -> tuple[list[Path], set[str]]:
    """Find the package's modules and the libraries that the notebook imports, at any depth."""
    code = "\n".join(cell.code for chapter in questions(book) for cell in chapter.cells)
    return provenance.import_closure(provenance.imported_names(code), book.root / "mmn13lib")


def requirements(book: Book) -> str:
    """Pin the libraries that the notebook imports, directly or through the package."""
    _, libraries = imported(book)
    distributions = packages_distributions()  # reads every installed package: once is enough
    found = {name for library in libraries for name in distributions.get(library, [])}
    normal = {name.strip().lower().replace("_", "-") for name in (*found, *TO_OPEN)}
    pins = [f"{name}=={version(name).partition('+')[0]}" for name in sorted(normal - {"mmn13lib"})]
    return "\n".join(["# what this was made with, on Python 3.11 or newer", *pins, ""])
