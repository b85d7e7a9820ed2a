"""A step: what the usual freezing does to BatchNorm; see `training.batchnorm_trap`."""

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

from torch import Tensor

from mmn13lib.q3_transfer.training.batchnorm_trap import run_batchnorm_trap
from mmn13lib.q3_transfer.training.head import HeadSettings

if TYPE_CHECKING:
    from mmn13lib.foundation.steps import Made


def trap(
    weights: Path | None,
    training: tuple[Tensor, Tensor],
    validation: tuple[Tensor, Tensor],
    settings: HeadSettings,
) -> "Made":
    """Freeze in both ways, on uint8 images (N, 3, 32, 32) and labels."""
    return asdict(run_batchnorm_trap(weights, training, validation, settings)), {}
