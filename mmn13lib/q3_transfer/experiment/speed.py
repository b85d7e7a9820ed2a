"""A step: how many images a second each network classifies."""

from typing import TYPE_CHECKING

import torch

from mmn13lib.q3_transfer.models.backbone import FrozenResNet18
from mmn13lib.q3_transfer.models.costs import images_per_second
from mmn13lib.q3_transfer.models.small_resnet import SmallResNet

if TYPE_CHECKING:
    from mmn13lib.foundation.steps import Made


def speed(
    channels: tuple[int, int, int] | None, device: str, dtype: str, batches: int, batch_size: int
) -> "Made":
    """Time the forward pass of a SmallResNet with these channels, or of ResNet-18 for None."""
    model = FrozenResNet18() if channels is None else SmallResNet(channels=channels)
    measured = images_per_second(
        model, torch.device(device), getattr(torch, dtype), batches, batch_size
    )
    return {"images_per_second": measured}, {}
