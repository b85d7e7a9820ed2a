"""Makes the documents from executed chapters: one HTML file, one PDF, the text of a notebook.

Chapters and outputs go to pandoc as JSON, in which a name or a path is text and nothing else; all
files that it reads lie beside one another. `filter.lua` makes HTML, typst or a notebook's Markdown
of them, and the typst wheel makes the PDF.
"""

import base64
import json
import os
import re
import shutil
import subprocess
from collections.abc import Sequence
from pathlib import Path
from typing import Any
from urllib.parse import quote

from mmn13lib.foundation.errors import UserError
from mmn13lib.rendering.book import Book, Cell
from mmn13lib.rendering.execution import Executed

MADE_BY = "Made by the built-in engine of mmn13 (pandoc, typst)."
HERE = Path(__file__).parent
_IMAGES = {"svg+xml": "svg", "png": "png", "jpeg": "jpg", "gif": "gif"}
_UNSEEN = re.compile(  # what is overwritten, a terminal's colours and links, control characters
    r"(?m)^.*\r(?=[^\r\n])|\x1b\][^\x07\x1b]*(\x07|\x1b\\)|\x1b(\[[0-?]*)?[ -/]*[@-~]"
    r"|[\x00-\x08\x0b-\x1f\x7f]"
)
_WHOLE = ("--wrap=preserve", "--citeproc", "--number-sections", "--toc", "--toc-depth=2")
_WRITERS = {
    "html": ("--to=html", "--mathml", "--embed-resources", "--template=report.html", *_WHOLE),
    "typst": (
        "--to=typst", "--syntax-highlighting=idiomatic", "--template=report.typ", *_WHOLE,
    ),
    "notebook": (
        "--to=commonmark+tex_math_dollars+pipe_tables+raw_html",
        "--wrap=none", "--syntax-highlighting=none", "--template=report.md",
    ),
}  # fmt: skip
_THING_OF_PAPER = r'equation\(block: \w+, alt: "((?:[^"\\]|\\.)*)"|image\("([^"]+)"'
_PANDOC = ("--from=filter.lua", "--standalone", "--data-dir=.")
_FILTERS_WORDS = 3  # the exit status with which it ends after a message of its own


def build(chapters: Sequence[Executed], book: Book, format: str, folder: Path) -> Path:
    """Make the HTML file or, from typst, the PDF; `UserError` for what it could not show."""
    content, source = _content(chapters, book, format), _lay_out(chapters, book, folder)
    text, file = _pandoc(content, source), folder / f"{book.option('book.output-file', 'report')}"
    if format == "typst":
        return _typeset(text, content, source, file.with_name(f"{file.name}.pdf"))
    file = file.with_name(f"{file.name}.html")
    file.write_text(text, "utf-8")
    return file


def convert(chapters: Sequence[Executed], book: Book, format: str, folder: Path) -> str:
    """Let pandoc write the chapters as html, typst, or a notebook's text with marks to cut it at.

    The marks are the filter's: ``<!-- mmn13 cell q1-x -->`` and so on, each on its own line.
    """
    return _pandoc(_content(chapters, book, format), _lay_out(chapters, book, folder))


def pandoc_path() -> str:
    """Name the installed wheel's pandoc: pypandoc prefers the newest that the PATH has."""
    import pypandoc

    return shutil.which("pandoc", path=Path(pypandoc.__file__).with_name("files")) or "pandoc"


def _lay_out(chapters: Sequence[Executed], book: Book, folder: Path) -> Path:
    """Put all that pandoc and typst read, the cells' figures too, into one folder; name it."""
    source = folder / "source"
    source.mkdir(exist_ok=True)
    partials = book.option("format.typst.template-partials", [])
    named = [book.root / name for name in (book.option("bibliography"), *partials) if name]
    for file in (HERE / "filter.lua", *(HERE / "templates").iterdir(), *named):
        shutil.copyfile(file, source / file.name)
    if style := book.option("format.html.css"):
        text = (book.root / style).read_text("utf-8")
        (source / "book.css").write_text(text, "utf-8")
        for name in re.findall(r"url\(['\"]?([^'\":)]+)", text):
            shutil.copyfile((book.root / style).parent / name, source / name)
    for chapter in chapters:
        for cell, outputs in zip(chapter.chapter.cells, chapter.outputs, strict=True):
            for number, output in enumerate(outputs):
                if kind := _image_kind(output):
                    image = output.data[f"image/{kind}"]
                    content = image.encode() if kind == "svg+xml" else base64.b64decode(image)
                    (source / _image_name(cell, number, kind)).write_bytes(content)
    return source


