"""What the benchmarks measured, with hardware, load and date, as the chapters read it."""

from collections.abc import Sequence
from datetime import date
from pathlib import Path
from typing import Any

from mmn13lib.foundation import provenance, storage
from mmn13lib.foundation.errors import UserError
from mmn13lib.foundation.hardware import Load, hardware
from mmn13lib.foundation.settings import Settings


def measurement_path(settings: Settings, name: str) -> Path:
    """Name the file of one benchmark's result: convolution, transfer or render."""
    return settings.benchmarks / f"{name}.json"


def save(
    settings: Settings,
    name: str,
    result: dict[str, Any],
    modules: Sequence[str] = (),
    load: Load | None = None,
) -> Path:
    """Store what a benchmark measured, with the hardware, the load and the date.

    `modules` are the dotted names of those that were measured, for `is_outdated`.
    """
    path = measurement_path(settings, name)
    load = load or Load()
    setting = {
        "hardware": hardware(),
        "others": load.others,
        "busy": load.busy,
        "date": date.today().isoformat(),
        "modules": list(modules),
        "code": provenance.code_digest(*modules),
    }
    storage.write_json(path, {**result, **setting})
    return path


def load(settings: Settings, name: str) -> dict[str, Any]:
    """Read a measurement; raises UserError if there is none, or its file is damaged."""
    try:
        return dict(storage.read_json(measurement_path(settings, name)))
    except storage.Damaged as error:
        raise UserError(
            f"There is no measurement to show ({error}): run `mmn13 bench {name}`."
        ) from error


def is_outdated(settings: Settings, name: str) -> bool:
    """Tell whether the code has changed since it was measured."""
    measured = load(settings, name)
    try:
        return bool(measured["code"] != provenance.code_digest(*measured["modules"]))
    except ValueError:  # it was measured by a module that is gone
        return True
