"""Opens a finished ZIP as a grader would, and says of each thing whether it is there."""

import io
import json
import os
import re
import tempfile
import unicodedata
import warnings
import zipfile
from collections.abc import Generator, Iterator, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any, NamedTuple

from mmn13lib.foundation.errors import UserError
from mmn13lib.foundation.settings import Settings
from mmn13lib.submission.contents import FILES, FOLDERS, NOTEBOOK, READ_ME, REPORT
from mmn13lib.submission.student import Student

LARGEST = 20 * 10**6


class Finding(NamedTuple):
    """One thing that was looked for, in words; for a fault, what is wrong and what mends it."""

    ok: bool | None  # None for what need not be right
    what: str
    fix: str = ""


def unzipped(path: Path) -> dict[str, bytes]:
    """Read the files in a ZIP; `UserError` if it is none."""
    if not os.access(path, os.F_OK):
        raise UserError(f"There is no file {path}: make it with `mmn13 submit`.")
    try:
        with zipfile.ZipFile(path) as archive:
            names = [name for name in archive.namelist() if not name.endswith("/")]
            return {name: archive.read(name) for name in names}
    except Exception as error:  # what a damaged file makes the decompressors raise has no end
        why = str(error) or "it is damaged"
        problem = f"{path} is no ZIP that can be read ({why}): make it with `mmn13 submit`."
        raise UserError(problem) from error


def inspect(contents: Mapping[str, bytes], settings: Settings) -> Iterator[Finding]:
    """Look through the files of a submission."""
    for name in FILES:
        state = "missing" if name not in contents else "there" if contents[name] else "empty"
        yield Finding(state == "there", f"{name} is {state}")
    for folder in FOLDERS:
        inside = [name for name in contents if name.startswith(folder)]
        yield Finding(bool(inside), f"{folder} has {len(inside)} files")
    size = sum(map(len, contents.values())) / 1e6
    yield Finding(1e6 * size <= LARGEST, f"all files together have {size:.1f} of at most 20 MB")
    front, code = yield from _notebook(contents.get(NOTEBOOK, b""))
    unexecuted = [name for name, cell in code.items() if cell.execution_count is None]
    yield _none(unexecuted, "every cell was executed", "not executed")
    kinds = {name: {output.output_type for output in cell.outputs} for name, cell in code.items()}
    failed = [name for name in code if "error" in kinds[name]]
    yield _none(failed, "no cell shows an error", "they show an error")
    first, author, links = yield from _report(contents.get(REPORT, b""))
    student = _student(contents.get(READ_ME, b"").decode("utf-8", "replace"))
    places = {"notebook": front, "PDF": " ".join([first, author, *links])}
    for what, value in vars(student).items():
        good: bool | None = bool(value) and "\ufffd" not in value
        shown = value or "none"
        if what == "name" and not value:
            good, shown = None, "none: is it to be handed in without?"
        yield Finding(good, f"the {what} in {READ_ME}: {shown}")
        for place, text in places.items() if good else ():
            there = value in text if what != "name" else _letters(value) in _letters(text)
            words = "the same" if there else f"another than in {READ_ME}, or none"
            yield Finding(there, f"the {what} in the {place}: {words}")
    yield names_machine(contents, settings)


def _notebook(content: bytes) -> Generator[Finding, None, tuple[str, dict[str, Any]]]:
    """Yield whether a notebook is valid; return its first cell's text and its cells of code.

    A cell's name is its id, or how it begins where its notebook is of a time without ids.
    """
    import nbformat

    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error")  # cell ids that are missing or given twice
            notebook = nbformat.from_dict(json.loads(content))
            nbformat.validate(notebook)
        front = notebook.cells[0].source
    except Exception as error:  # what a foreign file makes the reader raise has no end
        first_line = (str(error).splitlines() or [type(error).__name__])[0]
        yield Finding(False, f"the notebook is not valid: {first_line}")
        return "", {}
    cells = [cell for cell in notebook.cells if cell.cell_type == "code"]
    code = {str(cell.get("id") or repr(cell.source[:40])): cell for cell in cells}
    yield Finding(bool(code), f"the notebook is valid and has {len(code)} cells of code")
    return front, code


def _report(content: bytes) -> Generator[Finding, None, tuple[str, str, list[str]]]:
    """Yield whether a PDF can be read; return its first page's text, its author and links."""
    from pypdf import PdfReader

    try:
        reader = PdfReader(io.BytesIO(content))
        text = reader.pages[0].extract_text()
        notes: list[Any] = reader.pages[0].annotations or []
        actions = [note.get_object().get("/A", {}) for note in notes]
        links = [str(action.get("/URI", "")) for action in actions]
        author = str(reader.metadata and reader.metadata.author)
    except Exception as error:  # as above
        yield Finding(False, f"the PDF can't be read: {error}")
        return "", "", []
    yield Finding(True, f"the PDF has {len(reader.pages)} pages")
    return text, author, links


def _student(read_me: str) -> Student:
    """Read what README.txt says of the student."""
    found = dict(re.findall(r"^(name|id|video): +(.+)$", read_me, re.MULTILINE | re.IGNORECASE))
    return Student(**{what.lower(): value.strip() for what, value in found.items()})


def _letters(text: str) -> str:
    """Take away what typesetting and Markdown add."""
    return "".join(filter(str.isalnum, unicodedata.normalize("NFKC", text)))


def _none(labels: list[str], good: str, bad: str) -> Finding:
    return Finding(not labels, f"{bad}: {', '.join(labels)}" if labels else good)


def names_machine(contents: Mapping[str, bytes], settings: Settings) -> Finding:
    """Look for folders of this machine, in files that are not compressed."""
    places, temporary = [settings.root], Path(tempfile.gettempdir())
    with suppress(RuntimeError):  # not every account has a home
        places.append(Path.home())
    words = {f"{place}{os.sep}" for place in places if len(place.parts) > 1}
    given = (settings.data, settings.weights, temporary / "ipykernel_", temporary / "mmn13-")
    words |= {str(path.absolute()) for path in given if path is not None}
    words |= {word.replace("\\", "\\\\") for word in words}  # as JSON has it
    found = [
        name for name, content in contents.items() if any(w.encode() in content for w in words)
    ]
    why = "they name a folder of this machine, which a cell or a warning printed"
    return _none(found, "no file names a folder of this machine", why)
