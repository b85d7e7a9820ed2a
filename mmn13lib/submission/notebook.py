"""Makes the one notebook from the executed chapters, without outputs, and finishes it with them.

Its text is the report's, written by the same filter: that numbers, refers and cites. Here it is cut
where the filter's marks stand, and the cells are put between.
"""

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import nbformat
from nbformat import NotebookNode

from mmn13lib.foundation.errors import UserError
from mmn13lib.rendering.book import Book, Cell, Chapter
from mmn13lib.rendering.document import convert
from mmn13lib.rendering.execution import Executed
from mmn13lib.submission.definitions import (
    Origin,
    bound_by_imports,
    defined_names,
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
    "The three questions in order: text, code and what it printed. Code that answers a question "
    "stands in a cell that defines it, and the cells after it call that. The written answers are "
    "in `mmn13.pdf` as well; `README.txt` says how to run this."
)
QUARTOS_MARKS = ("@fig-", "@tbl-", "@eq-", "@sec-", "[@", "{#", ":::", "\tag{")
"""What a notebook's viewer would show as it stands; the last is a TeX command with a tab in it."""


@dataclass(frozen=True)
class Draft:
    """A notebook without outputs, and how it says what its cells display.

    `displayed` has, by label, the report's Markdown output and the notebook's form of it.
    """

    notebook: NotebookNode
    displayed: dict[str, list[tuple[str, str]]]
    alternatives: dict[str, str]


def questions(book: Book) -> list[Chapter]:
    """Choose the chapters that answer a question."""
    return [chapter for chapter in book.chapters if is_question(chapter.name)]


def is_question(name: str) -> bool:
    """Tell by its name whether a chapter answers a question."""
    return name[:1] == "q" and name[1:2].isdigit()


def draft(chapters: Sequence[Executed], book: Book, folder: Path) -> Draft:
    """Make the notebook, without outputs, from the executed chapters of the whole report.

    Chapters that answer no question count for the numbers, and stay out; `folder` is an empty one.
    """
    chapters = _with_definitions(chapters)
    reported = {
        cell.label: [output.get("data", {}).get("text/markdown", "") for output in outputs]
        for chapter in chapters
        for cell, outputs in zip(chapter.chapter.cells, chapter.outputs, strict=True)
    }
    front, *pieces = _cut(convert(chapters, book, "notebook", folder))
    cells = [_markdown("front", f"{front[2]}\n\n{ABOUT}"), _code("set-up", SET_UP)]
    displayed: dict[str, list[tuple[str, str]]] = {}
    chapter = label = ""
    for kind, argument, text in pieces:
        if kind == "chapter":
            chapter = Path(argument).stem
        if not (is_question(chapter) or chapter == "references"):
            continue
        if kind == "cell":
            label = argument
            cells.append(_code(label, _without_fence(text)))
        elif kind == "output":
            displayed.setdefault(label, []).append((reported[label][int(argument)], text))
        elif text:
            cells.append(_markdown(f"{chapter}-text-{len(cells)}", text))
    kernel = {"name": "python3", "language": "python", "display_name": "Python 3"}
    metadata = {"kernelspec": kernel, "language_info": {"name": "python"}}
    alternatives = {
        cell.label: " ".join(str(cell.options.get("fig-alt", "")).split())
        for question in questions(book)
        for cell in question.cells
    }
    notebook = nbformat.v4.new_notebook(cells=cells, metadata=metadata)
    return Draft(notebook, displayed, alternatives)


def _cut(text: str) -> Iterator[tuple[str, str, str]]:
    """Cut at the filter's marks: each one's kind and argument, and the text up to the next."""
    front, *pieces = text.split("<!-- mmn13 ")
    yield "front", "", front.strip()
    for piece in pieces:
        mark, _, rest = piece.partition(" -->")
        kind, _, argument = mark.partition(" ")
        yield kind, argument, rest.strip("\n")


def _without_fence(block: str) -> str:
    return "\n".join(block.split("\n")[1:-1])


