"""Makes the documents from executed chapters: one HTML file, one PDF, the text of a notebook.

The outputs go back into the chapters' Markdown, and pandoc turns that into HTML, typst or a
notebook's Markdown with the help of `filter.lua`; the typst wheel makes the PDF.
"""

import base64
import html
import json
import re
import subprocess
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from mmn13lib.foundation.errors import UserError
from mmn13lib.rendering.book import Book, Cell
from mmn13lib.rendering.execution import Executed

FORMATS = ("html", "typst")
MADE_BY = "Made by the embedded engine of mmn13 (pandoc, typst)."
HERE = Path(__file__).parent
_IMAGES = {"image/svg+xml": "svg", "image/png": "png"}
_FOOTNOTE = re.compile(r"\[\^([^\]\s]+)\]")
_WRITERS = {
    "html": ("--to=html", "--mathml", "--embed-resources", "--wrap=preserve"),
    "typst": ("--to=typst", "--syntax-highlighting=idiomatic", "--wrap=preserve"),
    "notebook": (
        "--to=commonmark+tex_math_dollars+pipe_tables+raw_html",
        "--wrap=none",
        "--syntax-highlighting=none",
    ),
}
_TEMPLATES = {"html": "report.html", "typst": "report.typ", "notebook": "report.md"}


def assemble(chapter: Executed, book: Book, format: str, folder: Path) -> str:
    """Put a chapter's outputs back into its Markdown; its figures are written to the folder.

    The format is html, typst or notebook. The text begins with a mark that tells the filter the
    chapter's file.
    """
    path = chapter.chapter.path.relative_to(book.root).as_posix()
    appendix = str(chapter.chapter.appendix).lower()
    pieces = [f'::: {{.chapter-begins file="{path}" appendix="{appendix}"}}\n:::\n\n']
    outputs = iter(chapter.outputs)
    for part in chapter.chapter.parts:
        if isinstance(part, Cell):
            blocks = list(_cell(part, next(outputs), _options(part, book, format), format, folder))
            pieces.append("\n" + "\n\n".join(blocks) + "\n")
        else:
            # pandoc reads the chapters as one document, in which footnotes need their own names
            pieces.append(_FOOTNOTE.sub(rf"[^{chapter.chapter.name}-\1]", part))
    return "".join(pieces)


def _options(cell: Cell, book: Book, format: str) -> dict[str, Any]:
    """Merge a cell's options over those of the format and of the book."""
    of_format = book.option(f"format.{format}", {})
    fold = {"code-fold": of_format.get("code-fold", False)}
    return {**book.option("execute", {}), **fold, **of_format.get("execute", {}), **cell.options}


def _cell(
    cell: Cell, outputs: list[Any], options: dict[str, Any], format: str, folder: Path
) -> Iterator[str]:
    """Yield the Markdown blocks that a cell becomes."""
    hidden = options.get("include") is False
    if format == "notebook":
        shown = [] if hidden or options.get("output") is False else outputs
        body = [] if cell.holds_digest else [_notebook_cell(cell, shown)]
    elif hidden:
        return
    else:
        yield from _code(cell, options, format)
        silent = options.get("output", True) is False
        body = [
            _output(cell, output, options, number, folder)
            for number, output in enumerate([] if silent else outputs)
        ]
    caption = options.get("fig-cap") or options.get("tbl-cap")
    if caption:
        yield f"::: {{#{cell.label}}}"
        yield from filter(None, body)
        yield str(caption).strip()
        yield ":::"
    else:
        yield from filter(None, body)


def _code(cell: Cell, options: dict[str, Any], format: str) -> Iterator[str]:
    if not (options.get("echo", True) and cell.code):
        return
    code = _fenced(cell.code, "python")
    if format == "html" and options["code-fold"]:
        summary = html.escape(str(options.get("code-summary", "Code")))
        yield f'```{{=html}}\n<details class="code"><summary>{summary}</summary>\n```'
        yield code
        yield "```{=html}\n</details>\n```"
    else:
        yield code


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
        if options.get("output") == "asis" and output.name == "stdout":
            return str(output.text)
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
    chapters: Sequence[Executed], book: Book, folder: Path, formats: Sequence[str] = FORMATS
) -> list[Path]:
    """Make the HTML file and the PDF, or one of them, in an empty folder.

    Raises
    ------
    UserError
        If a reference or a citation has no target, or a format can't be made.
    """
    with ThreadPoolExecutor() as pool:
        jobs = [pool.submit(_make, format, chapters, book, folder) for format in formats]
        return [job.result() for job in jobs]


def _make(format: str, chapters: Sequence[Executed], book: Book, folder: Path) -> Path:
    target = folder / str(book.option("output-file", "report"))
    made = convert(chapters, book, format, folder)
    if format == "html":
        page = target.with_name(f"{target.name}.html")
        page.write_text(made, "utf-8")
        return page
    import typst

    source, paper = folder / "report-source.typ", target.with_name(f"{target.name}.pdf")
    source.write_text(made, "utf-8")
    try:
        # its own fonts hold every letter of the report; others would differ between machines
        typst.compile(
            source, output=paper, root=folder, ignore_system_fonts=True, pdf_standards=["ua-1"]
        )
    except Exception as error:
        raise UserError(f"typst could not make the PDF: {error}") from error
    return paper


def pandoc_path() -> str:
    """Find the installed wheel's pandoc: pypandoc prefers the newest that the PATH has."""
    import pypandoc

    own = sorted(Path(pypandoc.__file__).parent.glob("files/pandoc*"))
    return str(own[0]) if own else str(pypandoc.get_pandoc_path())


def convert(chapters: Sequence[Executed], book: Book, format: str, folder: Path) -> str:
    """Let pandoc write the chapters as html, typst, or a notebook's text with marks to cut it at.

    The marks are the filter's: ``<!-- mmn13 cell q1-x -->`` and so on, each on its own line.
    """
    text = "\n\n".join(assemble(chapter, book, format, folder) for chapter in chapters)
    for partial in book.option("format.typst.template-partials", []) if format == "typst" else ():
        (folder / Path(partial).name).write_bytes((book.root / partial).read_bytes())
    metadata = folder / f"{format}.json"
    metadata.write_text(json.dumps(_metadata(book, format)), "utf-8")
    template = folder / _TEMPLATES[format]
    template.write_bytes((HERE / "templates" / template.name).read_bytes())
    sheets = [HERE / "templates" / "report.css", book.root / book.option("format.html.css")]
    command = [
        *(pandoc_path(), "--from=markdown+autolink_bare_uris", *_WRITERS[format]),
        *("--standalone", f"--template={template}", f"--lua-filter={HERE / 'filter.lua'}"),
        # the name, id and link are text; what the file holds is read as Markdown
        *(f"--metadata-file={metadata}", *_as_text(book)),
        *(() if format == "notebook" else ("--citeproc", "--number-sections", "--toc")),
        *("--toc-depth=2", *(f"--css={sheet}" for sheet in sheets if sheet.is_file())),
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
        "notice": book.option("notice"),
        "engine": MADE_BY,
        "link-citations": format != "notebook",
    }


def _as_text(book: Book) -> Iterator[str]:
    yield f"--metadata=author:{', '.join(book.authors)}"
    yield f"--metadata=student-id:{book.option('student.id')}"
    video = str(book.option("student.video"))
    if fault := fault_of_link(video):
        raise UserError(fault)
    yield f"--metadata=video:{video}"


def fault_of_link(video: str) -> str:
    """Say what is wrong with the video's link, if there is one and something is."""
    if not video or is_web_address(video):
        return ""
    return (
        f"The video's link {video!r} is no http(s) address: copy it whole, with the https:// at "
        "its beginning."
    )


def is_web_address(text: str) -> bool:
    """Tell whether a text is an address that a browser opens.

    Examples
    --------
    >>> is_web_address("https://zoom.us/rec/share/abc"), is_web_address("zoom.us/rec")
    (True, False)
    """
    if any(character.isspace() or character in "<>\"'`" for character in text):
        return False
    try:
        parts = urlsplit(text)
        host, _ = parts.hostname or "", parts.port  # a port that is no number is a ValueError
    except ValueError:
        return False
    return parts.scheme in ("http", "https") and bool(re.fullmatch(r"[\w-]+(\.[\w-]+)+", host))
