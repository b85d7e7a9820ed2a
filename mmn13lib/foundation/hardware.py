"""The machine in words: stored with each result and each measurement."""

import os
import platform
import re
from importlib.metadata import version
from pathlib import Path
from typing import Any

import psutil


def hardware() -> dict[str, Any]:
    """Return CPU, cores that may be used, memory (GiB), system, and the versions that compute."""
    available = hasattr(os, "sched_getaffinity")
    return {
        "cpu": cpu(),
        "cores": len(os.sched_getaffinity(0)) if available else os.cpu_count() or 1,
        "memory": round(psutil.virtual_memory().total / 2**30),
        "system": f"{platform.system()} {platform.machine()}",
        "python": platform.python_version(),
        **versions(),
    }


def versions() -> dict[str, str]:
    """Return the versions of the libraries that compute."""
    return {name: version(name) for name in ("torch", "torchvision")}


def cpu() -> str:
    """Return the processor's name."""
    info = Path("/proc/cpuinfo")
    text = info.read_text(errors="replace") if info.is_file() else ""
    found = re.search(r"^model name\s*:(.*)", text, flags=re.MULTILINE)
    return found[1].strip() if found else platform.processor() or platform.machine()
