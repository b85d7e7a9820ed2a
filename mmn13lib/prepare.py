"""What has to be there before a report is made, and what its chapters depend on beside code."""

from collections.abc import Callable
from importlib import import_module

from mmn13lib.benchmarks.measurements import measurement_path
from mmn13lib.downloads.fetch import fetch
from mmn13lib.foundation.errors import UserError
from mmn13lib.foundation.provenance import file_digest
from mmn13lib.foundation.settings import Settings
from mmn13lib.q3_transfer.data import inputs
from mmn13lib.q3_transfer.experiment.find import find
from mmn13lib.rendering.dependencies import Outside
from mmn13lib.writing import explore


def prepare(
    settings: Settings, strict: bool = False, progress: Callable[[str], None] = print
) -> Outside:
    """Fetch, run the experiment and measure, each only where it has not been done.

    Returns `outside`. Raises `UserError` if `strict` and CIFAR-10 or the weights are missing.
    """
    missing = "; ".join(fetch(settings, progress))
    chosen = inputs.resolve(settings)
    if chosen.mode == "sample":
        if strict:
            raise UserError(f"The real input is missing, but --strict requires it. {missing}")
        progress(
            "\nWARNING: this report is made from the sample; its numbers are NOT CIFAR-10\n"
            f"results. Missing: {missing}\n"
            "Get the real input with `mmn13 fetch`, or set MMN13_DATA to a folder with\n"
            "cifar-10-batches-py, MMN13_WEIGHTS to a ResNet-18 state dict. Then render again.\n"
        )
    if find(settings, chosen) is None:  # else torch need not be imported
        import_module("mmn13lib.q3_transfer.experiment.run").run(settings, chosen, progress)
    if not measurement_path(settings).is_file():
        progress("measuring the layer, the short way (`mmn13 bench convolution` is the full one)")
        import_module("mmn13lib.benchmarks.convolution").run(settings, quick=True)
    return outside(settings, chosen)


def outside(settings: Settings, chosen: inputs.Inputs | None = None) -> Outside:
    """Return what chapters depend on beside code, as things are: nothing is made.

    The values are words and digests, so that another content is another value.
    """
    chosen = chosen or inputs.resolve(settings)
    sample = f"the sample {chosen.fingerprint['data'][:8]}"
    results = find(settings, chosen)
    measured = measurement_path(settings)
    return {
        "mmn13lib.q3_transfer.data.inputs": {
            "the data": sample if chosen.mode == "sample" else "CIFAR-10",
            "the weights": chosen.weights_words,
            "question 3's results": results[:8] if results else "none",
        },
        "mmn13lib.benchmarks.measurements": {
            "the measurement": file_digest(measured)[:8] if measured.is_file() else "none"
        },
        "mmn13lib.writing.explore": {
            f"report/explore/{file.name}": file_digest(file)[:8]
            for file in sorted(explore.FOLDER.glob("*.*s"))
        },
    }
