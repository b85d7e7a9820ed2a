"""Makes the one notebook: the text that the report's filter writes, cut at the filter's marks."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from nbformat import NotebookNode
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook

from mmn13lib.foundation.errors import UserError
from mmn13lib.rendering.book import Book, Cell, Chapter
from mmn13lib.rendering.document import convert
from mmn13lib.rendering.execution import Executed
from mmn13lib.submission.definitions import (
    Origin,
    bound_by_imports,
    definition,
    listed,
    resolve,
    used_names,
    without_imports,
)

KEY = "mmn13"
SET_UP = """\
# Run this in the folder that the ZIP was unzipped to: mmn13lib/ and
# artifacts/, which lie beside this notebook, are read from there. What is
# missing of the pinned libraries is installed (in Colab, for instance).
import subprocess
import sys
from importlib.metadata import distributions
from pathlib import Path

pinned = Path("requirements.txt").read_text().splitlines()[1:]
there = {item.name.lower().replace("_", "-") for item in distributions()}
missing = [line for line in pinned if line.split("==")[0] not in there]
if missing:
    pip = [sys.executable, "-m", "pip", "install", "--quiet"]
    subprocess.run([*pip, *missing], check=True)

%config InlineBackend.figure_formats = ["retina"]"""
ABOUT = (
    "The three questions in order: text, code and what it printed. What the report prints as a "
    "listing is defined in a cell here, and later cells call it. The written answers are in "
    "`mmn13.pdf` as well; `README.txt` says how to run this."
)
QUARTOS_MARKS = ("@fig-", "@tbl-", "@eq-", "@sec-", "[@", "{#", ":::", "\tag{")
"""What a notebook's viewer would show as it stands; the last is a TeX command with a tab in it."""


@dataclass(frozen=True)
class Draft:
    """A notebook without outputs, and what `finish` needs for its outputs."""

    notebook: NotebookNode
    displayed: dict[str, str]  # what the report's cells display as Markdown, and its plain form
    alternatives: dict[str, str]  # the pictures' alternative texts, by the cell's label


def questions(book: Book) -> list[Chapter]:
    """Choose the chapters that answer a question."""
    return [chapter for chapter in book.chapters if chapter.path.match("q[0-9]*")]


def draft(chapters: Sequence[Executed], book: Book, folder: Path) -> Draft:
    """Make the notebook from the executed chapters; those of no question count for numbers only."""
    reported = {
        cell.label: outputs
        for chapter in chapters
        for cell, outputs in zip(chapter.chapter.cells, chapter.outputs, strict=True)
    }
    code = _with_definitions(questions(book))
    changed = [replace(each, chapter=_with_sources(each.chapter, code)) for each in chapters]
    front, *pieces = convert(changed, book, "notebook", folder).split("<!-- mmn13 ")
    cells = [
        new_markdown_cell(f"{front.strip()}\n\n{ABOUT}", id="front"),
        new_code_cell(f"# set-up\n{SET_UP}", id="set-up"),
    ]
    shown = [*(question.name for question in questions(book)), "references"]
    displayed: dict[str, str] = {}
    chapter = label = ""
    for piece in pieces:
        mark, _, text = piece.partition(" -->")
        kind, _, argument = mark.partition(" ")
        text = text.strip("\n")
        if kind == "chapter":
            chapter = Path(argument).stem
        if chapter not in shown:
            continue
        if kind == "cell":
            label = argument
            _, *lines, _ = text.split("\n")
            # the name stands in the cell too: viewers don't show ids, and the script names cells
            if any(lines):
                cells.append(new_code_cell("\n".join([f"# {label}", *lines]), id=label))
        elif kind == "output":
            displayed[reported[label][int(argument)].data["text/markdown"]] = text
        elif text:
            cells.append(new_markdown_cell(text, id=f"{chapter}-text-{len(cells)}"))
    kernel = {"name": "python3", "language": "python", "display_name": "Python 3"}
    metadata = {"kernelspec": kernel, "language_info": {"name": "python"}}
    alternatives = {
        cell.label: " ".join(str(cell.options.get("fig-alt", "")).split())
        for question in questions(book)
        for cell in question.cells
    }
    return Draft(new_notebook(cells=cells, metadata=metadata), displayed, alternatives)


def _with_definitions(chapters: Sequence[Chapter]) -> dict[str, str]:
    """Give each cell's code: listings define, once, what they print; no import is needless."""
    code: dict[str, str] = {}
    defined: set[str] = set()
    for chapter in chapters:
        imported: dict[str, Origin] = {}
        for cell in (cell for cell in chapter.cells if not cell.holds_digest):
            code[cell.label] = cell.code
            imported |= bound_by_imports(cell.code)
            if names := listed(cell.code):
                things = [resolve(name, imported) for name in names]
                new = [thing for thing in things if thing.__name__ not in defined]
                code[cell.label] = definition(new, defined)
                defined |= {thing.__name__ for thing in new}
    needed = set().union(*map(used_names, code.values())) - defined
    for label, source in code.items():
        imports = bound_by_imports(source).items()
        own = {name for name, (module, _) in imports if module.startswith("mmn13lib")}
        code[label] = without_imports(source, own - needed)
    return code


def _with_sources(chapter: Chapter, code: Mapping[str, str]) -> Chapter:
    parts = (
        replace(part, source=code.get(part.label, part.source)) if isinstance(part, Cell) else part
        for part in chapter.parts
    )
    return replace(chapter, parts=tuple(parts))


def finish(draft: Draft) -> None:
    """Take warnings out, describe pictures, and put what only Quarto reads as the report does."""
    for cell in draft.notebook.cells:
        if cell.cell_type != "code":
            continue
        # warnings name folders of the machine and differ from one to the next
        cell.outputs = [output for output in cell.outputs if output.get("name") != "stderr"]
        cell.metadata[KEY] = {"shows": bool(cell.outputs)}
        for output in cell.outputs:
            data = output.get("data", {})
            text = data.get("text/markdown", "")
            if any(mark in text for mark in QUARTOS_MARKS):
                if text not in draft.displayed:
                    raise UserError(
                        f"The notebook's {cell.id} displays what only Quarto reads, "
                        f"{text[:200]!r}: labels and references stand whole in its own source."
                    )
                data["text/markdown"] = draft.displayed[text]
            if "image/png" in data and draft.alternatives.get(cell.id):
                output.metadata.setdefault("image/png", {})["alt"] = draft.alternatives[cell.id]
