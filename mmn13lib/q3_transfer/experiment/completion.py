"""Remembers which experiment is complete, so that asking needs no torch and no arrays."""

from pathlib import Path
from typing import Any

from mmn13lib.foundation import storage
from mmn13lib.foundation.hardware import computes_with, hardware
from mmn13lib.foundation.provenance import file_digest, key
from mmn13lib.foundation.settings import Settings
from mmn13lib.q3_transfer.data.inputs import fingerprint


def remember(settings: Settings, results: Path, accuracy: float) -> None:
    """Note that the experiment with these inputs, this code and this machine is complete."""
    note = {
        "results": results.relative_to(settings.root).as_posix(),
        "digest": file_digest(results),
        "accuracy": accuracy,
    }
    storage.write_json(_path(settings), note)


def recall(settings: Settings) -> dict[str, Any] | None:
    """Find what `remember` noted, if the results are still those.

    ``results`` is their path from the project's folder, ``accuracy`` the head's on the test set.
    """
    try:
        note = dict(storage.read_json(_path(settings)))
        same = file_digest(settings.root / note["results"]) == note["digest"]
    except (storage.Damaged, OSError):
        return None
    return note if same else None


def _path(settings: Settings) -> Path:
    machine = hardware() | computes_with()
    run = "mmn13lib.q3_transfer.experiment.run"
    made_from = key(run, machine=machine, **fingerprint(settings))
    return settings.results / "complete" / f"{made_from}.json"
