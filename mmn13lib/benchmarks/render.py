"""How long a render takes when nothing, or only prose, has changed: `mmn13 bench render`.

It times whole commands, Python's start included, in a copy of the project.
"""

import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from mmn13lib.benchmarks import measurements
from mmn13lib.foundation.errors import UserError
from mmn13lib.foundation.settings import Settings

LEFT_OUT = shutil.ignore_patterns(
    ".git", ".venv", ".*_cache", "__pycache__", "tests", "_report*", "submission", "downloads"
)
MMN13 = ("-m", "mmn13lib.cli")


def run(settings: Settings, quick: bool = False) -> None:
    """Time renders and `mmn13 status`, print a table and store the medians, in seconds."""
    repeats = 1 if quick else 5
    engines = ["embedded", "quarto"] if shutil.which("quarto") else ["embedded"]
    with tempfile.TemporaryDirectory(prefix="mmn13-render-") as folder:
        copy = shutil.copytree(settings.root, Path(folder) / "copy", ignore=LEFT_OUT)
        if settings.downloads.is_dir():
            (copy / "artifacts/downloads").symlink_to(settings.downloads)
        commands: dict[str, tuple[str, ...]] = {"Python's start": ("-c", "pass")}
        commands["mmn13 status"] = (*MMN13, "status")
        for engine in engines:
            render = (*MMN13, "render", "--engine", engine)
            _seconds(copy, render)  # a first one, so that all is cached
            commands |= {f"{engine}: nothing changed": render, f"{engine}: prose edited": render}
        seconds = {}
        for name, command in commands.items():
            edited = copy / "report/references.qmd" if name.endswith("edited") else None
            times = [_seconds(copy, command, edited) for _ in range(repeats)]
            seconds[name] = statistics.median(times)
            print(f"{name:28} {seconds[name]:6.2f} s")
    result = {"seconds": seconds, "repeats": repeats, "quick": quick}
    measurements.save(settings, "render", result)


def _seconds(copy: Path, command: tuple[str, ...], edited: Path | None = None) -> float:
    if edited:
        edited.write_text(f"{edited.read_text('utf-8')}\nOne more sentence.\n", "utf-8")
    start = time.perf_counter()
    result = subprocess.run(
        [sys.executable, *command],
        cwd=copy, env={**os.environ, "PYTHONPATH": str(copy)}, capture_output=True, text=True,
    )  # fmt: skip
    if result.returncode:
        raise UserError(f"`mmn13 {' '.join(command[2:])}` failed: {result.stderr.strip()}")
    return time.perf_counter() - start
