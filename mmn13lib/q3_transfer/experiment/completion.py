"""Remembers which experiment is complete, so that asking needs no torch and no arrays."""

from pathlib import Path
from typing import Any

from mmn13lib.foundation import storage
from mmn13lib.foundation.provenance import file_digest, key
from mmn13lib.foundation.settings import Settings
from mmn13lib.q3_transfer.data.inputs import fingerprint


def remember(settings: Settings, results: Path, accuracy: float) -> None:
    """Note that the experiment with these inputs and this code is complete.

    Parameters
    ----------
    settings
        The run's settings.
    results
        The file of its results.
    accuracy
        The head's on the test set, 0 to 1.
    """
    note = {
        "results": results.relative_to(settings.root).as_posix(),
        "digest": file_digest(results),
        "accuracy": accuracy,
    }
    storage.write_json(_path(settings), note)


def recall(settings: Settings) -> dict[str, Any] | None:
    """Find what `remember` noted for these inputs and this code, if the results are still those.

    Parameters
    ----------
    settings
        The run's settings.

    Returns
    -------
    dict or None
        ``results`` (path from the project's folder), ``digest`` and ``accuracy``.
    """
    try:
        note = dict(storage.read_json(_path(settings)))
        same = file_digest(settings.root / note["results"]) == note["digest"]
    except (storage.Damaged, OSError):
        return None
    return note if same else None


def _path(settings: Settings) -> Path:
    made_from = key("mmn13lib.q3_transfer.experiment.run", **fingerprint(settings))
    return settings.results / "complete" / f"{made_from}.json"
