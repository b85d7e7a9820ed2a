"""Makes the ZIP: the executed notebook, the report, the sources that both are made from."""

import hashlib
import json
import os
import platform
import shutil
import tempfile
import zipfile
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path

import nbformat
from nbformat import NotebookNode

from mmn13lib.foundation import storage
from mmn13lib.foundation.errors import UserError
from mmn13lib.foundation.settings import Settings
from mmn13lib.submission import notebook as notebooks
from mmn13lib.submission import running
from mmn13lib.submission.contents import NOTEBOOK, REPORT, lay_out
from mmn13lib.submission.material import Material, folder_of
from mmn13lib.submission.runtime import REFERENCES

Progress = Callable[[str], None]

LARGEST = 20 * 10**6


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
    size = max(len(content), len(json.dumps(notebook)))
    if size > LARGEST:
        raise UserError(f"The submission would have {size / 1e6:.0f} MB, more than the 20 allowed.")
    target = folder_of(settings) / f"mmn13-{material.student.id}.zip"
    try:
        target.parent.mkdir(exist_ok=True)
        unfinished = target.with_suffix(".unfinished")
        unfinished.write_bytes(content)
        return unfinished.replace(target)
    except OSError as error:
        raise storage.disk_error(target, error) from error


def _report(target: Path, material: Material, progress: Progress) -> None:
    """Make the PDF with the student on its first page; chapters come from the cache."""
    from mmn13lib.rendering.document import build
    from mmn13lib.rendering.execution import execute, render_lock

    settings, book = material.settings, material.book
    with render_lock(settings, progress), tempfile.TemporaryDirectory() as folder:
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
    digest = hashlib.sha256((json.dumps(notebook) + platform.python_version()).encode())
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
    places = {settings.root, Path.home(), folder.parent}
    words = {f"{place}{os.sep}" for place in places if len(place.parts) > 1}
    given = (settings.data, settings.weights, Path(tempfile.gettempdir()) / "ipykernel_")
    words |= {str(path.absolute()) for path in given if path is not None}
    # JSON doubles backslashes
    needles = {form.encode() for word in words for form in (word, word.replace("\\", "\\\\"))}
    for file in sorted(path for path in folder.rglob("*") if path.is_file()):
        content = _text_of_pdf(file) if file.suffix == ".pdf" else file.read_bytes()
        for needle in needles:
            if needle in content:
                raise UserError(
                    f"{file.relative_to(folder).as_posix()} would name a folder of this machine "
                    f"({needle.decode()}…): a cell prints it, or a warning does."
                )


def _text_of_pdf(file: Path) -> bytes:
    """Give what one reads in a PDF: the file itself is compressed."""
    from pypdf import PdfReader

    return "\n".join(page.extract_text() for page in PdfReader(file).pages).encode()


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
