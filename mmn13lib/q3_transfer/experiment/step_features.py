"""The step that computes features; this module, with all that it imports, is in its key."""

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import psutil
import torch
from torch import Tensor, nn

from mmn13lib.q3_transfer.models.backbone import TransferResNet
from mmn13lib.q3_transfer.models.features import extract, feature_network


def network(weights: Path | None, device: torch.device, dtype: torch.dtype) -> nn.Module:
    """Make the backbone."""
    return feature_network(TransferResNet.from_weights(weights), device, dtype)


def make(
    backbone: Callable[[], nn.Module], images: Tensor, on_images: Callable[[int], None]
) -> tuple[dict[str, Any], dict[str, Tensor]]:
    """Compute the features of a shard of uint8 images (N, 3, 32, 32)."""
    features = extract(backbone(), images, on_images)
    return {"peak_memory": peak_memory()}, {"features": features}


def peak_memory() -> int:
    """Tell the largest resident size in bytes that this process has had."""
    if sys.platform == "win32":  # which has no module resource
        return int(psutil.Process().memory_info().peak_wset)
    import resource

    unit = 1 if sys.platform == "darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit
