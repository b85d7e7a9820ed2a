"""Makes the documents from executed chapters: one HTML file, one PDF.

The outputs go back into the chapters' Markdown, pandoc turns that into HTML and typst with the
help of `filter.lua`, and the typst wheel makes the PDF.
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

from mmn13lib.foundation.errors import UserError
from mmn13lib.rendering.book import Book, Cell
from mmn13lib.rendering.execution import Executed

FORMATS = ("html", "typst")
MADE_BY = "Made by the embedded engine of mmn13 (pandoc, typst)."
HERE = Path(__file__).parent
_IMAGES = {"image/svg+xml": "svg", "image/png": "png"}
_MIME_TYPES = {".svg": "image/svg+xml", ".png": "image/png", ".woff": "font/woff"}
_FOOTNOTE = re.compile(r"\[\^([^\]\s]+)\]")


def assemble(chapter: Executed, book: Book, format: str, folder: Path) -> str:
    """Put a chapter's outputs back into its Markdown.

    Parameters
    ----------
    chapter
        The executed chapter.
    book
        Its book, for the options of the format.
    format
        html or typst.
    folder
        Where to write the figures.

    Returns
    -------
    str
        Markdown, which begins with a mark that tells the filter the chapter's file.
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
    if options.get("include") is False:
        return
    if options.get("echo", True) and cell.code:
        code = _fenced(cell.code, "python")
        if format == "html" and options["code-fold"]:
            summary = html.escape(str(options.get("code-summary", "Code")))
            yield f'```{{=html}}\n<details class="code"><summary>{summary}</summary>\n```'
            yield code
            yield "```{=html}\n</details>\n```"
        else:
            yield code
    if options.get("output", True) is False:
        return
    shown = [
        _output(cell, output, options, number, folder) for number, output in enumerate(outputs)
    ]
    caption = options.get("fig-cap") or options.get("tbl-cap")
    if caption:
        yield f"::: {{#{cell.label}}}"
        yield from filter(None, shown)
        yield str(caption).strip()
        yield ":::"
    else:
        yield from filter(None, shown)


def _output(cell: Cell, output: Any, options: dict[str, Any], number: int, folder: Path) -> str:
    if output.output_type == "stream":
        if output.name == "stderr" and options.get("warning", True) is False:
            return ""
        if options.get("output") == "asis" and output.name == "stdout":
            return str(output.text)
        return _fenced(output.text.rstrip("\n"), ".output")
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
    return _fenced(data.get("text/plain", ""), ".output")


def _fenced(text: str, language: str) -> str:
    runs = re.findall(r"`{3,}", text)
    fence = "`" * (max(map(len, runs), default=2) + 1)
    return f"{fence}{{{language}}}\n{text}\n{fence}".replace("{python}", "python", 1)


def build(
    chapters: Sequence[Executed], book: Book, folder: Path, draft: bool = False
) -> list[Path]:
    """Make the HTML file and the PDF.

    Parameters
    ----------
    chapters
        The executed chapters, in order.
    book
        Their book.
    folder
        An empty folder to work in.
    draft
        True leaves references to chapters that aren't there as they are.

    Returns
    -------
    list of Path
        The HTML file and the PDF.

    Raises
    ------
    UserError
        If a reference or a citation has no target, or a format can't be made.
    """
    for template in (HERE / "templates").iterdir():
        (folder / template.name).write_bytes(template.read_bytes())
    for partial in book.option("format.typst.template-partials", []):
        (folder / Path(partial).name).write_bytes((book.root / partial).read_bytes())
    with ThreadPoolExecutor() as pool:
        jobs = [pool.submit(_make, format, chapters, book, folder, draft) for format in FORMATS]
        return [job.result() for job in jobs]


def _make(format: str, chapters: Sequence[Executed], book: Book, folder: Path, draft: bool) -> Path:
    text = "\n\n".join(assemble(chapter, book, format, folder) for chapter in chapters)
    made = _pandoc(text, format, book, folder, draft)
    target = (
        folder / f"{book.option('output-file', 'report')}.{'html' if format == 'html' else 'pdf'}"
    )
    if format == "html":
        target.write_text(_embed(made, book, folder), "utf-8")
        return target
    import typst

    source = folder / "report-source.typ"
    source.write_text(made, "utf-8")
    try:
        typst.compile(source, output=target, root=folder)
    except Exception as error:
        raise UserError(f"typst could not make the PDF: {error}") from error
    return target


def _pandoc(text: str, format: str, book: Book, folder: Path, draft: bool) -> str:
    import pypandoc

    bibliography = book.option("bibliography")
    (folder / f"{format}.json").write_text(json.dumps(_metadata(book, draft)), "utf-8")
    command = [
        *(pypandoc.get_pandoc_path(), "--from=markdown+autolink_bare_uris", f"--to={format}"),
        *(
            "--standalone",
            f"--template={folder / 'report'}.{'html' if format == 'html' else 'typ'}",
        ),
        *(f"--metadata-file={folder / format}.json", f"--lua-filter={HERE / 'filter.lua'}"),
        *(("--citeproc", f"--bibliography={book.root / bibliography}") if bibliography else ()),
        f"--variable=video={html.escape(str(book.option('student.video')))}",
        *("--number-sections", "--toc", "--toc-depth=2", "--mathml", "--wrap=preserve"),
        *(() if format == "html" else ("--syntax-highlighting=idiomatic",)),
    ]
    done = subprocess.run(command, input=text, capture_output=True, encoding="utf-8", cwd=folder)
    missing = re.search(r"[Cc]itation (\S+) not found", done.stderr)
    if missing and not draft:
        raise UserError(f"{bibliography} has no entry {missing[1]}, which is cited.")
    if done.returncode:
        message = re.sub(r"^Error running filter .*\n", "", done.stderr).strip()
        raise UserError(f"The {format} document could not be made: {message}")
    return done.stdout


def _metadata(book: Book, draft: bool) -> dict[str, Any]:
    author = book.option("book.author")
    authors = author if isinstance(author, list) else [author]
    return {
        "title": book.option("book.title"),
        "subtitle": book.option("book.subtitle"),
        "author": ", ".join(map(str, authors)),
        "by-author": [{"name": {"literal": str(name)}} for name in authors],
        "student": book.option("student", {}),
        "lang": book.option("lang", "en"),
        "engine": MADE_BY,
        "link-citations": True,
        "draft": draft,
    }


def _embed(page: str, book: Book, folder: Path) -> str:
    """Put style, font and images into the page, so that it is one file."""

    def data(name: str) -> str:
        content = base64.b64encode((folder / name).read_bytes()).decode()
        return f"data:{_MIME_TYPES[Path(name).suffix]};base64,{content}"

    sheets = [folder / "report.css", book.root / book.option("format.html.css")]
    style = "".join(sheet.read_text("utf-8") for sheet in sheets if sheet.is_file())
    style = re.sub(r"url\(([\w.-]+)\)", lambda match: f"url({data(match[1])})", style)
    page = page.replace("/* style */", style)
    return re.sub(r'src="([\w-]+\.(?:svg|png))"', lambda match: f'src="{data(match[1])}"', page)
