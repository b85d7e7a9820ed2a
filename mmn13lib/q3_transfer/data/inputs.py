"""What the experiment runs on: which data and whose weights, or the embedded sample."""

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from mmn13lib.foundation import provenance
from mmn13lib.foundation.errors import UserError
from mmn13lib.foundation.settings import Settings

Mode = Literal["imagenet", "other-weights", "sample"]

BATCHES = "cifar-10-batches-py"
WEIGHTS_FILE = "resnet18-f37072fd.pth"  # torchvision's name; the digits begin the file's SHA-256
IMAGENET_DIGEST = "f37072fd"

# SHA-256 of the files whose md5 torchvision checks, so that a remembered digest serves both ends
CIFAR10_DIGESTS = {
    "batches.meta": "f962466ef690d46b226450fb9aadc74ba4bc64a76aa526b5827fe4bc5c7125cb",
    "data_batch_1": "54636561a3ce25bd3e19253c6b0d8538147b0ae398331ac4a2d86c6d987368cd",
    "data_batch_2": "766b2cef9fbc745cf056b3152224f7cf77163b330ea9a15f9392beb8b89bc5a8",
    "data_batch_3": "0f00d98ebfb30b3ec0ad19f9756dc2630b89003e10525f5e148445e82aa6a1f9",
    "data_batch_4": "3f7bb240661948b8f4d53e36ec720d8306f5668bd0071dcb4e6c947f78e9682b",
    "data_batch_5": "d91802434d8376bbaeeadf58a737e3a1b12ac839077e931237e0dcd43adcb154",
    "test_batch": "f53d8d457504f7cff4ea9e021afcf0e0ad8e24a91f3fc42091b8adef61157831",
}


@dataclass(frozen=True)
class Inputs:
    """The data and the weights of a run.

    Parameters
    ----------
    mode
        ``imagenet``: CIFAR-10 and the ImageNet weights; ``other-weights``: CIFAR-10 and weights
        that somebody gave; ``sample``: the embedded sample and random weights.
    data
        The folder that holds the batches' folder.
    weights
        The weights' file; None for random ones.
    label
        Data and weights in words.
    stamp
        What figures must say about the data; empty for CIFAR-10.
    missing
        What the sample stands in for, in words.
    """

    mode: Mode
    data: Path
    weights: Path | None
    label: str
    stamp: str = ""
    missing: tuple[str, ...] = ()


def resolve(settings: Settings) -> Inputs:
    """Find the data and the weights: both real, or else the embedded sample.

    Parameters
    ----------
    settings
        The run's settings; a folder or file named there must be good, a download may be absent.

    Returns
    -------
    Inputs

    Raises
    ------
    UserError
        If a file that was named, or downloaded, is missing or not what it should be.
    """
    data = _find_data(settings)
    weights = _find_weights(settings)
    if data is None or weights is None:
        missing = ("CIFAR-10",) * (data is None) + ("the ResNet-18 weights",) * (weights is None)
        return Inputs(
            mode="sample",
            data=settings.cache / "sample",
            weights=None,
            label="the embedded sample (drawn patterns, not CIFAR-10), random weights",
            stamp="sample, not CIFAR-10",
            missing=missing,
        )
    if _digest(settings, weights).startswith(IMAGENET_DIGEST):
        return Inputs("imagenet", data, weights, "CIFAR-10, ImageNet weights (IMAGENET1K_V1)")
    return Inputs("other-weights", data, weights, f"CIFAR-10, weights from {weights.name}")


def fingerprint(settings: Settings) -> dict[str, str]:
    """Identify the inputs by their content, for keys.

    Parameters
    ----------
    settings
        The run's settings.

    Returns
    -------
    dict
        ``data``, ``weights`` (digests) and ``mode``.

    Raises
    ------
    UserError
        As `resolve` does.
    """
    inputs = resolve(settings)
    if inputs.weights is None:
        sample = provenance.code_digest("mmn13lib.q3_transfer.data.sample")
        return {"data": sample, "weights": "random", "mode": inputs.mode}
    # resolve has just checked that the data are these
    return {
        "data": provenance.key(**CIFAR10_DIGESTS),
        "weights": _digest(settings, inputs.weights),
        "mode": inputs.mode,
    }


def _find_data(settings: Settings) -> Path | None:
    given = settings.data is not None
    folder = settings.data or settings.downloads
    advice = (
        f"let MMN13_DATA (--data) name the folder that holds {BATCHES}, unpacked from the "
        "original archive"
        if given
        else f"delete {folder / BATCHES} and run `mmn13 fetch`"
    )
    if not (folder / BATCHES).is_dir():
        if given:
            raise UserError(f"There is no folder {BATCHES} in {folder}: {advice}.")
        return None
    for name, expected in CIFAR10_DIGESTS.items():
        file = folder / BATCHES / name
        if not file.is_file():
            raise UserError(f"CIFAR-10 is incomplete, {file} is missing: {advice}.")
        if _digest(settings, file) != expected:
            raise UserError(f"{file} is corrupted (it differs from the original): {advice}.")
    return folder


def _find_weights(settings: Settings) -> Path | None:
    if settings.weights is None:
        downloaded = settings.downloads / WEIGHTS_FILE
        if not downloaded.is_file():
            return None
        if not _digest(settings, downloaded).startswith(IMAGENET_DIGEST):
            raise UserError(f"{downloaded} is corrupted: delete it and run `mmn13 fetch`.")
        return downloaded
    if not settings.weights.is_file():
        raise UserError(
            f"There is no file {settings.weights}: let MMN13_WEIGHTS (--weights) name a ResNet-18 "
            "state dict (.pth or .safetensors)."
        )
    return settings.weights


def _digest(settings: Settings, file: Path) -> str:
    return provenance.file_digest(file, settings.cache / "digests.json")
