"""What has to be there before a report is made, and what its chapters depend on beside code."""

import re
from collections.abc import Callable
from importlib import import_module
from importlib.metadata import requires, version

from mmn13lib.benchmarks import measurements
from mmn13lib.downloads.fetch import fetch
from mmn13lib.foundation.errors import UserError
from mmn13lib.foundation.provenance import file_digest
from mmn13lib.foundation.settings import Settings
from mmn13lib.q3_transfer.data import inputs
from mmn13lib.q3_transfer.experiment.find import find
from mmn13lib.writing import explore

EXPECTED_ACCURACY = 0.85
"""A frozen, well-treated ResNet-18 with the ImageNet weights stands above this on CIFAR-10."""

Outside = dict[str, dict[str, str]]
"""For a module, as imports name it, names and values that a chapter depends on if it imports it."""


def prepare(
    settings: Settings, strict: bool = False, progress: Callable[[str], None] = print
) -> tuple[list[str], Outside]:
    """Fetch, run the experiment and measure, each only where it has not been done.

    Returns warnings to end with, and `outside`. Raises `UserError` if `strict` and CIFAR-10 or
    the weights are missing.
    """
    if not list(settings.results.glob("*")):
        progress(
            "To do: the data and weights, question 3's experiment, a measurement, the chapters."
        )
    not_fetched = fetch(settings, progress=progress, retry=False)
    chosen = inputs.resolve(settings)
    warnings = []
    if chosen.mode == "sample":
        missing = "; ".join(not_fetched)
        if strict:
            raise UserError(f"The real input is missing, but --strict requires it. {missing}")
        warnings.append(
            "WARNING: this report is made from the sample; its numbers are NOT CIFAR-10\n"
            f"results. Missing: {missing}\n"
            "Get the real input with `mmn13 fetch`, or set MMN13_DATA to a folder with\n"
            "cifar-10-batches-py, MMN13_WEIGHTS to a ResNet-18 state dict. Then render again."
        )
    accuracy = _head_accuracy(settings, chosen, progress)
    _measure("convolution", settings, progress)
    if chosen.mode == "imagenet" and accuracy < EXPECTED_ACCURACY:
        warnings.append(
            f"WARNING: {accuracy:.1%} test accuracy with the ImageNet weights; a frozen\n"
            f"ResNet-18 reaches more than {EXPECTED_ACCURACY:.0%}. Something is wrong."
        )
    return warnings, outside(settings, chosen)


def outside(settings: Settings, chosen: inputs.Inputs | None = None) -> Outside:
    """Return what chapters depend on beside code, as things are: nothing is made.

    The values are words and digests, so that another content is another value.
    """
    chosen = chosen or inputs.resolve(settings)
    sample = f"the sample {chosen.fingerprint['data'][:8]}"
    finished = find(settings, chosen)
    measured = measurements.measurement_path(settings, "convolution")
    # what a chapter prints versions of is among what the package asks for
    asked = [line for line in requires("mmn13lib") or () if "extra ==" not in line]
    names = [re.match(r"[\w.-]+", line) for line in asked]
    return {
        "mmn13lib.q3_transfer.data.inputs": {
            "the data": sample if chosen.mode == "sample" else "CIFAR-10",
            "the weights": chosen.weights_words,
            "question 3's results": finished.digest[:8] if finished else "none",
        },
        "mmn13lib.benchmarks.measurements": {
            "the measurement": file_digest(measured)[:8] if measured.is_file() else "none"
        },
        "mmn13lib.writing.explore": {
            f"report/explore/{file.name}": file_digest(file)[:8]
            for file in sorted(explore.FOLDER.glob("*.*s"))
        },
        "importlib.metadata": {name[0]: version(name[0]) for name in names if name},
    }


def _measure(name: str, settings: Settings, progress: Callable[[str], None]) -> None:
    """Measure where there is no measurement of this code and machine."""
    try:
        measurements.load(settings, name)
    except UserError:
        progress(f"measuring {name}, the short way (`mmn13 bench {name}` is the full one)")
        import_module(f"mmn13lib.benchmarks.{name}").run(settings, quick=True)


def _head_accuracy(
    settings: Settings, chosen: inputs.Inputs, progress: Callable[[str], None]
) -> float:
    """Run the experiment, unless it is known to be complete: then torch need not be imported."""
    finished = find(settings, chosen)
    if finished is not None:
        return finished.accuracy
    experiment = import_module("mmn13lib.q3_transfer.experiment.run")
    return float(experiment.run(settings, chosen, progress).head.test_accuracy)
