"""What the benchmarks measured, found by its key: the code, the processor and the versions."""

from datetime import date
from pathlib import Path
from typing import Any

from mmn13lib.foundation import storage
from mmn13lib.foundation.errors import UserError
from mmn13lib.foundation.hardware import cpu, hardware, versions
from mmn13lib.foundation.provenance import key
from mmn13lib.foundation.settings import Settings


def measurement_path(settings: Settings, name: str) -> Path:
    """Return the file of what the module `name` of this package measures, as things are."""
    made_from = key(f"mmn13lib.benchmarks.{name}", cpu=cpu(), versions=versions())
    return settings.benchmarks / f"{name}_{made_from}.json"


def save(settings: Settings, name: str, result: dict[str, Any]) -> Path:
    """Store what a benchmark measured, with the hardware and the date."""
    path = measurement_path(settings, name)
    storage.write_json(path, {**result, "hardware": hardware(), "date": date.today().isoformat()})
    return path


def load(settings: Settings, name: str) -> dict[str, Any]:
    """Read a measurement; UserError if there is none of this code and machine."""
    try:
        return dict(storage.read_json(measurement_path(settings, name)))
    except storage.Damaged as error:
        raise UserError(
            f"There is no measurement to show ({error}): run `mmn13 bench {name}`."
        ) from error
