"""The step that trains SmallResNet; this module, with all that it imports, is in its key."""

from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from mmn13lib.q3_transfer.training.from_scratch import (
    SmallResNetSettings,
    predict_logits,
    train_small_resnet,
)


def make(
    train: tuple[Tensor, Tensor],
    validation: tuple[Tensor, Tensor] | None,
    test_images: Tensor,
    settings: SmallResNetSettings,
    seed: int,
    device: torch.device,
    checkpoint: Path,
    on_images: Callable[[int], None],
) -> tuple[dict[str, Any], dict[str, Tensor]]:
    """Train it on uint8 images and their labels, and classify the others with it."""
    model, history = train_small_resnet(
        *train, settings, seed, device, checkpoint, validation, on_images
    )
    values = {
        "history": [asdict(record) for record in history],
        "updates": history[-1].updates,
    }
    tensors = {f"model.{name}": tensor for name, tensor in model.state_dict().items()}
    tensors["test_logits"] = predict_logits(model, test_images, device)
    if validation is not None:
        tensors["validation_logits"] = predict_logits(model, validation[0], device)
    return values, tensors
