"""How long a render takes when nothing, or only prose, has changed: `mmn13 bench render`.

Everything happens in a copy of the project, so the chapters in place are left alone. Whole
commands are timed, Python's start included, which is measured beside them.
"""

import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from mmn13lib.benchmarks import measurements
from mmn13lib.foundation.errors import UserError
from mmn13lib.foundation.settings import Settings

COPIED = ("_quarto.yml", "_quarto.yml.local", "index.qmd", "report", "mmn13lib")
COPIED_ARTIFACTS = ("cache", "results", "benchmarks")


def run(settings: Settings, quick: bool = False) -> dict[str, Any]:
    """Time renders and `mmn13 status`, print a table and store the figures.

    Parameters
    ----------
    settings
        The run's settings; the experiment's results and the cache are copied from there.
    quick
        One run of each instead of five.

    Returns
    -------
    dict
        ``seconds``: name → median seconds of the whole command.
    """
    repeats = 1 if quick else 5
    engines = ["embedded", *(["quarto"] if shutil.which("quarto") else [])]
    with tempfile.TemporaryDirectory(prefix="mmn13-render-") as folder:
        copy = _copy(settings, Path(folder))
        commands = {
            "Python's start": ["-c", "pass"],
            "mmn13 status": ["-m", "mmn13lib.cli", "status"],
        }
        for engine in engines:
            render = ["-m", "mmn13lib.cli", "render", "--engine", engine]
            _run(copy, render)  # a first one, so that all is cached
            commands[f"{engine}: nothing changed"] = render
            commands[f"{engine}: prose edited"] = render
        seconds = {
            name: statistics.median(
                _timed(copy, command, edit=name.endswith("edited")) for _ in range(repeats)
            )
            for name, command in commands.items()
        }
    for name, value in seconds.items():
        print(f"{name:28} {value:6.2f} s")
    result = {"seconds": seconds, "repeats": repeats, "quick": quick}
    measurements.save(settings, "render", result)
    return result


def _copy(settings: Settings, folder: Path) -> Path:
    for name in COPIED:
        source = settings.root / name
        if source.is_dir():
            shutil.copytree(source, folder / name, ignore=shutil.ignore_patterns("__pycache__"))
        elif source.is_file():
            shutil.copy2(source, folder / name)
    for name in COPIED_ARTIFACTS:
        if (settings.artifacts / name).is_dir():
            shutil.copytree(settings.artifacts / name, folder / "artifacts" / name)
    if settings.downloads.is_dir():
        (folder / "artifacts" / "downloads").symlink_to(settings.downloads)
    return folder


def _timed(copy: Path, command: list[str], edit: bool) -> float:
    if edit:
        chapter = copy / "report" / "q2-backpropagation.qmd"
        chapter.write_text(f"{chapter.read_text('utf-8')}\nOne more sentence.\n", "utf-8")
    start = time.perf_counter()
    _run(copy, command)
    return time.perf_counter() - start


def _run(copy: Path, command: list[str]) -> None:
    result = subprocess.run(
        [sys.executable, *command],
        cwd=copy,
        env={**os.environ, "PYTHONPATH": str(copy)},
        capture_output=True,
        text=True,
    )
    if result.returncode:
        raise UserError(f"`mmn13 {' '.join(command[2:])}` failed: {result.stderr.strip()}")
