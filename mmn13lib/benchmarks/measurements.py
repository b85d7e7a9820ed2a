"""What the benchmarks measured, with the hardware and the date, as the chapters read it."""

from collections.abc import Sequence
from datetime import date
from pathlib import Path
from typing import Any

from mmn13lib.foundation import provenance, storage
from mmn13lib.foundation.errors import UserError
from mmn13lib.foundation.hardware import hardware
from mmn13lib.foundation.settings import Settings


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
