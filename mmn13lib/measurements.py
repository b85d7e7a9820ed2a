"""What the benchmarks measured, with the hardware and the date, as the chapters read it."""

import os
import platform
from collections.abc import Sequence
from datetime import date
from importlib.metadata import version
from pathlib import Path
from typing import Any

from mmn13lib import provenance, storage
from mmn13lib.errors import UserError
from mmn13lib.settings import Settings


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


def measurement_path(settings: Settings, name: str) -> Path:
    """Name the file of one benchmark's result.

    Parameters
    ----------
    settings
        The run's settings.
    name
        The benchmark's name: convolution, transfer or render.

    Returns
    -------
    Path
    """
    return settings.benchmarks / f"{name}.json"


def save(
    settings: Settings, name: str, result: dict[str, Any], modules: Sequence[str] = ()
) -> Path:
    """Store what a benchmark measured, with the hardware and the date.

    Parameters
    ----------
    settings
        The run's settings.
    name
        The benchmark's name.
    result
        Values that JSON can write; ``quick`` says whether it was the short run.
    modules
        Dotted names of the modules that were measured, for `is_outdated`.

    Returns
    -------
    Path
        The file.
    """
    path = measurement_path(settings, name)
    setting = {"hardware": hardware(), "date": date.today().isoformat()}
    code = {"modules": list(modules), "code": provenance.code_digest(*modules)}
    storage.write_json(path, {**result, **setting, **code})
    return path


def load(settings: Settings, name: str) -> dict[str, Any]:
    """Read what a benchmark measured.

    Parameters
    ----------
    settings
        The run's settings.
    name
        The benchmark's name.

    Returns
    -------
    dict
        The benchmark's own values, ``hardware`` and ``date``.

    Raises
    ------
    UserError
        If it has not been run, or its file is damaged.
    """
    try:
        return dict(storage.read_json(measurement_path(settings, name)))
    except storage.Damaged as error:
        raise UserError(
            f"There is no measurement to show ({error}): run `mmn13 bench {name}`."
        ) from error


def is_outdated(settings: Settings, name: str) -> bool:
    """Tell whether the code has changed since it was measured.

    Parameters
    ----------
    settings
        The run's settings.
    name
        The benchmark's name.

    Returns
    -------
    bool
    """
    measured = load(settings, name)
    return bool(measured["code"] != provenance.code_digest(*measured["modules"]))
