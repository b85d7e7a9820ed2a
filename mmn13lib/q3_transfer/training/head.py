"""Train a new classification head on stored features."""

import math
from dataclasses import dataclass, replace

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from mmn13lib.q3_transfer.training.history import EpochMeter, EpochRecord
from mmn13lib.q3_transfer.training.schedule import linear_warmup_and_decay

MANY_IMAGES = 45_000  # that the settings were chosen for
FEWEST_UPDATES = 1000


@dataclass(frozen=True)
class HeadSettings:
    """How the head is trained; the defaults are for 45,000 images.

    Attributes
    ----------
    num_epochs, batch_size
        The last batch of an epoch may be smaller.
    max_lr
        Highest learning rate, for AdamW.
    warmup_share
        The share of the updates in which the learning rate rises.
    weight_decay
        Of AdamW.
    """

    num_epochs: int = 20
    batch_size: int = 256
    max_lr: float = 0.03
    warmup_share: float = 0.1
    weight_decay: float = 0.0

    def for_images(self, num_images: int) -> "HeadSettings":
        """Adapt the training to few images: as many updates at least, and smaller ones.

        Examples
        --------
        >>> HeadSettings().for_images(100)
        HeadSettings(num_epochs=100, batch_size=10, max_lr=0.0014, warmup_share=0.1,
        weight_decay=0.0)
        """
        batch_size = max(1, min(self.batch_size, num_images // 10))
        num_epochs = max(self.num_epochs, FEWEST_UPDATES * batch_size // num_images)
        max_lr = round(self.max_lr * min(1.0, num_images / MANY_IMAGES) ** 0.5, 4)
        return replace(self, num_epochs=num_epochs, batch_size=batch_size, max_lr=max_lr)


def train_head(
    head: nn.Module,
    features: Tensor,
    labels: Tensor,
    settings: HeadSettings,
    seed: int,
    validation: tuple[Tensor, Tensor] | None = None,
) -> list[EpochRecord]:
    """Train a classification head on features.

    Parameters
    ----------
    head
        Changed in place: `nn.Linear` on stored features, or whatever gives logits for a batch.
    features, labels
        (N, 512), or whatever `head` takes N of, and int64 (N,).
    seed
        Of the order of the images.
    validation
        Features and labels to measure the accuracy on after every epoch.

    Examples
    --------
    >>> features, labels = torch.eye(10, 512), torch.arange(10)
    >>> settings = HeadSettings(num_epochs=30, batch_size=5)
    >>> history = train_head(nn.Linear(512, 10), features, labels, settings, seed=0)
    >>> history[-1].updates, history[-1].train_accuracy
    (60, 1.0)
    """
    optimizer = torch.optim.AdamW(
        head.parameters(), settings.max_lr, weight_decay=settings.weight_decay
    )
    num_batches = math.ceil(len(features) / settings.batch_size)
    num_updates = settings.num_epochs * num_batches
    schedule = linear_warmup_and_decay(optimizer, num_updates, settings.warmup_share)
    generator = torch.Generator().manual_seed(seed)
    history: list[EpochRecord] = []
    for _ in range(settings.num_epochs):
        meter = EpochMeter()
        order = torch.randperm(len(features), generator=generator)
        for batch in order.split(settings.batch_size):
            logits = head(features[batch])
            loss = F.cross_entropy(logits, labels[batch])
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            schedule.step()
            meter.add(loss, logits, labels[batch])
        validated = None if validation is None else (head(validation[0]), validation[1])
        history.append(meter.record(history, validated))
    return history
