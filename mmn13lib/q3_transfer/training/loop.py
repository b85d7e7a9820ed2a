"""Training that loses nothing: after every epoch all that the next one needs is on disk.

A run that is killed and called again goes on after its last finished epoch and ends, on a CPU
with the same number of threads, with the same bits as one that was left alone. Two choices make
this short: the learning rate is a function of the step, and the randomness of an epoch is a
function of seed and epoch, so neither has a state to keep.
"""

import hashlib
import logging
import math
import time
from collections.abc import Callable
from dataclasses import astuple, dataclass
from pathlib import Path

import torch
from torch import nn

from mmn13lib.foundation import storage

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class EpochRecord:
    """One epoch of a training run.

    Attributes
    ----------
    epoch
        Counted from 1.
    train_loss, train_accuracy
        Means over the epoch's batches as they were trained on (augmented, weights moving).
    validation_accuracy
        After the epoch, in [0, 1]; None without validation images.
    seconds
        Time of the epoch's training, validation not counted.
    images_per_second
        Training images by those seconds.
    """

    epoch: int
    train_loss: float
    train_accuracy: float
    validation_accuracy: float | None
    seconds: float
    images_per_second: float


@dataclass(frozen=True)
class EpochResult:
    """What one pass over the training images gives: sums over `num_images` images."""

    loss: float
    num_correct: int
    num_images: int


def one_cycle(progress: float, warmup: float) -> float:
    """Give the learning rate as a fraction of its maximum: up in a line, down in a line.

    Parameters
    ----------
    progress
        The part of all steps that is done, in [0, 1].
    warmup
        The part of all steps in which the rate rises, in (0, 1).

    Returns
    -------
    float
        0 at either end, 1 at the end of the warm-up (Smith and Topin 2018).

    Examples
    --------
    >>> [one_cycle(progress, warmup=0.25) for progress in (0.0, 0.125, 0.25, 0.625, 1.0)]
    [0.0, 0.5, 1.0, 0.5, 0.0]
    """
    return min(progress / warmup, (1 - progress) / (1 - warmup))


def epoch_generator(seed: int, epoch: int) -> torch.Generator:
    """Make the source of all randomness of one epoch, on the CPU.

    Parameters
    ----------
    seed
        The run's.
    epoch
        Counted from 0.

    Returns
    -------
    torch.Generator
    """
    text = f"{seed},{epoch}".encode()
    number = int.from_bytes(hashlib.sha256(text).digest()[:7], "big")
    return torch.Generator().manual_seed(number)


def fit(
    model: nn.Module,
    optimizer: torch.optim.Optimizer,
    num_epochs: int,
    train_one_epoch: Callable[[int], EpochResult],
    evaluate: Callable[[], float] | None = None,
    checkpoint: Path | None = None,
    fingerprint: str = "",
    on_epoch: Callable[[EpochRecord], None] | None = None,
) -> list[EpochRecord]:
    """Train for a number of epochs, or for those that are left of them.

    Parameters
    ----------
    model, optimizer
        Changed in place; when a checkpoint is found, they take its state.
    num_epochs
        All of them, those already done included.
    train_one_epoch
        Trains on every image once; its argument is the epoch, counted from 0. It must depend on
        nothing but that number and the state of model and optimizer.
    evaluate
        Gives the validation accuracy in [0, 1].
    checkpoint
        The file to go on from and to write after every epoch; None keeps nothing.
    fingerprint
        What the run is made from; a checkpoint of another run is not used.
    on_epoch
        Called with each new record, after it is on disk.

    Returns
    -------
    list of EpochRecord
        All epochs, those of an earlier call included.
    """
    records = _restore(checkpoint, fingerprint, model, optimizer)
    for epoch in range(len(records), num_epochs):
        start = time.perf_counter()
        result = train_one_epoch(epoch)
        seconds = time.perf_counter() - start
        record = EpochRecord(
            epoch=epoch + 1,
            train_loss=result.loss / result.num_images,
            train_accuracy=result.num_correct / result.num_images,
            validation_accuracy=evaluate() if evaluate else None,
            seconds=seconds,
            images_per_second=result.num_images / seconds,
        )
        records.append(record)
        if checkpoint is not None:
            _save(checkpoint, fingerprint, model, optimizer, records)
        if on_epoch is not None:
            on_epoch(record)
    return records


def _save(
    path: Path,
    fingerprint: str,
    model: nn.Module,
    optimizer: torch.optim.Optimizer,
    records: list[EpochRecord],
) -> None:
    rows = [[math.nan if value is None else value for value in astuple(row)] for row in records]
    tensors = {f"model.{name}": tensor for name, tensor in model.state_dict().items()}
    for index, state in optimizer.state_dict()["state"].items():
        tensors |= {f"optimizer.{index}.{name}": value for name, value in state.items()}
    tensors["records"] = torch.tensor(rows, dtype=torch.float64)
    tensors["fingerprint"] = _digest(fingerprint)
    storage.write_tensors(path, tensors)


def _restore(
    path: Path | None, fingerprint: str, model: nn.Module, optimizer: torch.optim.Optimizer
) -> list[EpochRecord]:
    if path is None or not path.exists():
        return []
    try:
        tensors = storage.read_tensors(path)
    except storage.Damaged as damage:
        logger.warning("%s: the training starts again.", damage)
        return []
    if not torch.equal(tensors["fingerprint"], _digest(fingerprint)):
        logger.warning("%s is of another training: this one starts anew.", path.name)
        return []
    model.load_state_dict(_under("model", tensors))
    states: dict[int, dict[str, torch.Tensor]] = {}
    for key, value in _under("optimizer", tensors).items():
        index, name = key.split(".", 1)
        states.setdefault(int(index), {})[name] = value
    optimizer.load_state_dict({**optimizer.state_dict(), "state": states})
    return [_record(row) for row in tensors["records"].tolist()]


def _under(prefix: str, tensors: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    start = f"{prefix}."
    return {key.removeprefix(start): t for key, t in tensors.items() if key.startswith(start)}


def _record(row: list[float]) -> EpochRecord:
    epoch, loss, accuracy, validation, seconds, rate = row
    known = None if math.isnan(validation) else validation
    return EpochRecord(int(epoch), loss, accuracy, known, seconds, rate)


def _digest(text: str) -> torch.Tensor:
    return torch.tensor(list(hashlib.sha256(text.encode()).digest()), dtype=torch.uint8)
