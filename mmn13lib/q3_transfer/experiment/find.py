"""Finished results, found without the libraries that made them."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mmn13lib.foundation import storage
from mmn13lib.foundation.hardware import versions
from mmn13lib.foundation.provenance import key
from mmn13lib.foundation.settings import Settings
from mmn13lib.q3_transfer.data.inputs import Inputs
from mmn13lib.q3_transfer.results import FILE


@dataclass(frozen=True)
class Finished:
    """A finished experiment: where its results are, and their digest."""

    folder: Path
    digest: str


def results_folder(
    settings: Settings, inputs: Inputs, config: dict[str, Any] | None = None
) -> Path:
    """Return the folder of the results that belong to these inputs and this code.

    The machine is in no key: results tell what made them. `config` is the experiment's settings
    where they are not the inputs' own.
    """
    code = "mmn13lib.q3_transfer.experiment.run"
    name = key(code, inputs=inputs.fingerprint, config=config, versions=versions())
    return settings.results / "experiment" / name


def find(settings: Settings, inputs: Inputs) -> Finished | None:
    """Return the finished results of these inputs and this code; None if absent or damaged."""
    folder = results_folder(settings, inputs)
    try:
        _, digest = storage.read_values(folder / FILE)
    except storage.Damaged:
        return None
    return Finished(folder, digest)
