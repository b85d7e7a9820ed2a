"""Where a measurement is stored: under the key of its code, the processor and the versions."""

from pathlib import Path

from mmn13lib.foundation.hardware import cpu, versions
from mmn13lib.foundation.provenance import key
from mmn13lib.foundation.settings import Settings


def measurement_path(settings: Settings) -> Path:
    """Return the file of what `mmn13lib.benchmarks.convolution` measures, as things are."""
    made_from = key("mmn13lib.benchmarks.convolution", cpu=cpu(), versions=versions())
    return settings.artifacts / f"benchmarks/convolution_{made_from}.json"
