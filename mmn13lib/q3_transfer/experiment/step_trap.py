"""The step that shows the BatchNorm trap; this module, with all that it imports, is in its key."""

from dataclasses import asdict
from pathlib import Path
from typing import Any

from torch import Tensor

from mmn13lib.q3_transfer.training.batchnorm_trap import run_batchnorm_trap
from mmn13lib.q3_transfer.training.head import HeadSettings


def make(
    weights: Path | None,
    train: tuple[Tensor, Tensor],
    validation: tuple[Tensor, Tensor],
    settings: HeadSettings,
) -> tuple[dict[str, Any], dict[str, Tensor]]:
    """Train an epoch through the network, frozen in two ways."""
    return asdict(run_batchnorm_trap(weights, train, validation, settings)), {}
