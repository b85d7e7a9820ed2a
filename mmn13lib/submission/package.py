"""Makes the ZIP: the executed notebook, the report, the sources that both are made from."""

import hashlib
import json
import shutil
import tempfile
import zipfile
from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import nbformat
from nbformat import NotebookNode

from mmn13lib import measurements, provenance, storage
from mmn13lib.errors import UserError
from mmn13lib.press import dependencies
from mmn13lib.press.chapters import Book, read_book
from mmn13lib.settings import Settings
from mmn13lib.submission import notebook as notebooks
from mmn13lib.submission import running
from mmn13lib.submission.identity import Student, faults, refuse
from mmn13lib.submission.runtime import REFERENCES
from mmn13lib.transfer import results, travelling
from mmn13lib.transfer.records import Results

Progress = Callable[[str], None]

NOTEBOOK, REPORT, READ_ME = "mmn13.ipynb", "mmn13.pdf", "README.txt"
REQUIREMENTS = "requirements.txt"
LARGEST = 20 * 10**6
PLACEHOLDER = "Your Name"
TO_OPEN = ("ipykernel", "matplotlib-inline")
"""What a notebook needs beside the libraries that its code imports."""

SAMPLE = "Made from the embedded sample, not from CIFAR-10: question 3's numbers say nothing."


@dataclass(frozen=True)
class Material:
    """What a submission is made from.

    Parameters
    ----------
    settings
        The run's settings.
    book
        The report, with the student on its first page.
    student
        Who hands it in.
    results
        Question 3's.
    """

    settings: Settings
    book: Book
    student: Student
    results: Results

    @property
    def notice(self) -> str:
        """A warning for the first page; empty for none."""
        return SAMPLE if self.results.inputs.mode == "sample" else ""


def gather(settings: Settings, student: Student, force: bool = False) -> Material:
    """Collect what a submission is made from, or refuse it.

    Parameters
    ----------
    settings
        The run's settings.
    student
        Who hands it in.
    force
        Whether faults that can be lived with are.

    Returns
    -------
    Material

    Raises
    ------
    UserError
        If something is wrong with id or link, the report was made from the sample, or results or
        chapters are older than the code.
    """
    refuse(faults(student), force)
    found = results.load(settings)
    refuse([*_outdated(settings), *_sample(found)], force)
    book = read_book(settings.root)
    author = student.name or _author(book)
    config: dict[str, Any] = {
        **book.config,
        "book": {**book.config["book"], "author": author or []},
        "student": {"id": student.id, "video": student.video},
    }
    if found.inputs.mode == "sample":
        config["book"]["subtitle"] = f"{config['book'].get('subtitle', '')} — {SAMPLE}"
    # read once more: a chapter may say the author's name
    return Material(settings, replace(book, config=config), replace(student, name=author), found)


def _author(book: Book) -> str:
    author = book.option("book.author")
    names = author if isinstance(author, list) else [author]
    return ", ".join(str(name) for name in names if name and name != PLACEHOLDER)


def _outdated(settings: Settings) -> list[str]:
    """Name the first chapter that neither engine has executed as things are now."""
    of_engines = [dependencies.status(settings, engine) for engine in ("embedded", "quarto")]
    changed = min(of_engines, key=lambda chapters: sum(bool(changes) for _, changes in chapters))
    sentences = [
        f"The chapter {name} is older than what it is made from ({', '.join(changes[:3])}): run "
        "`mmn13 render`."
        for name, changes in changed
        if changes
    ]
    if measurements.is_outdated(settings, "convolution"):
        sentences.append(
            "Question 1's layer was measured before its code changed: run "
            "`mmn13 bench convolution`, then `mmn13 render`."
        )
    return sentences


def _sample(found: Results) -> list[str]:
    if found.inputs.mode != "sample":
        return []
    return [
        "This report is made from the embedded sample, not from CIFAR-10: get the data with "
        "`mmn13 fetch`, then `mmn13 render`."
    ]


