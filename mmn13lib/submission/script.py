"""Sets the video's script, `report/video-script.qmd`, like a chapter of the report."""

import tempfile
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from mmn13lib.foundation import storage
from mmn13lib.foundation.settings import Settings
from mmn13lib.prepare import outside
from mmn13lib.rendering.book import read_book, read_chapter
from mmn13lib.rendering.document import build
from mmn13lib.rendering.execution import execute_all

SCRIPT = "report/video-script.qmd"


def make(settings: Settings, progress: Callable[[str], None] = print) -> Path:
    """Make ``submission/video-script.pdf``, with the numbers of the results that are here."""
    book = read_book(settings.root)
    script = read_chapter(settings.root / SCRIPT)
    said = execute_all([script], book, settings, outside(settings), progress)
    titles = {"title": "The video's script", "subtitle": str(book.option("book.title"))}
    front = {**book.config["book"], **titles, "output-file": "video-script"}
    book = replace(book, config={**book.config, "book": front})
    with tempfile.TemporaryDirectory(prefix="mmn13-") as folder:
        paper = build(said, book, "typst", Path(folder))
        path = settings.submission / paper.name
        storage.write_bytes(path, paper.read_bytes())
    return path
