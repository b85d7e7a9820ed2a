"""Finished results, found without the libraries that made them."""

from pathlib import Path
from typing import Any

from mmn13lib.foundation import storage
from mmn13lib.foundation.hardware import versions
from mmn13lib.foundation.provenance import key
from mmn13lib.foundation.settings import Settings
from mmn13lib.q3_transfer.data.inputs import Inputs
from mmn13lib.q3_transfer.results import FILE


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


def find(settings: Settings, inputs: Inputs) -> str | None:
    """Return the digest of these inputs' and this code's results; None if absent or damaged."""
    try:
        return storage.read_values(results_folder(settings, inputs) / FILE)[1]
    except storage.Damaged:
        return None