def make(material: Material, progress: Progress = print) -> Path:
    """Make the ZIP.

    Parameters
    ----------
    material
        From `gather`.
    progress
        Gets each line to show.

    Returns
    -------
    Path
        ``submission/mmn13-<id>.zip``.

    Raises
    ------
    UserError
        If a cell fails, a file would name a path of this machine, or it can't be written.
    """
    settings = material.settings
    with tempfile.TemporaryDirectory(prefix="mmn13-") as temporary:
        folder = Path(temporary) / "submission"
        lay_out(folder, material)
        progress("Making the report's PDF.")
        _report(folder / REPORT, material, progress)
        notebook = executed_notebook(material, folder, progress)
        notebooks.write(without_times(notebook), folder / NOTEBOOK)
        _refuse_machine_paths(folder, settings)
        content = _zipped(folder)
    if len(content) > LARGEST or (size := len(json.dumps(notebook))) > LARGEST:
        raise UserError(f"The notebook would have {size / 1e6:.0f} MB, more than the 20 allowed.")
    target = folder_of(settings) / f"mmn13-{material.student.id}.zip"
    try:
        target.parent.mkdir(exist_ok=True)
        unfinished = target.with_suffix(".unfinished")
        unfinished.write_bytes(content)
        return unfinished.replace(target)
    except OSError as error:
        raise storage.disk_error(target, error) from error


def folder_of(settings: Settings) -> Path:
    """Name the folder of what is handed in, which git ignores."""
    return settings.root / "submission"


def lay_out(folder: Path, material: Material) -> None:
    """Write all files of the submission but the notebook and the PDF.

    Parameters
    ----------
    folder
        Where to; it is made.
    material
        From `gather`.
    """
    settings = material.settings
    package = settings.root / "mmn13lib"
    ignored = shutil.ignore_patterns("__pycache__", "*.pyc", ".*")
    shutil.copytree(package, folder / "mmn13lib", ignore=ignored)
    travelling.pack(material.results, Settings(folder))
    measured = measurements.load(settings, "convolution")
    target = measurements.measurement_path(Settings(folder), "convolution")
    storage.write_json(target, measured)
    (folder / REQUIREMENTS).write_text(requirements(material.book), "utf-8")
    (folder / READ_ME).write_text(_read_me(material), "utf-8")


def requirements(book: Book) -> str:
    """Pin the libraries that the notebook imports, directly or through the package.

    Parameters
    ----------
    book
        The report.

    Returns
    -------
    str
        For ``pip install -r``.
    """
    sources = [cell.code for chapter in notebooks.questions(book) for cell in chapter.cells]
    sources.append("import mmn13lib.submission.runtime, mmn13lib.transfer.travelling")
    names = provenance.imported_names("\n".join(sources))
    _, libraries = provenance.import_closure(names, book.root / "mmn13lib")
    wanted = {_normal(name) for library in libraries for name in _distributions(library)}
    wanted |= {_normal(name) for name in TO_OPEN}
    pins = (book.root / "constraints.txt").read_text("utf-8").splitlines()
    chosen = [pin for pin in pins if "==" in pin and _normal(pin.split("==")[0]) in wanted]
    return "# what this was made with; any newer Python than 3.11 will do\n" + "\n".join(
        [*chosen, ""]
    )


def _distributions(library: str) -> list[str]:
    from importlib.metadata import packages_distributions

    return packages_distributions().get(library, []) if library != "mmn13lib" else []


def _normal(name: str) -> str:
    return name.strip().lower().replace("_", "-")


def _read_me(material: Material) -> str:
    student, book = material.student, material.book
    who = ", ".join(filter(None, [student.name, f"id {student.id}"]))
    notice = f"\n{material.notice}\n" if material.notice else ""
    return f"""\
{book.option("book.title")}
{_first_subtitle(book)}
{who}
Video: {student.video or "none"}
{notice}
mmn13.ipynb       all three questions: text, code, and what it printed
mmn13.pdf         the report: the written answers, with figures and references
mmn13lib/         the package that the notebook imports
artifacts/        what the notebook shows but doesn't compute: question 1's timings, the results
                  of question 3's training (about an hour of it) and five images of each class
requirements.txt  the libraries, with the versions that this was made with

To run the notebook: unzip everything into one folder (Python 3.11 or newer), then in it

    python -m pip install -r {REQUIREMENTS} jupyterlab
    jupyter lab mmn13.ipynb

and choose "Run all". It takes about a minute, needs no network and no data set. In Colab, upload
and unzip the ZIP, and change to its folder first (%cd).
"""


