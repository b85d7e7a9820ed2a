"""Opens a finished ZIP as a grader would, and says of each thing whether it is there."""

import io
import re
import zipfile
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import nbformat

from mmn13lib.foundation.errors import UserError
from mmn13lib.submission.contents import FILES, NOTEBOOK, READ_ME, REPORT, belongs
from mmn13lib.submission.identity import is_web_address
from mmn13lib.submission.notebook import KEY
from mmn13lib.submission.package import LARGEST

FOLDERS = ("mmn13lib/", "artifacts/")
CHAPTERS = {
    "question 1": "A convolution layer from scratch",
    "question 2": "Backpropagation through a convolution",
    "question 3": "Transfer learning on CIFAR-10",
    "the references": "References",
    "the appendix": "How this report was made",
}

PICTURE, TEXT = "image/png", "text/markdown"
PARTS = {
    "1: the layer, run": ("q1-live", "stream"),
    "1: comparison with nn.Conv2d": ("tbl-q1-comparison", TEXT),
    "1: a photograph through the layer": ("fig-q1-filters", PICTURE),
    "2: the six outputs": ("q2-outputs", TEXT),
    "2: the kernel's derivatives": ("q2-kernel-derivatives", TEXT),
    "2: the pixels' derivatives": ("q2-image-derivatives", TEXT),
    "2: the numerical check": ("tbl-q2-example", TEXT),
    "3: the Dataset with its transforms": ("q3-dataset", TEXT),
    "3: five images of each class": ("fig-q3-samples", PICTURE),
    "3: the network's children": ("tbl-q3-children", TEXT),
    "3: the frozen backbone": ("q3-freezing-live", "stream"),
    "3: the head's training": ("q3-training-live", "stream"),
    "3: the small network's training": ("q3-small-resnet-training-live", "stream"),
    "3: the training's course": ("fig-q3-curves", PICTURE),
    "3: the small network": ("q3-small-resnet-live", "stream"),
    "3: accuracy of both models": ("tbl-q3-comparison", TEXT),
    "3: the ten most blatant mistakes": ("fig-q3-mistakes", PICTURE),
    "3: which model is preferred": ("q3-answer", TEXT),
}
"""Each part of each question: the label of the cell that answers it and what it shows."""

DEFINITIONS = {
    "q1-class": "class Conv2d",
    "q1-arithmetic": "def convolve",
    "q2-source": "def convolution_gradients",
    "q3-backbone-code": "class TransferResNet",
    "q3-training-code": "def train_head",
    "q3-small-resnet-code": "class SmallResNet",
    "q3-small-resnet-training-code": "def train_small_resnet",
    "q3-mistakes-code": "def blatant_mistakes",
}
"""The code that answers: the label of its cell and what that defines."""


@dataclass(frozen=True)
class Finding:
    """One thing that was looked for.

    Parameters
    ----------
    ok
        Whether it is as it should be.
    what
        In words; for a fault, what is wrong.
    """

    ok: bool
    what: str