def _with_definitions(chapters: Sequence[Executed]) -> list[Executed]:
    """Let listings define what they print; leave out of the imports what that makes needless."""
    defined: set[str] = set()
    changed = [
        _defining(chapter, defined) if is_question(chapter.chapter.name) else chapter
        for chapter in chapters
    ]
    code = [
        cell.code
        for chapter in changed
        for cell in chapter.chapter.cells
        if is_question(chapter.chapter.name)
    ]
    used: set[str] = set()
    there: set[str] = set()
    early: set[str] = set()  # a cell before the definition calls them: their import stays
    for source in code:
        there |= defined_names(source)
        used |= used_names(source)
        early |= used & (defined - there)
    return [_importing(chapter, defined - early, used) for chapter in changed]


def _defining(chapter: Executed, defined: set[str]) -> Executed:
    imported: dict[str, Origin] = {}
    parts: list[str | Cell] = []
    outputs = []
    shown = iter(chapter.outputs)
    for part in chapter.chapter.parts:
        if isinstance(part, Cell):
            output = next(shown)
            imported |= bound_by_imports(part.code)
            names = listed(part.code)
            objects = [resolve(name, imported) for name in names]
            objects = [thing for thing in objects if thing.__name__ not in defined]
            if objects:
                part = replace(part, source=definition(objects, defined))
                defined |= {thing.__name__ for thing in objects}
            elif names:  # an earlier cell has defined them
                continue
            outputs.append([] if names else output)
        parts.append(part)
    return replace(
        chapter, chapter=replace(chapter.chapter, parts=tuple(parts)), outputs=tuple(outputs)
    )


def _importing(chapter: Executed, defined: set[str], used: set[str]) -> Executed:
    if not is_question(chapter.chapter.name):
        return chapter

    def trimmed(part: str | Cell) -> str | Cell:
        if isinstance(part, str) or part.holds_digest:
            return part
        own = {name for name, origin in bound_by_imports(part.code).items()
               if origin[0].startswith("mmn13lib")}  # fmt: skip
        return replace(part, source=without_imports(part.code, own & defined | own - used))

    parts = tuple(trimmed(part) for part in chapter.chapter.parts)
    return replace(chapter, chapter=replace(chapter.chapter, parts=parts))


def _markdown(label: str, text: str) -> NotebookNode:
    cell = nbformat.v4.new_markdown_cell(text)
    cell.id = label
    return cell


def _code(label: str, source: str) -> NotebookNode:
    # the name stands in the cell as well: viewers don't show ids, and the script names cells
    cell = nbformat.v4.new_code_cell(f"# {label}\n{source}")
    cell.id = label
    return cell


def finish(notebook: NotebookNode, made: Draft) -> None:
    """Take warnings out of an executed notebook and describe its pictures, in place.

    What a cell displays stays as it is; where only Quarto could read it, it is put as the report
    does. Raises `UserError` where the report's cell displayed something else.
    """
    for cell in notebook.cells:
        if cell.cell_type != "code":
            continue
        # warnings name folders of the machine and differ from one to the next
        cell.outputs = [output for output in cell.outputs if output.get("name") != "stderr"]
        cell.metadata[KEY] = {"shows": bool(cell.outputs)}
        in_words = dict(made.displayed.get(cell.id, ()))
        for output in cell.outputs:
            data = output.get("data", {})
            text = data.get("text/markdown", "")
            if any(mark in text for mark in QUARTOS_MARKS):
                if text not in in_words:
                    raise UserError(
                        f"The notebook's {cell.id} displays what only Quarto reads, "
                        f"{text[:200]!r}: labels and references stand whole in its own source."
                    )
                data["text/markdown"] = in_words[text]
            if "image/png" in data and made.alternatives.get(cell.id):
                output.metadata.setdefault("image/png", {})["alt"] = made.alternatives[cell.id]


def write(notebook: NotebookNode, path: Path) -> None:
    """Write a notebook as Jupyter does."""
    path.write_text(json.dumps(notebook, indent=1, ensure_ascii=False) + "\n", "utf-8")