def _first_subtitle(book: Book) -> str:
    return str(book.option("book.subtitle")).split(" — ")[0]


def _report(target: Path, material: Material, progress: Progress) -> None:
    """Make the PDF with the student on its first page; chapters come from the cache."""
    from mmn13lib.press.document import build
    from mmn13lib.press.execution import execute, only_render

    settings, book = material.settings, material.book
    with only_render(settings, progress), tempfile.TemporaryDirectory() as folder:
        executed = [
            execute(chapter, book, settings, lambda line: None) for chapter in book.chapters
        ]
        made = build(executed, book, Path(folder))
        shutil.copyfile(next(file for file in made if file.suffix == ".pdf"), target)


def executed_notebook(material: Material, folder: Path, progress: Progress = print) -> NotebookNode:
    """Execute the notebook in a folder laid out as the ZIP is, or find it executed before.

    Parameters
    ----------
    material
        From `gather`.
    folder
        From `lay_out`; it gets the file of references as well.
    progress
        Gets each line to show.

    Returns
    -------
    NotebookNode
        Numbered, with outputs and, in its cells' metadata, the seconds that each took.
    """
    notebook = notebooks.build(material.book, material.student, material.notice)
    kept = material.settings.cache / "notebooks" / f"{_key(notebook, folder)}.ipynb"
    if not kept.is_file():
        progress("Executing the notebook.")
        running.execute(notebook, folder, progress)
        shutil.rmtree(folder / "artifacts" / "cache", ignore_errors=True)  # the drawn sample
        for older in kept.parent.glob("*.ipynb*"):
            older.unlink()
        storage.write_bytes(kept, json.dumps(notebook).encode())
    notebook = nbformat.reads(kept.read_text("utf-8"), as_version=4)
    references = notebooks.finish(notebook, material.book)
    target = folder / REFERENCES
    target.write_text(json.dumps(asdict(references), indent=1, ensure_ascii=False), "utf-8")
    return notebook


def _key(notebook: NotebookNode, folder: Path) -> str:
    """Digest all that an execution depends on."""
    digest = hashlib.sha256(json.dumps(notebook).encode())
    for file in sorted(path for path in folder.rglob("*") if path.is_file()):
        if file.suffix in (".py", ".json", ".safetensors", ".txt"):
            digest.update(file.relative_to(folder).as_posix().encode() + file.read_bytes())
    return digest.hexdigest()[:16]


def without_times(notebook: NotebookNode) -> NotebookNode:
    """Note which cells have an output, for `mmn13 submit --check`; leave the seconds out."""
    for cell in notebook.cells:
        marks = cell.metadata[notebooks.KEY]
        for name in ("seconds", "alt", "of"):
            marks.pop(name, None)
        if cell.cell_type == "code":
            marks["shows"] = bool(cell.outputs)
    return notebook


def _refuse_machine_paths(folder: Path, settings: Settings) -> None:
    """Stop if a file names where on this machine it was made."""
    places = {settings.root, Path.home(), folder.parent, Path(tempfile.gettempdir()) / "ipykernel"}
    needles = {f"{place.as_posix()}/".encode() for place in places if len(place.parts) > 1}
    for file in sorted(path for path in folder.rglob("*") if path.is_file()):
        content = file.read_bytes()
        for needle in needles:
            if needle in content:
                raise UserError(
                    f"{file.relative_to(folder).as_posix()} would name a folder of this machine "
                    f"({needle.decode()}…): a cell prints it, or a warning does."
                )


def _zipped(folder: Path) -> bytes:
    """Zip a folder so that the same files give the same bytes."""
    with tempfile.TemporaryFile() as buffer:
        with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
            for file in sorted(path for path in folder.rglob("*") if path.is_file()):
                entry = zipfile.ZipInfo(file.relative_to(folder).as_posix())
                entry.compress_type = zipfile.ZIP_DEFLATED
                entry.external_attr = 0o644 << 16
                archive.writestr(entry, file.read_bytes())
        buffer.seek(0)
        return buffer.read()
