"""Writes the video's script from `report/video-script.qmd`, with a clock.

Under each heading is a scene, which names cells in backticks and ends with what to say.
"""

import tempfile
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import accumulate, pairwise
from pathlib import Path

from mmn13lib.foundation.errors import UserError
from mmn13lib.rendering.book import Book, Chapter, read_chapter
from mmn13lib.rendering.document import assemble, build
from mmn13lib.rendering.execution import Executed, execute
from mmn13lib.submission.material import Material, put
from mmn13lib.submission.notebook import questions
from mmn13lib.submission.package import executed_chapters, executed_notebook
from mmn13lib.writing.tables import markdown_table

SCRIPT = "report/video-script.qmd"
SAY = 'title="Say"}'
WORDS_PER_MINUTE = 125
SHORTEST, LONGEST = 6 * 60, 8 * 60
"""Seconds that the video may take."""


@dataclass(frozen=True)
class Scene:
    """One stretch of the video: its title, its Markdown, and the cells that it names."""

    title: str
    text: str
    cells: tuple[str, ...]

    @property
    def words(self) -> int:
        """How many are said."""
        return len(self.text.partition(SAY)[2].split())


def scenes(text: str, known: Collection[str]) -> list[Scene]:
    """Divide the script at its headings; `UserError` if a scene names a cell that is nowhere."""
    found = []
    for part in f"\n{text}".split("\n# ")[1:]:
        title, _, body = part.partition("\n")
        cells = tuple(body.partition(SAY)[0].split("`")[1::2])
        for cell in cells:
            if cell not in known:
                raise UserError(f"{SCRIPT}, “{title}”: no chapter has a cell {cell}.")
        found.append(Scene(title, body.strip(), cells))
    return found


def schedule(story: Sequence[Scene], seconds: Mapping[str, float]) -> list[float]:
    """Say when each scene begins, in seconds, and when the last one ends.

    What speaking and waiting for cells leave of six minutes is shared out as time to look.
    """
    lengths = [
        60 * scene.words / WORDS_PER_MINUTE + sum(seconds.get(cell, 0) for cell in scene.cells)
        for scene in story
    ]
    looking = max(0.0, SHORTEST + 15 - sum(lengths)) / len(lengths)
    return list(accumulate((length + looking for length in lengths), initial=0.0))


def clock(seconds: float) -> str:
    """Write a time as minutes and seconds."""
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes}:{rest:02}"


def timed(story: Sequence[Scene], seconds: Mapping[str, float], before: str = "") -> str:
    """Write the script with its clock, as a chapter's Markdown; `before` stands at its head."""
    starts = schedule(story, seconds)
    rows = [
        (clock(start), clock(end), scene.title)
        for scene, (start, end) in zip(story, pairwise(starts), strict=True)
    ]
    total = f"The clock adds up to **{clock(starts[-1])}** minutes, at {WORDS_PER_MINUTE} words a "
    total += "minute."
    if starts[-1] > LONGEST:
        total += " **That is too long: shorten it.**"
    if slow := [f"`{cell}` ({took:.0f} s)" for cell, took in seconds.items() if took >= 5]:
        total += f" Cells that take a while: {', '.join(slow)}."
    pieces = [before, total, markdown_table(["from", "to", "what"], rows, align="rrl")]
    for scene, (start, end, title) in zip(story, rows, strict=True):
        pieces += [f"# {start} – {end}: {title} {{.unnumbered}}", scene.text]
    return "\n\n".join(pieces)


def make(material: Material, progress: Callable[[str], None] = print) -> list[Path]:
    """Make ``submission/video-script.html`` and ``.pdf``."""
    settings, book = material.settings, material.book
    known = {"set-up", *(cell.label for chapter in questions(book) for cell in chapter.cells)}
    with tempfile.TemporaryDirectory(prefix="mmn13-") as temporary:
        folder, pages = Path(temporary) / "submission", Path(temporary) / "pages"
        pages.mkdir()
        said = execute(read_chapter(settings.root / SCRIPT, book.root), book, settings, progress)
        before, _, text = assemble(said, book, "typst", pages).partition("\n# ")
        story = scenes(f"# {text}", known)
        chapters = executed_chapters(material, progress)
        _, seconds = executed_notebook(material, chapters, folder, progress)
        if material.notice:
            title = "Not CIFAR-10"
            before = f'::: {{.callout-warning title="{title}"}}\n{material.notice}\n:::\n\n{before}'
        made = _typeset(timed(story, seconds, before), book, pages)
        return [put(settings, file.name, file.read_bytes()) for file in made]


def _typeset(text: str, book: Book, folder: Path) -> list[Path]:
    """Make the HTML file and the PDF, in the report's style."""
    title = {"title": "The video's script", "subtitle": str(book.option("book.title"))}
    front = {**book.config["book"], **title, "output-file": "video-script"}
    config = {**book.config, "book": front, "bibliography": ""}
    chapter = Chapter(book.root / "video-script.md", (text,))
    return build([Executed(chapter, ())], replace(book, config=config), folder)
