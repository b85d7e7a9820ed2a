"""Makes the one notebook from the chapters: first without outputs, and numbered once it has run."""

import json
import re
import subprocess
from collections.abc import Iterator, Sequence
from importlib import import_module
from pathlib import Path
from typing import Any

import nbformat
from nbformat import NotebookNode

from mmn13lib.foundation.errors import UserError
from mmn13lib.rendering.book import Book, Cell, Chapter
from mmn13lib.submission.definitions import definition, imported_names, listed
from mmn13lib.submission.identity import Student
from mmn13lib.submission.live import ALSO_DEFINED, LIVE
from mmn13lib.submission.markup import Numbering, References, plain

KEY = "mmn13"
SET_UP = """\
# Run this in the folder that the ZIP was unzipped to: mmn13lib/ and
# artifacts/, which lie beside this notebook, are read from there.
from pathlib import Path

from mmn13lib.submission.runtime import Markdown, adopt

%config InlineBackend.figure_formats = ["retina"]"""
_CAPTION = {"fig": "fig-cap", "tbl": "tbl-cap"}


def questions(book: Book) -> list[Chapter]:
    """Choose the chapters that answer a question."""
    return [chapter for chapter in book.chapters if re.match(r"q\d", chapter.name)]


def build(book: Book, student: Student, notice: str = "") -> NotebookNode:
    """Make the notebook, without outputs, its texts still in Quarto's Markdown.

    Parameters
    ----------
    book
        The report.
    student
        For the first cell.
    notice
        A warning for the first cell; empty for none.

    Returns
    -------
    NotebookNode
        Each cell's metadata says its label and what it is; `finish` needs that.
    """
    front = _front(book, student, notice)
    cells = [_markdown("front", front, "front"), _code("set-up", SET_UP)]
    defined: set[str] = set()
    for chapter in questions(book):
        cells += _chapter(chapter, defined)
    cells.append(_markdown("references", "", "references"))
    kernel = {"name": "python3", "language": "python", "display_name": "Python 3"}
    return nbformat.v4.new_notebook(
        cells=cells, metadata={"kernelspec": kernel, "language_info": {"name": "python"}}
    )


def _front(book: Book, student: Student, notice: str) -> str:
    lines = [f"# {book.option('book.title')}", str(book.option("book.subtitle"))]
    who = " · ".join(filter(None, [student.name, f"id {student.id}"]))
    lines.append(f"**{who}**")
    if student.video:
        lines.append(f"**Video:** <{student.video}>")
    if notice:
        lines.append(f"> **{notice}**")
    lines.append(
        "The three questions in order: text, code and what it printed. Code that answers a "
        "question stands in a cell that defines it, and the cells after it call that. The written "
        "answers are in `mmn13.pdf` as well; `README.txt` says how to run this."
    )
    return "\n\n".join(lines)


def _chapter(chapter: Chapter, defined: set[str]) -> Iterator[NotebookNode]:
    names: dict[str, tuple[str, str]] = {}
    live = {cell.after: cell for cell in LIVE}
    for number, part in enumerate(chapter.parts):
        if isinstance(part, str):
            if part.strip():
                yield _markdown(f"{chapter.short_name}-text-{number}", part.strip(), "prose")
        elif not part.holds_digest:
            names |= imported_names(part.code)
            objects = listed(part.code, names)
            if part.label in ALSO_DEFINED:
                module, name = ALSO_DEFINED[part.label]
                objects.insert(0, getattr(import_module(module), name))
            caption = _caption(part)
            source = definition(objects, defined) if objects else _here(part.code)
            defined |= {thing.__name__ for thing in objects}
            yield _code(part.label, source, alt=str(part.options.get("fig-alt", "")))
            if caption:
                yield _markdown(f"{part.label}-caption", caption, "caption", of=part.label)
            if part.label in live:
                cell = live[part.label]
                yield _markdown(f"{cell.label}-text", cell.text, "prose")
                yield _code(cell.label, cell.code)


def _caption(cell: Cell) -> str:
    option = _CAPTION.get(cell.label.partition("-")[0], "")
    return " ".join(str(cell.options.get(option, "")).split())


def _here(code: str) -> str:
    """Let a chapter's cell run in the unzipped folder, where no project is."""
    code = code.replace("Settings.from_environment()", "Settings(Path.cwd())")
    code = re.sub(r"^from mmn13lib\.writing\.listing import .+\n", "", code, flags=re.M)
    return re.sub(r"^from IPython\.display import (.+)\n", _display_import, code, flags=re.M).strip(
        "\n"
    )


def _display_import(statement: re.Match[str]) -> str:
    """Leave out IPython's Markdown: the set-up cell's shows the report's numbers."""
    names = [name.strip() for name in statement[1].split(",")]
    others = [name for name in names if name != "Markdown"]
    return f"from IPython.display import {', '.join(others)}\n" if others else ""


def _markdown(label: str, text: str, kind: str, **more: Any) -> NotebookNode:
    cell = nbformat.v4.new_markdown_cell(text, metadata={KEY: {"label": label, "is": kind, **more}})
    cell.id = label
    return cell


