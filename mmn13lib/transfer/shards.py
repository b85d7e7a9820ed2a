"""Features on disk, in shards: what is finished stays, and memory does not grow."""

import logging
from collections.abc import Callable
from pathlib import Path

import torch
from torch import Tensor, nn

from mmn13lib import storage
from mmn13lib.transfer.features import extract

SHARD_SIZE = 2000  # images; 4 MB

logger = logging.getLogger(__name__)


def stored_features(
    folder: Path,
    images: Tensor,
    network: Callable[[], nn.Module],
    on_batch: Callable[[int], None] | None = None,
    shard_size: int = SHARD_SIZE,
) -> Tensor:
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
    Tensor
        float32 (N, 512).
    """
    made: nn.Module | None = None
    shards = []
    for start in range(0, len(images), shard_size):
        part = images[start : start + shard_size]
        path = folder / f"{start:05}.safetensors"
        shard = _read(path, len(part))
        if shard is None:
            made = made or network()
            shard = extract(made, part, on_batch)
            storage.write_tensors(path, {"features": shard})
        elif on_batch is not None:
            on_batch(len(part))
        shards.append(shard)
    return torch.cat(shards)


def _read(path: Path, length: int) -> Tensor | None:
    if not path.exists():
        return None
    try:
        shard = storage.read_tensors(path)["features"]
    except storage.Damaged as damage:
        logger.warning("%s: its features are computed again.", damage)
        return None
    return shard if len(shard) == length else None