def _image_kind(output: Any) -> str:
    return next((kind for kind in _IMAGES if f"image/{kind}" in output.get("data", {})), "")


def _image_name(cell: Cell, number: int, kind: str) -> str:
    return f"{cell.label}-{number}.{_IMAGES[kind]}"


def _content(chapters: Sequence[Executed], book: Book, format: str) -> dict[str, Any]:
    """Gather what the filter takes: texts, texts that are Markdown, and the chapters."""
    return {
        "format": format,
        "root": str(book.root),
        "chapters": [_chapter(chapter, book, format) for chapter in chapters],
        "markdown": {name: str(book.option(f"book.{name}")) for name in ("title", "subtitle")},
        "text": {
            "author": ", ".join(book.authors),
            "student-id": str(book.option("student.id")),
            "video": str(book.option("student.video")),
            "bibliography": Path(book.option("bibliography")).name,
            "lang": str(book.option("lang", "en")),
            "engine": MADE_BY,
            "file": quote(str(book.option("book.output-file", "report"))),
        },
        "keywords": book.option("keywords", []),
    }


def _chapter(executed: Executed, book: Book, format: str) -> dict[str, Any]:
    """Give a chapter's text, whose lines are the file's, with a mark in the place of each cell."""
    text, cells, outputs = "", list[dict[str, Any]](), iter(executed.outputs)
    for part in executed.chapter.parts:
        if isinstance(part, str):
            text += part
            continue
        shown = next(outputs)
        if part.holds_digest:
            text += "\n"
            continue
        cells.append(_cell(part, shown, book, format))
        mark = f"<!--mmn13 {len(cells)}-->" + "\n" * (part.source.count("\n") + 2)
        text += f"\n{mark}"
    return {
        "file": executed.chapter.path.relative_to(book.root).as_posix(),
        "appendix": executed.chapter.appendix,
        "text": text,
        "cells": cells,
    }


def _cell(cell: Cell, outputs: Sequence[Any], book: Book, format: str) -> dict[str, Any]:
    """Give what a cell shows: its options are merged over those of the format and of the book."""
    names = ("execute", f"format.{format}", f"format.{format}.execute")
    options = {key: value for name in names for key, value in book.option(name, {}).items()}
    options |= cell.options
    hidden, in_notebook = options.get("include") is False, format == "notebook"
    parts = [
        part
        for number, output in enumerate([] if hidden else outputs)
        if not in_notebook or "text/markdown" in output.get("data", {})
        if (part := _output(cell, output, options, number)) != {"output": ""}
    ]
    caption = options.get("fig-cap") or options.get("tbl-cap") if not hidden else ""
    if caption and not (parts or in_notebook):
        said = f"the cell {cell.label} has a caption, and shows nothing that it could belong to"
        raise UserError(f"{cell.file.name}, line {cell.line}: {said}.")
    if cell.code and options.get("echo", True) and not (hidden or in_notebook):
        fold = options.get("code-fold") if format == "html" else False
        summary = {"summary": str(options.get("code-summary", "Code"))} if fold else {}
        parts.insert(0, {"code": cell.code, "open": fold == "show", **summary})
    captioned = {"caption": str(caption).strip()} if caption else {}
    return {"label": cell.label, "line": cell.line, "parts": parts, **captioned}


def _output(cell: Cell, output: Any, options: dict[str, Any], number: int) -> dict[str, Any]:
    if output.output_type == "stream":
        quiet = output.name == "stderr" and options.get("warning", True) is False
        text = "" if quiet else _UNSEEN.sub("", output.text).rstrip("\n")
        return {"output": text}
    data = output.data
    for kind in ("text/markdown", "text/latex"):
        if kind in data:
            return {"markdown": str(data[kind]), "number": number}
    if kind := _image_kind(output):
        alt = " ".join(str(options.get("fig-alt", "")).split())
        if not alt:
            said = "shows an image and has no fig-alt, a text for those who can't see it"
            raise UserError(f"{cell.file.name}, line {cell.line}: the cell {cell.label} {said}.")
        return {"image": _image_name(cell, number, kind), "alt": alt}
    if others := ", ".join(sorted(set(data) - {"text/plain"})):
        raise UserError(
            f"{cell.file.name}, line {cell.line}: the cell {cell.label} shows {others}, which the "
            "PDF can't: let it display Markdown, or a figure."
        )
    return {"output": _UNSEEN.sub("", data.get("text/plain", ""))}


