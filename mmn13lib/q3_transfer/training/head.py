"""Train a new classification head: on stored features, or through the whole network."""

from collections.abc import Callable
from dataclasses import dataclass, replace

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from mmn13lib.q3_transfer.training.loop import (
    EpochRecord,
    EpochResult,
    epoch_generator,
    fit,
    one_cycle,
)

MANY_IMAGES = 45_000  # that the settings were chosen for


@dataclass(frozen=True)
class HeadSettings:
    """How the head is trained; chosen on validation.

    Attributes
    ----------
    num_epochs, batch_size
        The last batch of an epoch may be smaller.
    max_lr
        Highest learning rate of the one-cycle schedule, for Adam.
    warmup
        The part of the steps in which the learning rate rises.
    weight_decay
        Of AdamW.
    """

    num_epochs: int = 20
    batch_size: int = 256
    max_lr: float = 0.03
    warmup: float = 0.1
    weight_decay: float = 0.0

    def for_images(self, num_images: int) -> "HeadSettings":
        """Adapt the training to few labelled images: no fewer steps, but smaller ones.

        Parameters
        ----------
        num_images
            Labelled images to train on.

        Returns
        -------
        HeadSettings

        Examples
        --------
        >>> HeadSettings().for_images(100)
        HeadSettings(num_epochs=100, batch_size=10, max_lr=0.0014, warmup=0.1, weight_decay=0.0)
        """
        batch_size = max(1, min(self.batch_size, num_images // 10))
        num_epochs = max(self.num_epochs, 1000 * batch_size // num_images)
        max_lr = round(self.max_lr * min(1.0, num_images / MANY_IMAGES) ** 0.5, 4)
        return replace(self, num_epochs=num_epochs, batch_size=batch_size, max_lr=max_lr)


def train_head(
    head: nn.Linear,
    inputs: Tensor,
    labels: Tensor,
    settings: HeadSettings,
    seed: int,
    validation: tuple[Tensor, Tensor] | None = None,
    backbone: Callable[[Tensor], Tensor] | None = None,
    on_epoch: Callable[[EpochRecord], None] | None = None,
) -> list[EpochRecord]:
    """Train a head and nothing else.

    Parameters
    ----------
    head
        Changed in place; the optimiser gets its parameters alone.
    inputs
        Features (N, 512), or whatever `backbone` takes.
    labels
        int64 (N,).
    settings
        The training's settings.
    seed
        Of the order of the images.
    validation
        Inputs and labels to measure the accuracy on after every epoch.
    backbone
        Gives the features (B, 512) of a batch of inputs; None when these are features.
    on_epoch
        Called with each new record.

    Returns
    -------
    list of EpochRecord
        One per epoch.
    """
    optimizer = torch.optim.AdamW(head.parameters(), weight_decay=settings.weight_decay)
    steps_per_epoch = -(-len(inputs) // settings.batch_size)
    num_steps = settings.num_epochs * steps_per_epoch

    def logits_of(batch: Tensor) -> Tensor:
        return head(batch if backbone is None else backbone(batch))

    def train_one_epoch(epoch: int) -> EpochResult:
        head.train()
        loss_sum, num_correct = 0.0, 0
        order = torch.randperm(len(inputs), generator=epoch_generator(seed, epoch))
        for index, chosen in enumerate(order.split(settings.batch_size)):
            progress = (epoch * steps_per_epoch + index + 1) / num_steps
            for group in optimizer.param_groups:
                group["lr"] = settings.max_lr * one_cycle(progress, settings.warmup)
            logits = logits_of(inputs[chosen])
            loss = F.cross_entropy(logits, labels[chosen])
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            loss_sum += loss.item() * len(chosen)
            num_correct += int((logits.argmax(1) == labels[chosen]).sum())
        return EpochResult(loss_sum, num_correct, len(inputs))

    @torch.no_grad()
    def evaluate() -> float:
        assert validation is not None
        head.eval()
        held_out, truth = validation
        batches = held_out.split(settings.batch_size)
        predicted = torch.cat([logits_of(batch).argmax(1) for batch in batches])
        return float((predicted == truth).double().mean())

    return fit(
        head,
        optimizer,
        settings.num_epochs,
        train_one_epoch,
        None if validation is None else evaluate,
        on_epoch=on_epoch,
    )
