"""Writes the video's script: what to say, which cells to run, and when.

Its numbers come from the results that the report shows, its times from the executed notebook and
from the pace at which people speak.
"""

import shutil
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from nbformat import NotebookNode

from mmn13lib.foundation import storage
from mmn13lib.rendering.book import Book, Chapter
from mmn13lib.rendering.document import build
from mmn13lib.rendering.execution import Executed
from mmn13lib.submission.contents import lay_out
from mmn13lib.submission.material import Material, folder_of
from mmn13lib.submission.notebook import KEY
from mmn13lib.submission.package import executed_notebook
from mmn13lib.submission.story import Scene, scenes
from mmn13lib.writing.tables import markdown_table

WORDS_PER_MINUTE = 125
LONGEST_CELL = 20.0
"""Seconds: a cell that takes longer isn't run in the video, its output is shown."""

SHORTEST, LONGEST = 6 * 60, 8 * 60


@dataclass(frozen=True)
class Cue:
    """A scene with its time.

    Parameters
    ----------
    scene
        What is said and shown.
    start, end
        Seconds from the beginning of the video.
    seconds
        How long each of its cells takes.
    """

    scene: Scene
    start: float
    end: float
    seconds: dict[str, float]

    @property
    def live(self) -> list[str]:
        """The cells to run."""
        return [label for label, took in self.seconds.items() if took < LONGEST_CELL]


def schedule(story: Sequence[Scene], seconds: dict[str, float]) -> list[Cue]:
    """Give every scene its time.

    Parameters
    ----------
    story
        The scenes.
    seconds
        What each of the notebook's cells takes, by its label.

    Returns
    -------
    list of Cue
        From 0 on, without gaps; the whole takes from six to eight minutes. Speaking and waiting
        for cells come first; what is missing to six minutes is shared out as time to look, and
        if it would be more than eight, cells are shown instead of run, the slowest first.
    """
    took = {label: seconds[label] for scene in story for label in scene.run}
    speaking = [60 * len(scene.say.split()) / WORDS_PER_MINUTE for scene in story]
    while True:
        waiting = [
            sum(took[label] for label in scene.run if took[label] < LONGEST_CELL) for scene in story
        ]
        total = sum(speaking) + sum(waiting)
        runnable = [label for label in took if took[label] < LONGEST_CELL]
        if total <= LONGEST or not runnable:
            break
        slowest = max(runnable, key=lambda label: took[label])
        took[slowest] = LONGEST_CELL
    looking = max(0.0, SHORTEST + 15 - total) / len(story)
    cues, now = [], 0.0
    for scene, spoken, waited in zip(story, speaking, waiting, strict=True):
        end = now + spoken + waited + looking
        cues.append(Cue(scene, now, end, {label: took[label] for label in scene.run}))
        now = end
    return cues


def clock(seconds: float) -> str:
    """Write a time as minutes and seconds.

    Examples
    --------
    >>> clock(125)
    '2:05'
    """
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes}:{rest:02}"


def write(cues: Sequence[Cue], notice: str = "") -> str:
    """Write the script as a chapter's Markdown.

    Parameters
    ----------
    cues
        From `schedule`.
    notice
        A warning to stand at the head; empty for none.

    Returns
    -------
    str
    """
    warning = f'::: {{.callout-warning title="Not CIFAR-10"}}\n{notice}\n:::\n\n' if notice else ""
    rows = [(clock(cue.start), clock(cue.end), cue.scene.title) for cue in cues]
    total = clock(cues[-1].end)
    return "\n\n".join([
        "# Before you record {.unnumbered}",
        warning + "Unzip the submission into an empty folder, open `mmn13.ipynb` there, choose "
        "**Run all** once and wait: the cells below then have all that they need, and run again "
        "in the seconds that are given. In Zoom: **Share screen**, the browser's window, zoom the "
        "page to 125%, **Record**. Each cell has its name in its first line; Shift+Enter runs it. "
        "The words are a proposal: say them your way.",
        f"The clock adds up to **{total}** minutes, at {WORDS_PER_MINUTE} words a minute.",
        markdown_table(["from", "to", "what"], rows, align="rrl"),
        *(_scene(cue) for cue in cues),
    ])  # fmt: skip


def _scene(cue: Cue) -> str:
    lines = [f"# {clock(cue.start)} – {clock(cue.end)}: {cue.scene.title} {{.unnumbered}}"]
    lines.append(f"**Show:** {cue.scene.show}")
    live = [f"`{label}` ({max(1, round(cue.seconds[label]))} s)" for label in cue.live]
    if live:
        lines.append(f"**Run:** {', '.join(live)}")
    slow = [f"`{label}`" for label in cue.seconds if label not in cue.live]
    if slow:
        lines.append(
            f"**Don't run**, show the output of {', '.join(slow)}: the time is needed elsewhere."
        )
    lines.append('::: {.callout-note title="Say"}\n' + cue.scene.say + "\n:::")
    return "\n\n".join(lines)


def times(notebook: NotebookNode) -> dict[str, float]:
    """List the seconds that an executed notebook's cells took, by label."""
    marks = [cell.metadata[KEY] for cell in notebook.cells if cell.cell_type == "code"]
    return {mark["label"]: float(mark["seconds"]) for mark in marks}


def make(material: Material, progress: Callable[[str], None] = print) -> list[Path]:
    """Make the script, as HTML and as PDF.

    Parameters
    ----------
    material
        From `mmn13lib.submission.package.gather`.
    progress
        Gets each line to show.

    Returns
    -------
    list of Path
        ``submission/video-script.html`` and ``.pdf``.
    """
    with tempfile.TemporaryDirectory(prefix="mmn13-") as temporary:
        folder = Path(temporary)
        lay_out(folder / "submission", material)
        notebook = executed_notebook(material, folder / "submission", progress)
        cues = schedule(scenes(material.results), times(notebook))
        (folder / "pages").mkdir()
        made = typeset(write(cues, material.notice), material.book, folder / "pages")
        target = folder_of(material.settings)
        try:
            target.mkdir(exist_ok=True)
            return [Path(shutil.copyfile(file, target / file.name)) for file in made]
        except OSError as error:
            raise storage.disk_error(target / "video-script.pdf", error) from error


def typeset(text: str, book: Book, folder: Path) -> list[Path]:
    """Let the press make the documents of the script.

    Parameters
    ----------
    text
        From `write`.
    book
        The report, whose style it gets.
    folder
        An empty one.

    Returns
    -------
    list of Path
        The HTML file and the PDF.
    """
    title = {"title": "The video's script", "subtitle": str(book.option("book.title"))}
    config = {
        **book.config,
        "book": {**book.config["book"], **title, "output-file": "video-script"},
        "bibliography": "",
    }
    chapter = Chapter(book.root / "video-script.md", (text,))
    return build([Executed(chapter, (), 0)], replace(book, config=config), folder)