def _code(label: str, source: str, **more: Any) -> NotebookNode:
    more = {key: value for key, value in more.items() if value}
    # the name stands in the cell as well: viewers don't show metadata, and the script names cells
    named = f"# {label}\n{source}"
    cell = nbformat.v4.new_code_cell(named, metadata={KEY: {"label": label, "is": "code", **more}})
    cell.id = label
    return cell


def finish(notebook: NotebookNode, book: Book) -> References:
    """Give an executed notebook's texts and outputs the report's numbers, in place.

    Parameters
    ----------
    notebook
        What `build` made, executed.
    book
        The report.

    Returns
    -------
    mmn13lib.submission.markup.References
        For `runtime.Markdown`, so that another execution gives the same texts.

    Raises
    ------
    UserError
        If a text refers to something that has no number, or cites what has no entry.
    """
    numbering = Numbering()
    for cell in notebook.cells:
        marks = cell.metadata[KEY]
        if cell.cell_type == "markdown" and marks["is"] == "prose":
            cell.source = numbering.prose(cell.source)
        elif marks["is"] == "caption":
            words = numbering.item(marks["of"])
            cell.source = f"**{words}.** {_italic(cell.source)}"
        elif cell.cell_type == "code":
            for text in _texts(cell):
                numbering.prose(text["text/markdown"])
    citations, entries = _bibliography(notebook, book)
    references = References(numbering.labels, citations)
    for cell in notebook.cells:
        if cell.cell_type == "markdown" and cell.metadata[KEY]["is"] != "front":
            cell.source = plain(cell.source, references)
        elif cell.cell_type == "code":
            # warnings name folders of the machine and differ from one to the next
            cell.outputs = [output for output in cell.outputs if output.get("name") != "stderr"]
            for text in _texts(cell):
                text["text/markdown"] = plain(text["text/markdown"], references)
            _describe(cell)
        if cell.metadata[KEY]["is"] == "references":
            cell.source = f"# References\n\n{entries}"
    _check_resolved(notebook)
    return references


def _italic(text: str) -> str:
    """Set a caption in italics, if nothing in it would end them early."""
    words = re.sub(r"\$[^$]*\$", "", text)
    return text if re.search(r"[*_`]", words) else f"*{text}*"


def _texts(cell: NotebookNode) -> list[dict[str, str]]:
    return [output.data for output in cell.outputs if "text/markdown" in output.get("data", {})]


def _describe(cell: NotebookNode) -> None:
    """Give pictures the text for those who don't see them."""
    alt = cell.metadata[KEY].get("alt")
    for output in cell.outputs if alt else []:
        if "image/png" in output.get("data", {}):
            output.metadata.setdefault("image/png", {})["alt"] = " ".join(alt.split())


def _bibliography(notebook: NotebookNode, book: Book) -> tuple[dict[str, str], str]:
    """Let pandoc write author and year of each entry that is cited, and the list of them."""
    bibliography = book.option("bibliography")
    if not bibliography:
        return {}, ""
    known = re.findall(r"^@\w+\{([\w:-]+),", (book.root / bibliography).read_text("utf-8"), re.M)
    texts = [cell.source for cell in notebook.cells if cell.cell_type == "markdown"]
    texts += [text["text/markdown"] for cell in notebook.cells if cell.cell_type == "code"
              for text in _texts(cell)]  # fmt: skip
    everything = "\n".join(texts)
    cited = [key for key in known if re.search(rf"@{key}(?![\w-])", everything)]
    if not cited:
        return {}, ""
    source = "\n\n".join(f"{key} [@{key}]" for key in cited) + "\n\n::: {#refs}\n:::\n"
    made = _pandoc(source, ["--citeproc", f"--bibliography={book.root / bibliography}"])
    short = dict(re.findall(r"^(\S+) \((.+)\)$", made, flags=re.M))
    entries = made.split("\n\n")[len(cited) :]
    return short, "\n\n".join(f"- {entry.strip()}" for entry in entries if entry.strip())


def _pandoc(source: str, options: Sequence[str]) -> str:
    import pypandoc

    command = [pypandoc.get_pandoc_path(), "--from=markdown", "--to=commonmark", "--wrap=none"]
    done = subprocess.run([*command, *options], input=source, capture_output=True, encoding="utf-8")
    if done.returncode:
        raise UserError(f"The notebook's references could not be made: {done.stderr.strip()}")
    return re.sub(r"^</?div[^\n]*>\n\n?", "", done.stdout, flags=re.M)


def _check_resolved(notebook: NotebookNode) -> None:
    """Refuse a notebook in which a reference has no number."""
    for cell in notebook.cells:
        texts = [cell.source] if cell.cell_type == "markdown" else []
        texts += [text["text/markdown"] for text in (_texts(cell) if not texts else [])]
        for text in texts:
            prose = re.sub(r"`[^`]*`", "", text)
            left = re.search(r"(?<![\w@])@[a-z][\w-]+|\{#[\w-]+\}|\{\{<", prose)
            if left:
                label = cell.metadata[KEY]["label"]
                raise UserError(f"The notebook's {label} refers to {left[0]}, which has no number.")


def write(notebook: NotebookNode, path: Path) -> None:
    """Write a notebook as Jupyter does."""
    path.write_text(json.dumps(notebook, indent=1, ensure_ascii=False) + "\n", "utf-8")
