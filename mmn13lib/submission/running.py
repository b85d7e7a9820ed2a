"""Executes the notebook in a folder that is laid out as the ZIP is."""

import os
import re
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from nbformat import NotebookNode

from mmn13lib.foundation.errors import UserError
from mmn13lib.submission.notebook import KEY


def execute(
    notebook: NotebookNode, folder: Path, progress: Callable[[str], None] = print
) -> NotebookNode:
    """Execute every cell with a kernel of this very Python, as "Run all" does.

    Parameters
    ----------
    notebook
        Executed in place; each code cell's metadata gets the ``seconds`` that it took.
    folder
        The unzipped submission, where the kernel runs.
    progress
        Gets a line for each cell that takes longer than a second.

    Returns
    -------
    NotebookNode
        The same.

    Raises
    ------
    UserError
        If a cell fails: its label and the error.
    """
    from jupyter_client.kernelspec import KernelSpec
    from jupyter_client.manager import AsyncKernelManager
    from nbclient import NotebookClient
    from nbclient.exceptions import CellExecutionError

    began = time.monotonic()
    current = "set-up"

    def on_start(cell: NotebookNode, cell_index: int) -> None:
        nonlocal began, current
        began, current = time.monotonic(), cell.metadata[KEY]["label"]

    def on_end(cell: NotebookNode, cell_index: int, execute_reply: Any) -> None:
        seconds = time.monotonic() - began
        cell.metadata[KEY]["seconds"] = round(seconds, 1)
        if seconds > 1:
            progress(f"notebook, {current}, {seconds:.0f} s")

    with tempfile.TemporaryDirectory(prefix="mmn13-") as private:
        manager = AsyncKernelManager(
            transport="tcp" if os.name == "nt" else "ipc",
            connection_file=str(Path(private) / "kernel.json"),
        )
        arguments = [sys.executable, "-m", "ipykernel_launcher", "-f", "{connection_file}"]
        manager._kernel_spec = KernelSpec(argv=arguments, display_name="Python 3")
        client = NotebookClient(
            notebook,
            km=manager,
            timeout=None,
            startup_timeout=600,  # seconds; a busy machine needs more than the usual 60
            record_timing=False,
            coalesce_streams=True,
            resources={"metadata": {"path": str(folder)}},
            on_cell_execute=on_start,
            on_cell_executed=on_end,
        )
        client.owns_km = True  # it shuts the kernel down at the end
        try:
            client.execute(env=_environment(Path(private)))
        except CellExecutionError as error:
            message = re.sub(r"\x1b\[[0-9;]*m", "", error.traceback).strip().rsplit("\n", 1)[-1]
            raise UserError(f"The notebook's cell {current} failed: {message}") from error
        except (RuntimeError, AssertionError) as error:  # it died, or never answered
            raise UserError(
                f"Python died in the notebook's cell {current} (out of memory, or stopped?)."
            ) from error
    return notebook


def _environment(private: Path) -> dict[str, str]:
    """Keep what is the machine's own out: the notebook must run where none of it is."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("MMN13_")}
    kept.pop("PYTHONPATH", None)
    return {**kept, "IPYTHONDIR": str(private / "ipython"), "PYTHONDONTWRITEBYTECODE": "1"}
