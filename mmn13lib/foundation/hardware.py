"""The machine in words, and whether other processes kept it busy: stored with each measurement."""

import os
import platform
import re
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

import psutil

BUSY = 0.1  # of the cores


def hardware() -> dict[str, Any]:
    """Name CPU, cores that may be used, memory (GiB), system, and the versions that compute."""
    return {
        "cpu": _cpuinfo("model name") or platform.processor() or platform.machine(),
        "cores": len(_cores()),
        "memory": round(psutil.virtual_memory().total / 2**30),
        "system": f"{platform.system()} {platform.machine()}",
        "python": platform.python_version(),
        "torch": version("torch"),
        "torchvision": version("torchvision"),
    }


def computes_with() -> dict[str, Any]:
    """Name what decides which device and precision torch chooses, without asking torch."""
    return {
        "bfloat16": "avx512_bf16" in _cpuinfo("flags"),
        "nvidia": Path("/proc/driver/nvidia/version").exists(),
        "visible": os.environ.get("CUDA_VISIBLE_DEVICES"),
    }


@dataclass
class Load:
    """How much of the cores other processes used, 0 to 1, while something was measured."""

    others: float = 0.0

    @property
    def busy(self) -> bool:
        """Whether they used more than a tenth, so that times taken meanwhile say little."""
        return self.others > BUSY


@contextmanager
def load_watch() -> Iterator[Load]:
    """Watch the cores that this process may use; the load is filled in at the end."""
    load = Load()
    # the system's and the user's seconds of this process and of its ended children
    begin, used, own = time.perf_counter(), _used_seconds(), sum(os.times()[:4])
    try:
        yield load
    finally:
        available = (time.perf_counter() - begin) * len(_cores())
        others = _used_seconds() - used - (sum(os.times()[:4]) - own)
        # the system counts in hundredths of a second: less says nothing
        load.others = max(0.0, others - 0.02) / available


def _cores() -> set[int]:
    if hasattr(os, "sched_getaffinity"):
        return set(os.sched_getaffinity(0))
    return set(range(os.cpu_count() or 1))


def _used_seconds() -> float:
    """Sum the time that these cores were not idle; guests' time is in the users' already."""
    times = psutil.cpu_times(percpu=True)
    idle = ("idle", "iowait", "guest", "guest_nice")
    return sum(
        sum(core) - sum(getattr(core, name, 0.0) for name in idle)
        for number, core in enumerate(times)
        if number in _cores()
    )


def _cpuinfo(field: str) -> str:
    """Read a line about the first processor, where the system (Linux) has such a file."""
    info = Path("/proc/cpuinfo")
    text = info.read_text(errors="replace") if info.is_file() else ""
    found = re.search(rf"^{field}\s*:(.*)", text, flags=re.MULTILINE)
    return found[1].strip() if found else ""
