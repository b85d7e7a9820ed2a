"""A step: SmallResNet trained from scratch."""

from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

from torch import Tensor

from mmn13lib.q3_transfer.training.from_scratch import (
    SmallResNetSettings,
    predict_logits,
    train_small_resnet,
)

if TYPE_CHECKING:
    from mmn13lib.foundation.steps import Made


def small_resnet(
    training: tuple[Tensor, Tensor],
    test_images: Tensor,
    settings: SmallResNetSettings,
    seed: int,
    device: str,
    *,
    checkpoint: Path | None = None,
    on_images: Callable[[int], None] | None = None,
) -> "Made":
    """Train SmallResNet on images and labels; its tensors and test logits are kept."""
    model, history = train_small_resnet(*training, settings, seed, device, checkpoint, on_images)
    tensors = {f"model.{name}": tensor for name, tensor in model.state_dict().items()}
    tensors["test_logits"] = predict_logits(model, test_images, device)
    return {"history": [asdict(record) for record in history]}, tensors
