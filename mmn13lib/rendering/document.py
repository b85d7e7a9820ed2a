"""Makes the documents from executed chapters: one HTML file, one PDF, the text of a notebook.

The outputs go back into the chapters' Markdown, and pandoc turns that into HTML, typst or a
notebook's Markdown with the help of `filter.lua`; the typst wheel makes the PDF.
"""

import base64
import html
import json
import re
import shutil
import subprocess
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from mmn13lib.foundation.errors import UserError
from mmn13lib.rendering.book import Book, Cell
from mmn13lib.rendering.config import fault_of_link
from mmn13lib.rendering.execution import Executed

MADE_BY = "Made by the embedded engine of mmn13 (pandoc, typst)."
HERE = Path(__file__).parent
_IMAGES = {"image/svg+xml": "svg", "image/png": "png"}
_FOOTNOTE = re.compile(r"\[\^([^\]\s]+)\]")
_WHOLE = ("--wrap=preserve", "--citeproc", "--number-sections", "--toc", "--toc-depth=2")
_WRITERS = {
    "html": ("--to=html", "--mathml", "--embed-resources", *_WHOLE),
    "typst": ("--to=typst", "--syntax-highlighting=idiomatic", *_WHOLE),
    "notebook": (
        "--to=commonmark+tex_math_dollars+pipe_tables+raw_html",
        "--wrap=none",
        "--syntax-highlighting=none",
    ),
}
_ENDINGS = {"html": "html", "typst": "typ", "notebook": "md"}


def assemble(chapter: Executed, book: Book, format: str, folder: Path) -> str:
    """Put a chapter's outputs back into its Markdown; its figures are written to the folder."""
    path = chapter.chapter.path.relative_to(book.root).as_posix()
    appendix = str(chapter.chapter.appendix).lower()
    pieces = [f'::: {{.chapter-begins file="{path}" appendix="{appendix}"}}\n:::\n\n']
    outputs = iter(chapter.outputs)
    for part in chapter.chapter.parts:
        if isinstance(part, Cell):
            blocks = _cell(part, next(outputs), _options(part, book, format), format, folder)
            pieces.append("\n" + "\n\n".join(blocks) + "\n")
        else:
            # pandoc reads the chapters as one document, in which footnotes need their own names
            pieces.append(_FOOTNOTE.sub(rf"[^{chapter.chapter.name}-\1]", part))
    return "".join(pieces)


def _options(cell: Cell, book: Book, format: str) -> dict[str, Any]:
    """Merge a cell's options over those of the format and of the book."""
    of_format = book.option(f"format.{format}", {})
    of_all = book.option("execute", {})
    return {**of_all, **of_format, **of_format.get("execute", {}), **cell.options}


def _cell(
    cell: Cell, outputs: list[Any], options: dict[str, Any], format: str, folder: Path
) -> list[str]:
    """List the Markdown blocks that a cell becomes."""
    hidden = options.get("include") is False
    if cell.holds_digest or (hidden and format != "notebook"):
        return []
    shown = [] if hidden else outputs
    if format == "notebook":
        code, body = [], [_notebook_cell(cell, shown)]
    else:
        code = _code(cell, options, format)
        body = [_output(cell, output, options, i, folder) for i, output in enumerate(shown)]
    if caption := options.get("fig-cap") or options.get("tbl-cap"):
        body = [f"::: {{#{cell.label}}}", *body, str(caption).strip(), ":::"]
    return [block for block in (*code, *body) if block]


def _code(cell: Cell, options: dict[str, Any], format: str) -> list[str]:
    if not (options.get("echo", True) and cell.code):
        return []
    code = _fenced(cell.code, "python")
    if format != "html" or not options.get("code-fold"):
        return [code]
    summary = html.escape(str(options.get("code-summary", "Code")))
    opening = f'<details class="code"><summary>{summary}</summary>'
    return [_fenced(opening, "{=html}"), code, _fenced("</details>", "{=html}")]


def _notebook_cell(cell: Cell, outputs: list[Any]) -> str:
    """Mark a cell's place, with what it displays as Markdown: that is numbered like the text."""
    texts = [
        f"::: {{.output number={number}}}\n{output.data['text/markdown']}\n:::"
        for number, output in enumerate(outputs)
        if "text/markdown" in output.get("data", {})
    ]
    source = _fenced(cell.code, "{.source}")
    return "\n\n".join([f'::: {{.cell label="{cell.label}"}}', source, *texts, ":::"])


