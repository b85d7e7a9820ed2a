"""A step: the features of some images, 4 MB for 2,000 of them."""

from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn

from mmn13lib.q3_transfer.models.backbone import FrozenResNet18
from mmn13lib.q3_transfer.models.features import extract, feature_network

if TYPE_CHECKING:
    from mmn13lib.foundation.steps import Made


def features(
    images: Tensor,
    weights: Path | None,
    device: str,
    dtype: str,
    *,
    on_images: Callable[[int], None] | None = None,
) -> "Made":
    """Compute the features (N, 512) of uint8 images (N, 3, 32, 32)."""
    return {}, {"features": extract(_network(weights, device, dtype), images, on_images)}


@cache
def _network(weights: Path | None, device: str, dtype: str) -> nn.Module:
    model = FrozenResNet18.from_weights(weights)
    return feature_network(model, torch.device(device), getattr(torch, dtype))
