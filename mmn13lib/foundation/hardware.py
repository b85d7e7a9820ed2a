"""The machine in words: what every measurement is stored with."""

import os
import platform
from importlib.metadata import version
from pathlib import Path
from typing import Any


def hardware() -> dict[str, Any]:
    """Describe the machine.

    Returns
    -------
    dict
        ``cpu`` (name), ``cores`` (number that may be used), ``memory`` (GiB), ``system``,
        ``python`` and ``torch`` (versions).
    """
    import psutil

    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    return {
        "cpu": _cpu_name(),
        "cores": cores,
        "memory": round(psutil.virtual_memory().total / 2**30),
        "system": f"{platform.system()} {platform.machine()}",
        "python": platform.python_version(),
        "torch": version("torch"),
    }


def _cpu_name() -> str:
    info = Path("/proc/cpuinfo")
    if info.is_file():
        for line in info.read_text(errors="replace").splitlines():
            if line.startswith("model name"):
                return line.split(":", 1)[1].strip()
    return platform.processor() or platform.machine()