def _output(cell: Cell, output: Any, options: dict[str, Any], number: int, folder: Path) -> str:
    if output.output_type == "stream":
        if output.name == "stderr" and options.get("warning", True) is False:
            return ""
        return _fenced(output.text.rstrip("\n"), "{.output}")
    data = output.data
    for kind, ending in _IMAGES.items():
        if kind in data:
            name = f"{cell.label}-{number}.{ending}"
            image = data[kind]
            (folder / name).write_bytes(
                image.encode() if ending == "svg" else base64.b64decode(image)
            )
            alt = " ".join(str(options.get("fig-alt", "")).split()).replace('"', '\\"')
            return f'![]({name}){{fig-alt="{alt}"}}'
    for kind in ("text/markdown", "text/latex"):
        if kind in data:
            return str(data[kind]).strip()
    if "text/html" in data:
        raise UserError(
            f"{cell.file.name}, line {cell.line}: the cell {cell.label} shows HTML, which the PDF "
            "can't: let it display Markdown."
        )
    return _fenced(data.get("text/plain", ""), "{.output}")


def _fenced(text: str, language: str) -> str:
    runs = re.findall(r"`{3,}", text)
    fence = "`" * (max(map(len, runs), default=2) + 1)
    return f"{fence}{language}\n{text}\n{fence}"


def build(
    chapters: Sequence[Executed],
    book: Book,
    folder: Path,
    formats: Sequence[str] = ("html", "typst"),
) -> list[Path]:
    """Make HTML file and PDF in an empty folder; `UserError` for a reference that leads nowhere."""
    with ThreadPoolExecutor() as pool:
        jobs = [pool.submit(_make, format, chapters, book, folder) for format in formats]
        return [job.result() for job in jobs]


def _make(format: str, chapters: Sequence[Executed], book: Book, folder: Path) -> Path:
    source = folder / f"{book.option('book.output-file', 'report')}.{_ENDINGS[format]}"
    source.write_text(convert(chapters, book, format, folder), "utf-8")
    if format == "html":
        return source
    import typst

    paper = source.with_suffix(".pdf")
    try:
        # its own fonts hold every letter of the report; others would differ between machines
        typst.compile(
            source, output=paper, root=folder, ignore_system_fonts=True, pdf_standards=["ua-1"]
        )
    except Exception as error:
        raise UserError(f"typst could not make the PDF: {error}") from error
    return paper


def pandoc_path() -> str:
    """Name the installed wheel's pandoc: pypandoc prefers the newest that the PATH has."""
    import pypandoc

    return shutil.which("pandoc", path=Path(pypandoc.__file__).with_name("files")) or "pandoc"


def convert(chapters: Sequence[Executed], book: Book, format: str, folder: Path) -> str:
    """Let pandoc write the chapters as html, typst, or a notebook's text with marks to cut it at.

    The marks are the filter's: ``<!-- mmn13 cell q1-x -->`` and so on, each on its own line.
    """
    text = "\n\n".join(assemble(chapter, book, format, folder) for chapter in chapters)
    for partial in book.option("format.typst.template-partials", []) if format == "typst" else ():
        (folder / Path(partial).name).write_bytes((book.root / partial).read_bytes())
    metadata = folder / f"{format}.json"
    metadata.write_text(json.dumps(_metadata(book, format)), "utf-8")
    template = folder / f"report.{_ENDINGS[format]}"
    template.write_bytes((HERE / "templates" / template.name).read_bytes())
    sheets = [HERE / "templates" / "report.css", book.root / book.option("format.html.css")]
    command = [
        *(pandoc_path(), "--from=markdown+autolink_bare_uris", "--standalone"),
        # the filter runs before citeproc, which is one of the writers' options
        *(f"--template={template}", f"--lua-filter={HERE / 'filter.lua'}", *_WRITERS[format]),
        # the name, id and link are text; what the file holds is read as Markdown
        *(f"--metadata-file={metadata}", *_as_text(book)),
        *(f"--css={sheet}" for sheet in sheets if sheet.is_file()),
    ]
    done = subprocess.run(command, input=text, capture_output=True, encoding="utf-8", cwd=folder)
    missing = re.search(r"[Cc]itation (\S+) not found", done.stderr)
    if missing:
        raise UserError(f"{book.option('bibliography')} has no entry {missing[1]}, which is cited.")
    if done.returncode:
        message = re.sub(r"^Error running filter .*\n", "", done.stderr).strip()
        raise UserError(f"The {format} document could not be made: {message}")
    return done.stdout


def _metadata(book: Book, format: str) -> dict[str, Any]:
    bibliography = book.option("bibliography")
    return {
        **{name: book.option(f"book.{name}") for name in ("title", "subtitle")},
        **({"bibliography": str(book.root / bibliography)} if bibliography else {}),
        "lang": book.option("lang", "en"),
        "keywords": book.option("keywords", []),
        "engine": MADE_BY,
        "file": book.option("book.output-file", "report"),
        "link-citations": format != "notebook",
    }


def _as_text(book: Book) -> Iterator[str]:
    yield f"--metadata=author:{', '.join(book.authors)}"
    yield f"--metadata=student-id:{book.option('student.id')}"
    video = str(book.option("student.video"))
    if fault := fault_of_link(video):
        raise UserError(fault)
    yield f"--metadata=video:{video}"