def check(path: Path) -> list[Finding]:
    """Look through a submission.

    Parameters
    ----------
    path
        The ZIP.

    Returns
    -------
    list of Finding

    Raises
    ------
    UserError
        If there is no such file, or it is no ZIP.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            contents = {name: archive.read(name) for name in archive.namelist()}
    except FileNotFoundError as error:
        raise UserError(f"There is no file {path}: make it with `mmn13 submit`.") from error
    except (OSError, zipfile.BadZipFile, zlib.error, RuntimeError, EOFError) as error:
        raise UserError(f"{path} is no ZIP that can be read: make it with `mmn13 submit`.") from (
            error
        )
    return [*_files(contents), *_notebook(contents), *_report(contents), *_read_me(contents)]


def listing(path: Path) -> Iterator[str]:
    """Yield what is in a ZIP: its files, and each folder with their number.

    Parameters
    ----------
    path
        The ZIP.
    """
    with zipfile.ZipFile(path) as archive:
        entries = [entry for entry in archive.infolist() if not entry.is_dir()]
    tops = sorted({entry.filename.split("/")[0] for entry in entries})
    for top in tops:
        inside = [entry for entry in entries if entry.filename.split("/")[0] == top]
        size = sum(entry.file_size for entry in inside) / 1000
        if inside[0].filename == top:
            yield f"{top}  {size:,.0f} kB"
        else:
            yield f"{top}/  {len(inside)} files, {size:,.0f} kB"


def _files(contents: dict[str, bytes]) -> Iterator[Finding]:
    for name in FILES:
        state = "missing" if name not in contents else "there" if contents[name] else "empty"
        yield Finding(state == "there", f"{name} is {state}")
    for folder in FOLDERS:
        inside = [name for name in contents if name.startswith(folder)]
        yield Finding(bool(inside), f"{folder} has {len(inside)} files")
    others = [name for name in contents if not name.endswith("/") and not belongs(name)]
    words = f"it does not belong here: {', '.join(others[:5])}" if others else "nothing else"
    yield Finding(not others, words)


def _notebook(contents: dict[str, bytes]) -> Iterator[Finding]:
    if NOTEBOOK not in contents:
        return
    size = len(contents[NOTEBOOK])
    yield Finding(size <= LARGEST, f"the notebook has {size / 1e6:.1f} of at most 20 MB")
    try:
        notebook = nbformat.reads(contents[NOTEBOOK].decode("utf-8"), as_version=4)
        nbformat.validate(notebook)
    except (ValueError, TypeError, KeyError, AttributeError, nbformat.ValidationError) as error:
        yield Finding(False, f"the notebook is not valid: {_first_line(error)}")
        return
    yield Finding(True, "the notebook is valid")
    code = [cell for cell in notebook.cells if cell.cell_type == "code"]
    unexecuted = [_label(cell) for cell in code if cell.execution_count is None]
    yield _none("every cell was executed", "not executed", unexecuted)
    counts = [cell.execution_count for cell in code if cell.execution_count is not None]
    ordered = counts == sorted(set(counts))
    words = "in order" if ordered else "out of order: restart the kernel and run all"
    yield Finding(ordered, f"the cells were executed {words}")
    failed = [_label(cell) for cell in code if "error" in _shown(cell)]
    yield _none("no cell shows an error", "they show an error", failed)
    bare = [_label(cell) for cell in code if _marks(cell).get("shows") and not cell.outputs]
    yield _none("every output is in its place", "their output is gone", bare)
    cells = {_label(cell): cell for cell in code}
    for part, (label, kind) in PARTS.items():
        good = label in cells and kind in _shown(cells[label])
        yield Finding(good, f"question {part}" + ("" if good else f": no output ({label})"))
    for label, defined in DEFINITIONS.items():
        good = label in cells and defined in cells[label].source
        yield Finding(good, f"{label} {'defines' if good else 'does not define'} {defined}")
    first = notebook.cells[0].source if notebook.cells else ""
    yield _same_link("in the notebook", [_link(first)], contents)


def _first_line(error: Exception) -> str:
    return (str(error).splitlines() or [type(error).__name__])[0]


def _marks(cell: Any) -> dict[str, Any]:
    return dict(cell.metadata.get(KEY, {}))


def _label(cell: Any) -> str:
    return str(_marks(cell).get("label", cell.get("id", "?")))


def _shown(cell: Any) -> set[str]:
    """Name the kinds of a cell's outputs: MIME types, or stream and error."""
    return {kind for output in cell.outputs for kind in output.get("data", [output.output_type])}


def _none(good: str, bad: str, labels: list[str]) -> Finding:
    return Finding(not labels, f"{bad}: {', '.join(labels)}" if labels else good)


def _link(text: str) -> str:
    found = re.search(r"https?://[^\s<>)\"]+", text)
    return found[0] if found and is_web_address(found[0]) else ""


def _report(contents: dict[str, bytes]) -> Iterator[Finding]:
    if REPORT not in contents:
        return
    from pypdf import PdfReader
    from pypdf.errors import PyPdfError

    try:
        pages = PdfReader(io.BytesIO(contents[REPORT])).pages
        # the first page has the contents: a chapter's title there is not the chapter
        text = _plain(" ".join(page.extract_text() for page in pages[1:]))
        links = [
            str(note.get_object().get("/A", {}).get("/URI", ""))
            for note in (pages[0].get("/Annots") or [])
        ]
    except (
        PyPdfError,
        ValueError,
        LookupError,
        AttributeError,
        TypeError,
        RecursionError,
    ) as error:
        yield Finding(False, f"the PDF can't be read: {error}")
        return
    yield Finding(True, f"the PDF has {len(pages)} pages")
    for chapter, title in CHAPTERS.items():
        yield Finding(_plain(title) in text, f"the PDF has {chapter} ({title})")
    yield _same_link("on the PDF's first page", links, contents)


def _same_link(where: str, links: list[str], contents: dict[str, bytes]) -> Finding:
    """Find the link of README.txt among others."""
    expected = _link(contents.get(READ_ME, b"").decode("utf-8", "replace"))
    good = bool(expected) and expected in links
    shown = expected if good else "none, or not that of README.txt"
    return Finding(good, f"the video's link {where}: {shown}")


def _plain(text: str) -> str:
    """Take away what typesetting adds: breaks, ligatures and soft hyphens."""
    text = text.replace("\xad", "").replace("ﬁ", "fi").replace("ﬂ", "fl").replace("ﬀ", "ff")
    return re.sub(r"[-‐]?\s+|-", "", text)


def _read_me(contents: dict[str, bytes]) -> Iterator[Finding]:
    if READ_ME in contents:
        link = _link(contents[READ_ME].decode("utf-8", "replace"))
        yield Finding(bool(link), f"the video's link in {READ_ME}: {link or 'none'}")
