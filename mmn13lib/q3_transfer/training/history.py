"""The record of a training, epoch by epoch."""

import time
from dataclasses import dataclass

from torch import Tensor


@dataclass(frozen=True)
class EpochRecord:
    """One epoch of a training.

    Attributes
    ----------
    updates
        Of the weights, from the first epoch on.
    train_loss, train_accuracy
        Means over the epoch's batches as they were trained on (augmented, weights moving).
    validation_accuracy
        After the epoch, in [0, 1]; None without validation images.
    seconds
        Without validation.
    """

    epoch: int
    updates: int
    train_loss: float
    train_accuracy: float
    validation_accuracy: float | None
    seconds: float


class EpochMeter:
    """Adds up the batches of an epoch, and keeps its time."""

    def __init__(self) -> None:
        self.begin = time.perf_counter()
        self.loss, self.num_correct, self.num_images, self.num_updates = 0.0, 0, 0, 0

    def add(self, loss: Tensor, logits: Tensor, labels: Tensor) -> None:
        """Take in a batch: its mean loss, and its logits (B, K) beside its labels (B,)."""
        self.loss += loss.item() * len(labels)
        self.num_correct += int((logits.argmax(1) == labels).sum())
        self.num_images += len(labels)
        self.num_updates += 1
        self.seconds = time.perf_counter() - self.begin

    def record(
        self, history: list[EpochRecord], validated: tuple[Tensor, Tensor] | None = None
    ) -> EpochRecord:
        """Return the record of the epoch that follows those of the history.

        `validated` are the validation images' logits (N, K) and labels (N,), where there are any.
        """
        validation_accuracy = None
        if validated is not None:
            logits, labels = validated
            validation_accuracy = (logits.argmax(1) == labels).double().mean().item()
        return EpochRecord(
            epoch=len(history) + 1,
            updates=self.num_updates + (history[-1].updates if history else 0),
            train_loss=self.loss / self.num_images,
            train_accuracy=self.num_correct / self.num_images,
            validation_accuracy=validation_accuracy,
            seconds=self.seconds,
        )
