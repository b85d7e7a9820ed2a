"""Stands in for a kernel where it only counts which cells are executed: starts in no time."""

import subprocess
import sys
from collections.abc import Callable

from mmn13lib.foundation.settings import Settings
from mmn13lib.rendering import execution
from mmn13lib.rendering.book import Chapter
from mmn13lib.rendering.cache import Outputs

kernel = execution.run_cells


def run_bare(
    chapter: Chapter, hidden: str, settings: Settings, progress: Callable[[str], None]
) -> Outputs:
    """Execute the cells, which then have no outputs; a kernel tells the errors where they fail."""
    cells = chapter.cells[1:]  # the first sets figures up
    program = "\n".join(cell.source for cell in cells)
    environment = execution.cells_environment(settings)
    done = subprocess.run([sys.executable, "-c", program], cwd=settings.root, env=environment)
    if done.returncode:
        return kernel(chapter, hidden, settings, progress)
    for number, cell in enumerate(cells, 1):
        progress(f"{chapter.short_name}, cell {number}/{len(cells)} {cell.label}, 0 s")
    return tuple([] for _ in chapter.cells)
