"""Stands in for a kernel where it only counts which cells are executed: starts in no time."""

import subprocess
import sys
from collections.abc import Callable, Mapping
from pathlib import Path

from nbformat import NotebookNode

from mmn13lib.rendering import execution

kernel = execution.run_notebook


async def run_bare(
    notebook: NotebookNode,
    folder: Path,
    environment: Mapping[str, str],
    on_cell: Callable[[int, float], None],
) -> None:
    """Execute the cells, which then have no outputs; a kernel tells the errors where they fail."""
    _, *cells = notebook.cells  # the first sets figures up
    program = "\n".join(cell.source for cell in cells)
    done = subprocess.run([sys.executable, "-c", program], cwd=folder, env=dict(environment))
    if done.returncode:
        return await kernel(notebook, folder, environment, on_cell)
    for index, cell in enumerate(notebook.cells):
        cell.execution_count, cell.outputs = index + 1, []
        on_cell(index, 0.0)
    return None
