"""Features on disk, in shards: what is finished stays, and memory does not grow."""

import logging
import resource
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor, nn

from mmn13lib.foundation import storage
from mmn13lib.q3_transfer.models.features import extract

SHARD_SIZE = 2000  # images; 4 MB

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Extraction:
    """Features, and what it took to compute them, whenever that was.

    Attributes
    ----------
    features
        float32 (N, 512).
    seconds
        Of computing all shards.
    peak_memory
        The largest resident size of the process meanwhile, in bytes.
    """

    features: Tensor
    seconds: float
    peak_memory: int


def stored_features(
    folder: Path,
    images: Tensor,
    network: Callable[[], nn.Module],
    on_batch: Callable[[int], None] | None = None,
    shard_size: int = SHARD_SIZE,
) -> Extraction:
    """Read the features of images, computing those that are not stored (whole) yet.

    Parameters
    ----------
    folder
        Of this data set's shards; its name must hold the key of what they are made from.
    images
        uint8 (N, 3, 32, 32).
    network
        Makes the network that computes features; called only if there is something to compute.
    on_batch
        Called with the number of images of each batch, read or computed.
    shard_size
        Images in a file.

    Returns
    -------
    Extraction
    """
    made: nn.Module | None = None
    shards = []
    for start in range(0, len(images), shard_size):
        part = images[start : start + shard_size]
        path = folder / f"{start:05}.safetensors"
        shard = _read(path, len(part))
        if shard is None:
            begin = time.perf_counter()
            made = made or network()
            features = extract(made, part, on_batch)
            shard = {
                "features": features,
                "seconds": torch.tensor(time.perf_counter() - begin, dtype=torch.float64),
                "peak_memory": torch.tensor(peak_memory()),
            }
            storage.write_tensors(path, shard)
        elif on_batch is not None:
            on_batch(len(part))
        shards.append(shard)
    return Extraction(
        features=torch.cat([shard["features"] for shard in shards]),
        seconds=sum(shard["seconds"].item() for shard in shards),
        peak_memory=max(int(shard["peak_memory"]) for shard in shards),
    )


def peak_memory() -> int:
    """Tell the largest resident size that this process has had.

    Returns
    -------
    int
        Bytes.
    """
    unit = 1 if sys.platform == "darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit


def _read(path: Path, length: int) -> dict[str, Tensor] | None:
    if not path.exists():
        return None
    try:
        shard = storage.read_tensors(path)
    except storage.Damaged as damage:
        logger.warning("%s: its features are computed again.", damage)
        return None
    return shard if len(shard["features"]) == length else None
