"""The experiment's steps on disk: each is one file, under the key of what made it."""

import json
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from functools import cache, partial
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from mmn13lib.foundation import storage
from mmn13lib.foundation.hardware import Load, hardware, load_watch
from mmn13lib.q3_transfer.models.features import extract

SHARD_SIZE = 2000  # images; 4 MB of features

Made = tuple[dict[str, Any], dict[str, Tensor]]  # values that JSON can write, and tensors
Progress = Callable[[str], None]


@dataclass(frozen=True)
class Step:
    """What a step made, and how.

    Attributes
    ----------
    values, tensors
        Whatever JSON can write, and tensors by their names.
    made
        ``seconds``, ``date`` and ``hardware``; ``others`` is the share of the cores that other
        processes used meanwhile, None where an earlier process did a part of the step.
    """

    values: dict[str, Any]
    tensors: dict[str, Tensor]
    made: dict[str, Any]

    @property
    def seconds(self) -> float:
        """What the step took; of a training, its epochs, whichever process did them."""
        history = self.values.get("history")
        return sum(epoch["seconds"] for epoch in history) if history else self.made["seconds"]


def stored(path: Path, make: Callable[[], Made], progress: Progress) -> Step:
    """Read a step, or make and store it if it is absent or damaged."""
    return read(path, progress) or _write(path, make)


def read(path: Path, progress: Progress) -> Step | None:
    """Read a step; None if it is absent or, with a line that says so, damaged."""
    if not path.exists():
        return None
    try:
        tensors, values = storage.read_record(path)
    except storage.Damaged as damage:
        progress(f"A stored step of the experiment is damaged ({damage}): it is computed again.")
        return None
    return Step(values["values"], tensors, values["made"])


def _write(path: Path, make: Callable[[], Made]) -> Step:
    begin = time.perf_counter()
    with load_watch() as load:
        values, tensors = make()
    made: dict[str, Any] = {
        "seconds": time.perf_counter() - begin,
        "date": datetime.now().isoformat(timespec="seconds"),
        "hardware": hardware(),
        "others": load.others,
    }
    step = Step(json.loads(json.dumps(values)), tensors, made)  # as it will be read
    if step.seconds > made["seconds"]:  # gone on with from a checkpoint
        made["others"] = None
    storage.write_tensors(path, tensors, {"values": values, "made": made})
    return step


def summary(steps: list[Step]) -> dict[str, Any]:
    """Say how long steps took, when and on what the last was made, and how busy the machine was."""
    seconds = sum(step.seconds for step in steps)
    last = max((step.made for step in steps), key=lambda made: made["date"])
    loads = [(step.made["others"], step.seconds) for step in steps]
    known = all(others is not None for others, _ in loads)
    others = sum(load * took for load, took in loads) / seconds if known else None
    busy = others is not None and Load(others).busy
    return {"seconds": seconds, "date": last["date"], "hardware": last["hardware"],
            "others": others, "busy": busy}  # fmt: skip


def stored_features(
    folder: Path,
    images: Tensor,
    network: Callable[[], nn.Module],
    progress: Progress,
    on_images: Callable[[int], None] = lambda count: None,
    shard_size: int = SHARD_SIZE,
) -> list[Step]:
    """Read the features of images, or compute those that are not stored (whole) yet, in shards.

    What is finished stays, and memory does not grow. The folder's name must hold the key of
    what the features are made from; `network` makes the backbone where there is something to
    compute; `on_images` is told how many images are done since the last call.
    """
    made_once = cache(network)
    shards = []
    for start in range(0, len(images), shard_size):
        part = images[start : start + shard_size]
        path = folder / f"{start:05}-{start + len(part):05}.safetensors"
        shard = read(path, progress)
        if shard is None:
            shard = _write(path, partial(_features, made_once, part, on_images))
        else:
            on_images(len(part))
        shards.append(shard)
    return shards


def _features(
    network: Callable[[], nn.Module], images: Tensor, on_images: Callable[[int], None]
) -> Made:
    return {}, {"features": extract(network(), images, on_images)}


def joined(shards: list[Step]) -> Tensor:
    """Put the features of all shards together, float32 (N, 512)."""
    return torch.cat([shard.tensors["features"] for shard in shards])


def tensor_digest(*tensors: Tensor) -> str:
    """Digest the content of tensors on the CPU, for keys."""
    shapes = [f"{tensor.dtype} {tuple(tensor.shape)}" for tensor in tensors]
    return storage.digest(*shapes, *(t.contiguous().numpy().tobytes() for t in tensors))
