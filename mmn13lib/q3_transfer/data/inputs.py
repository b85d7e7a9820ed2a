"""What the experiment runs on: which data and whose weights, or the sample."""

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from safetensors import SafetensorError, safe_open

from mmn13lib.foundation import provenance
from mmn13lib.foundation.errors import UserError
from mmn13lib.foundation.settings import Settings

Mode = Literal["imagenet", "other-weights", "sample"]


@dataclass(frozen=True)
class KnownFile:
    """A published file, known to the byte."""

    name: str
    size: int
    sha256: str

    def fault(self, path: Path) -> str:
        """Return what is wrong with a copy, or nothing."""
        try:
            if not path.is_file():
                return "is no regular file" if path.exists() else "is missing"
            size = path.stat().st_size
            if size != self.size:
                return f"is corrupted (it has {size} bytes instead of {self.size})"
            if provenance.file_digest(path) != self.sha256:
                return "is corrupted (it differs from the original)"
        except OSError as error:
            return f"can't be read ({error.strerror})"
        return ""


SAMPLE = Path(__file__).with_name("digits.png")
BATCHES = "cifar-10-batches-py"
CIFAR10_FILES = tuple(
    KnownFile(name, int(size), sha256)
    for name, size, sha256 in map(
        str.split,
        """\
batches.meta 158 f962466ef690d46b226450fb9aadc74ba4bc64a76aa526b5827fe4bc5c7125cb
data_batch_1 31035704 54636561a3ce25bd3e19253c6b0d8538147b0ae398331ac4a2d86c6d987368cd
data_batch_2 31035320 766b2cef9fbc745cf056b3152224f7cf77163b330ea9a15f9392beb8b89bc5a8
data_batch_3 31035999 0f00d98ebfb30b3ec0ad19f9756dc2630b89003e10525f5e148445e82aa6a1f9
data_batch_4 31035696 3f7bb240661948b8f4d53e36ec720d8306f5668bd0071dcb4e6c947f78e9682b
data_batch_5 31035623 d91802434d8376bbaeeadf58a737e3a1b12ac839077e931237e0dcd43adcb154
test_batch 31035526 f53d8d457504f7cff4ea9e021afcf0e0ad8e24a91f3fc42091b8adef61157831
""".splitlines(),
    )
)
IMAGENET_WEIGHTS = KnownFile(
    "resnet18-f37072fd.pth",
    46830571,
    "f37072fd47e89c5e827621c5baffa7500819f7896bbacec160b1a16c560e07ec",
)
LONGEST_DESCRIPTION = 200  # characters


@dataclass(frozen=True)
class Inputs:
    """The data and the weights of a run.

    Attributes
    ----------
    mode
        ``imagenet``: CIFAR-10 and the ImageNet weights; ``other-weights``: CIFAR-10 and weights
        that somebody gave; ``sample``: handwritten digits and random weights.
    data
        The folder that holds the batches' folder; the sample needs none.
    weights
        The weights' file; None for random ones.
    weights_words
        What the weights are, as the file's content tells, or what it says of itself.
    fingerprint
        ``data`` and ``weights``, for keys: it follows the content, not the names.
    missing
        What the sample stands in for, in words; empty for CIFAR-10.
    """

    mode: Mode
    data: Path
    weights: Path | None
    weights_words: str
    fingerprint: dict[str, str]
    missing: str = ""

    @property
    def label(self) -> str:
        """Data and weights in words."""
        sample = "the sample (handwritten digits, not CIFAR-10)"
        return f"{sample if self.mode == 'sample' else 'CIFAR-10'}, {self.weights_words}"

    @property
    def stamp(self) -> str:
        """What figures must say about the data; empty for CIFAR-10."""
        return "sample, not CIFAR-10" if self.mode == "sample" else ""


def resolve(settings: Settings) -> Inputs:
    """Return the data and the weights: both real, or else the sample.

    Raises `UserError` if a file that was named, or downloaded, is not what it should be.
    """
    data = find_data(settings)
    weights = find_weights(settings)
    if data is None or weights is None:
        wanted = {"CIFAR-10": data, "the ResNet-18 weights": weights}
        missing = " and ".join(name for name, path in wanted.items() if path is None)
        content = {"data": provenance.file_digest(SAMPLE), "weights": "random"}
        return Inputs("sample", settings.downloads, None, "random weights", content, missing)
    digest = provenance.file_digest(weights)
    # the files have just been checked to be these
    genuine = provenance.key(**{file.name: file.sha256 for file in CIFAR10_FILES})
    return Inputs(
        mode="imagenet" if digest == IMAGENET_WEIGHTS.sha256 else "other-weights",
        data=data,
        weights=weights,
        weights_words=weights_in_words(weights, digest),
        fingerprint={"data": genuine, "weights": digest},
    )


def weights_in_words(path: Path, digest: str) -> str:
    """Return what a file of weights is, in words: torchvision's are known by their digest.

    Of any other the name, the digest's first eight digits, and as a quotation what a
    ``.safetensors`` file says of itself (``description`` in its metadata).
    """
    if digest == IMAGENET_WEIGHTS.sha256:
        return "ImageNet weights, IMAGENET1K_V1"
    words = f"weights from {path.name} (SHA-256 {digest[:8]}…)"
    try:
        with safe_open(path, "np") as file:
            described = " ".join((file.metadata() or {}).get("description", "").split())
            description = "".join(filter(str.isprintable, described))
    except (SafetensorError, OSError):  # another format, or damaged: whoever loads it says so
        description = ""
    if len(description) > LONGEST_DESCRIPTION:
        description = f"{description[:LONGEST_DESCRIPTION]}…"
    return f"{words}, which describes itself as “{description}”" if description else words


def faults(folder: Path) -> list[str]:
    """Return what is wrong with an unpacked CIFAR-10's files; empty where all are genuine."""
    found = [(folder / file.name, file) for file in CIFAR10_FILES]
    wrong = [(path, file.fault(path)) for path, file in found]
    return [f"{path} {fault}" for path, fault in wrong if fault]


def find_data(settings: Settings) -> Path | None:
    """Return the folder that holds CIFAR-10, None if nobody put it anywhere; raises `UserError`."""
    folder = settings.data or settings.downloads
    advice = f"delete {folder / BATCHES} and run `mmn13 fetch`"
    if settings.data:
        advice = f"let MMN13_DATA (--data) name the folder that holds {BATCHES}, unpacked"
    try:
        there = (folder / BATCHES).is_dir()
    except PermissionError:
        there = False
    if not there:
        if settings.data:
            raise UserError(f"There is no folder {BATCHES} to read in {folder}: {advice}.")
        return None
    if wrong := faults(folder / BATCHES):
        raise UserError(f"CIFAR-10 is not whole, {wrong[0]}: {advice}.")
    return folder


def find_weights(settings: Settings) -> Path | None:
    """Return the file of weights, None if there is none; raises as `resolve` does."""
    path = settings.weights or settings.downloads / IMAGENET_WEIGHTS.name
    # asked first: in a folder that can't be searched, is_file raises
    readable = os.access(path, os.R_OK) and path.is_file()
    if settings.weights and not readable:
        raise UserError(
            f"There is no file {path} that can be read: let MMN13_WEIGHTS (--weights) name a "
            "ResNet-18 state dict (.pth or .safetensors)."
        )
    if not os.access(path, os.F_OK) or not path.is_file():
        return None
    if not settings.weights and (fault := IMAGENET_WEIGHTS.fault(path)):
        raise UserError(f"{path} {fault}: delete it and run `mmn13 fetch`.")
    return path
