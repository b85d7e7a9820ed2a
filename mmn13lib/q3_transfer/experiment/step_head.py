"""The step that trains a head; this module, with all that it imports, is in its key."""

from dataclasses import asdict
from typing import Any

import torch
from torch import Tensor

from mmn13lib.q3_transfer.models.backbone import new_head
from mmn13lib.q3_transfer.training.head import HeadSettings, train_head


def make(
    train: tuple[Tensor, Tensor],
    validation: tuple[Tensor, Tensor],
    test_features: Tensor,
    settings: HeadSettings,
    seed: int,
) -> tuple[dict[str, Any], dict[str, Tensor]]:
    """Train a head on features (N, 512) and their labels, and classify the others with it."""
    head = new_head(10, seed)
    records = train_head(head, *train, settings, seed, validation)
    with torch.no_grad():
        validation_logits, test_logits = head(validation[0]), head(test_features)
    values = {
        "history": [asdict(record) for record in records],
        "updates": records[-1].updates,
    }
    return values, {
        "weight": head.weight.detach(),
        "bias": head.bias.detach(),
        "validation_logits": validation_logits,
        "test_logits": test_logits,
    }
