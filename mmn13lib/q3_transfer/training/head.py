"""Train a new classification head on stored features."""

import math
from dataclasses import dataclass, replace

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from mmn13lib.q3_transfer.training.history import EpochMeter, EpochRecord
from mmn13lib.q3_transfer.training.schedule import linear_warmup_and_decay

MANY_IMAGES = 45_000  # that the settings were chosen for


@dataclass(frozen=True)
class HeadSettings:
    """How the head is trained; the defaults are for 45,000 images.

    Attributes
    ----------
    num_epochs, batch_size
        The last batch of an epoch may be smaller.
    max_lr
        Highest learning rate, for Adam.
    warmup_share
        The share of the updates in which the learning rate rises.
    weight_decay
        Of Adam: with it, the loss that is minimised is the mean cross-entropy plus half of this
        times the sum of all squared parameters, a convex function.
    fewest_updates
        Updates that a training on few images takes at least.
    """

    num_epochs: int = 20
    batch_size: int = 256
    max_lr: float = 0.01
    warmup_share: float = 0.1
    weight_decay: float = 0.002
    fewest_updates: int = 1000

    def for_images(self, num_images: int) -> "HeadSettings":
        """Return settings for few images: `fewest_updates` at least, and more decay.

        Examples
        --------
        >>> HeadSettings().for_images(500)
        HeadSettings(num_epochs=100, batch_size=50, max_lr=0.01, warmup_share=0.1,
        weight_decay=0.019, fewest_updates=1000)
        """
        batch_size = max(1, min(self.batch_size, num_images // 10))
        root = min(1.0, num_images / MANY_IMAGES) ** 0.5
        return replace(
            self,
            num_epochs=max(self.num_epochs, self.fewest_updates * batch_size // num_images),
            batch_size=batch_size,
            weight_decay=round(self.weight_decay / root, 4),
        )


def train_head(
    head: nn.Linear,
    features: Tensor,
    labels: Tensor,
    settings: HeadSettings,
    seed: int,
) -> list[EpochRecord]:
    """Train a head on features, which are standardised meanwhile.

    Parameters
    ----------
    head
        Changed in place. What it learns on standardised features is in the end written as
        weights and bias for the features as they come.
    features, labels
        (N, K) and int64 (N,).
    seed
        Of the order of the images.

    Examples
    --------
    >>> features, labels = torch.eye(10, 512), torch.arange(10)
    >>> settings = HeadSettings(num_epochs=30, batch_size=5)
    >>> train_head(nn.Linear(512, 10), features, labels, settings, seed=0)[-1].train_accuracy
    1.0
    """
    mean, deviation = _scale(features)
    standardised = (features - mean) / deviation
    history = train_classifier(head, standardised, labels, settings, seed)
    with torch.no_grad():
        head.weight /= deviation
        head.bias -= head.weight @ mean  # type: ignore[misc]
    return history


def train_classifier(
    model: nn.Module, inputs: Tensor, labels: Tensor,
    settings: HeadSettings, seed: int,
) -> list[EpochRecord]:  # fmt: skip
    """Train whatever turns a batch of inputs into logits."""
    rate, decay = settings.max_lr, settings.weight_decay
    optimizer = torch.optim.Adam(model.parameters(), rate, weight_decay=decay)
    num_batches = math.ceil(len(inputs) / settings.batch_size)
    num_updates = settings.num_epochs * num_batches
    schedule = linear_warmup_and_decay(optimizer, num_updates, settings.warmup_share)
    generator = torch.Generator().manual_seed(seed)
    history: list[EpochRecord] = []
    for _ in range(settings.num_epochs):
        meter = EpochMeter()
        order = torch.randperm(len(inputs), generator=generator)
        for batch in order.split(settings.batch_size):
            logits = model(inputs[batch])
            loss = F.cross_entropy(logits, labels[batch])
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            schedule.step()
            meter.add(loss, logits, labels[batch])
        history.append(meter.record())
    return history


def loss_above_optimum(
    head: nn.Linear, features: Tensor, labels: Tensor, weight_decay: float
) -> float:
    """Return by how much the loss that `train_head` minimises lies above its least value.

    The loss is convex, so L-BFGS finds that value; `head` is one that `train_head` trained on
    these features.
    """
    mean, deviation = _scale(features)
    inputs = (features - mean) / deviation

    def loss(weight: Tensor, bias: Tensor) -> Tensor:
        decay = weight.square().sum() + bias.square().sum()
        return F.cross_entropy(F.linear(inputs, weight, bias), labels) + weight_decay / 2 * decay

    reached = head.weight.detach() * deviation, head.bias.detach() + head.weight.detach() @ mean
    best = [start.clone().requires_grad_() for start in reached]
    optimizer = torch.optim.LBFGS(best, max_iter=100, line_search_fn="strong_wolfe")

    def closure() -> Tensor:
        optimizer.zero_grad()
        value = loss(*best)
        value.backward()
        return value

    optimizer.step(closure)
    with torch.no_grad():
        return (loss(*reached) - loss(*best)).item()


def _scale(features: Tensor) -> tuple[Tensor, Tensor]:
    """Return each feature's mean and standard deviation; 1 where it never varies."""
    deviation = features.std(0, correction=0)
    return features.mean(0), deviation.where(deviation > 0, 1.0)
