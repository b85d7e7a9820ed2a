"""The script for the video names cells that the notebook has."""

import re
from pathlib import Path

from mmn13lib.rendering.book import read_book, read_chapter
from mmn13lib.rendering.notebook import is_question
from mmn13lib.submission.script import SCRIPT

PROJECT = Path(__file__).parents[2]


def test_the_script_names_cells_that_the_chapters_have() -> None:
    chapters = filter(is_question, read_book(PROJECT).chapters)
    known = {cell.label for chapter in chapters for cell in chapter.cells}
    script = read_chapter(PROJECT / SCRIPT)
    prose = "".join(part for part in script.parts if isinstance(part, str))
    named = {
        name
        for line in re.findall(r"^\*\*Run:\*\*.*", prose, re.M)
        for name in re.findall("`(.+?)`", line)
    }
    assert len(named) > 15 and named <= known, named - known
    assert not re.search(r"@(fig|tbl|sec|eq)-", prose)
