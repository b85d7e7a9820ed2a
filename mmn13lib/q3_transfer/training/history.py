"""The record of a training, epoch by epoch."""

import time
from dataclasses import dataclass

from torch import Tensor


@dataclass(frozen=True)
class EpochRecord:
    """One epoch: means over its images as they were trained on (augmented, weights moving)."""

    train_loss: float
    train_accuracy: float
    seconds: float


class EpochMeter:
    """Adds up the batches of an epoch, and keeps its time."""

    def __init__(self) -> None:
        self.begin = time.perf_counter()
        self.loss, self.num_correct, self.num_images = 0.0, 0, 0

    def add(self, loss: Tensor, logits: Tensor, labels: Tensor) -> None:
        """Take in a batch: its mean loss, and its logits (B, K) beside its labels (B,)."""
        self.loss += loss.item() * len(labels)
        self.num_correct += int((logits.argmax(1) == labels).sum())
        self.num_images += len(labels)

    def record(self) -> EpochRecord:
        """Return the record of the batches since the meter was made."""
        return EpochRecord(
            train_loss=self.loss / self.num_images,
            train_accuracy=self.num_correct / self.num_images,
            seconds=time.perf_counter() - self.begin,
        )