def _pandoc(content: dict[str, Any], source: Path) -> str:
    sheets = [f"--css={name}" for name in ("report.css", "book.css") if (source / name).is_file()]
    done = subprocess.run(
        [pandoc_path(), *_PANDOC, *_WRITERS[content["format"]], *sheets],
        input=json.dumps(content, ensure_ascii=False), capture_output=True, encoding="utf-8",
        cwd=source, env={**os.environ, "LC_ALL": "C.UTF-8"},
    )  # fmt: skip
    if done.returncode == _FILTERS_WORDS:
        said = json.loads(done.stderr)
        line = said.get("line")
        file = Path(said["file"]).name
        place = f"{file}, line {line:.0f}" if line else _place(content, said["about"], said["file"])
        raise UserError(f"{place}: {said['message']}.")
    if missing := re.search(r"[Cc]itation (\S+) not found", done.stderr):
        place = _place(content, f"@{missing[1]}")
        bibliography = content["text"]["bibliography"]
        raise UserError(f"{place}: {bibliography} has no entry {missing[1]}, which is cited.")
    if done.returncode or "[WARNING]" in done.stderr:
        raise UserError(f"The {content['format']} could not be made: {done.stderr.strip()}")
    return done.stdout


def _typeset(text: str, content: dict[str, Any], source: Path, paper: Path) -> Path:
    import typst

    (source / "paper.typ").write_text(text, "utf-8")
    try:
        # its own fonts hold every letter of the report; others would differ between machines
        typst.compile(
            source / "paper.typ", paper, source, ignore_system_fonts=True, pdf_standards=["ua-1"]
        )
    except Exception as error:
        raise UserError(_fault_of_paper(error, text, content)) from error
    return paper


def _fault_of_paper(error: Any, text: str, content: dict[str, Any]) -> str:
    """Say where in the chapters, not in typst's source, what typst complains about stands."""
    if unknown := re.search(r'the text `"(.+)"` could not be displayed', str(error)):
        letters = re.sub(r"\\u\{(\w+)\}", lambda code: chr(int(code[1], 16)), unknown[1])
        codes = ", ".join(f"U+{ord(letter):04X}" for letter in letters)
        words = f"the PDF's fonts have no {unknown[1]} ({codes}): use other letters, or words"
        return f"{_place(content, letters)}: {words}."
    at = re.search(r"┌─ (.+):(\d+):\d+", getattr(error, "diagnostic", ""))
    file, line = (Path(at[1]).name, int(at[2])) if at else ("paper.typ", 1)
    about, file = (file, "") if file != "paper.typ" else ("", file)
    if file:
        *_, file = ("", *re.findall("(?m)^// in (.*)$", "\n".join(text.split("\n")[:line])))
        things = re.findall(_THING_OF_PAPER, text.split("\n")[line - 1])
        about = re.sub(r"\\(.)", r"\1", "".join(things[-1])) if things else ""
    return f"{_place(content, about, file)}: typst can't set {about or 'this'}: {error}."


def _place(content: dict[str, Any], text: str, file: str = "") -> str:
    """Find a text in the chapters, or in the one of this file: name the file and the line."""
    if not text:
        return Path(file).name or "The PDF"
    about = re.compile(r"\s+".join(map(re.escape, text.split())))
    for chapter in content["chapters"]:
        name = Path(chapter["file"]).name
        if file in ("", chapter["file"]):
            if found := about.search(chapter["text"]):
                line = chapter["text"][: found.start()].count("\n") + 1
                return f"{name}, line {line}"
            for cell in chapter["cells"]:
                values = [value for part in cell["parts"] for value in part.values()]
                if about.search("\n".join(map(str, (*values, cell.get("caption"))))):
                    return f"{name}, line {cell['line']}: the cell {cell['label']}"
    front = [*content["text"].values(), *content["markdown"].values()]
    known = "_quarto.yml" if any(map(about.search, front)) else content["text"]["bibliography"]
    return Path(file).name or known
