"""Makes the ZIP: the executed notebook, the report, the sources that both are made from."""

import io
import json
import os
import platform
import shutil
import tempfile
import zipfile
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import nbformat
from nbformat import NotebookNode

from mmn13lib.foundation import storage
from mmn13lib.foundation.errors import UserError
from mmn13lib.foundation.settings import Settings
from mmn13lib.rendering.document import build
from mmn13lib.rendering.execution import (
    CellFailed,
    Executed,
    Progress,
    execute_all,
    render_lock,
    run_interruptibly,
    run_notebook,
)
from mmn13lib.submission import notebook as notebooks
from mmn13lib.submission.contents import NOTEBOOK, READ_ME, REPORT, lay_out
from mmn13lib.submission.material import Material, put

LARGEST = 20 * 10**6


def make(material: Material, progress: Progress = print) -> Path:
    """Make ``submission/mmn13-<id>.zip``; `UserError` if a cell fails or it can't be written."""
    settings = material.settings
    with tempfile.TemporaryDirectory(prefix="mmn13-") as temporary:
        folder, pages = Path(temporary) / "submission", Path(temporary) / "pages"
        pages.mkdir()
        chapters = executed_chapters(material, progress)
        progress("Making the report's PDF and the notebook.")
        with ThreadPoolExecutor(1) as beside:
            report = beside.submit(_report, chapters, material, pages)
            notebook, _ = executed_notebook(material, chapters, folder, progress)
        shutil.copyfile(report.result(), folder / REPORT)
        text = json.dumps(notebook, indent=1, ensure_ascii=False)  # as Jupyter does
        (folder / NOTEBOOK).write_text(f"{text}\n", "utf-8")
        contents = _contents(folder)
    for name, content in contents.items():
        _refuse_machine_paths(name, content, settings)
    archive = _zipped(contents)
    size = max(len(archive), len(contents[NOTEBOOK]))
    if size > LARGEST:
        raise UserError(f"The submission would have {size / 1e6:.0f} MB, more than the 20 allowed.")
    return put(settings, f"mmn13-{material.student.id}.zip", archive)


def _report(chapters: Sequence[Executed], material: Material, pages: Path) -> Path:
    """Make the PDF, and look for paths in what one reads there: the file itself is compressed."""
    from pypdf import PdfReader

    (paper,) = build(chapters, material.book, pages, ("typst",))
    text = "\n".join(page.extract_text() for page in PdfReader(paper).pages)
    _refuse_machine_paths(REPORT, text.encode(), material.settings)
    return paper


def executed_chapters(material: Material, progress: Progress) -> list[Executed]:
    """Give the report's chapters, which come from the cache where they are fresh."""
    settings, book = material.settings, material.book
    with render_lock(settings, progress):
        return execute_all(book.chapters, book, settings, lambda line: None)


def executed_notebook(
    material: Material, chapters: Sequence[Executed], folder: Path, progress: Progress = print
) -> tuple[NotebookNode, dict[str, float]]:
    """Lay a folder out and execute the notebook there, or find it; also gives cells' seconds."""
    lay_out(folder, material)
    with tempfile.TemporaryDirectory(prefix="mmn13-") as pages:
        draft = notebooks.draft(chapters, material.book, Path(pages))
    notebook = draft.notebook
    code = [cell for cell in notebook.cells if cell.cell_type == "code"]
    kept = material.settings.cache / "notebooks" / f"{_key(code, folder)}.json"
    try:
        stored = storage.read_json(kept)
    except storage.Damaged:
        stored = {"seconds": _execute(notebook, folder, progress)}
        stored["cells"] = [[cell.execution_count, cell.outputs] for cell in code]
        for older in kept.parent.glob("*"):
            older.unlink()
        storage.write_json(kept, stored)
    for cell, (count, outputs) in zip(code, stored["cells"], strict=True):
        cell.execution_count, cell.outputs = count, nbformat.from_dict(outputs)
    notebooks.finish(draft)
    return notebook, stored["seconds"]


def _execute(notebook: NotebookNode, folder: Path, progress: Progress) -> dict[str, float]:
    """Execute every cell as "Run all" does, where nothing of this machine's own is known."""
    seconds: dict[str, float] = {}

    def on_cell(index: int, took: float) -> None:
        label = notebook.cells[index].id
        seconds[label] = round(took, 1)
        if took > 1:
            progress(f"notebook, {label}, {took:.0f} s")

    hidden = ("MMN13_", "PYTHONPATH")
    environment = {name: os.environ[name] for name in os.environ if not name.startswith(hidden)}
    try:
        environment["PYTHONDONTWRITEBYTECODE"] = "1"
        run_interruptibly(run_notebook(notebook, folder, environment, on_cell))
    except CellFailed as error:
        label = notebook.cells[error.index].id
        raise UserError(f"The notebook's cell {label} failed: {error}") from error
    shutil.rmtree(folder / "artifacts" / "cache", ignore_errors=True)  # the drawn sample
    return seconds


def _key(code: Sequence[NotebookNode], folder: Path) -> str:
    """Digest all that an execution depends on."""
    contents = _contents(folder)
    del contents[READ_ME]  # it names the student, and no cell reads it
    texts = [platform.python_version(), *(cell.source for cell in code), *contents]
    return storage.digest(json.dumps(texts), *contents.values())[:16]


def _contents(folder: Path) -> dict[str, bytes]:
    """Read a folder's files, under their paths within it."""
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    return {file.relative_to(folder).as_posix(): file.read_bytes() for file in files}


def _refuse_machine_paths(name: str, content: bytes, settings: Settings) -> None:
    """Stop if a file's content names where on this machine it was made."""
    temporary = Path(tempfile.gettempdir())
    words = {f"{place}{os.sep}" for place in (settings.root, Path.home()) if len(place.parts) > 1}
    given = (settings.data, settings.weights, temporary / "ipykernel_", temporary / "mmn13-")
    words |= {str(path.absolute()) for path in given if path is not None}
    for word in words:  # JSON doubles backslashes
        if word.encode() in content or word.replace("\\", "\\\\").encode() in content:
            raise UserError(
                f"{name} would name a folder of this machine ({word}…): a cell prints it, or a "
                "warning does."
            )


def _zipped(contents: Mapping[str, bytes]) -> bytes:
    """Zip files so that the same ones give the same bytes."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name, content in contents.items():
            entry = zipfile.ZipInfo(name)
            entry.external_attr = 0o644 << 16
            archive.writestr(entry, content, zipfile.ZIP_DEFLATED)
    return buffer.getvalue()
