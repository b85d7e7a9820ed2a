"""A step: a head trained on features."""

from dataclasses import asdict
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from mmn13lib.q3_transfer.models.backbone import new_head
from mmn13lib.q3_transfer.training.head import HeadSettings, train_head

if TYPE_CHECKING:
    from mmn13lib.foundation.steps import Made, Step


def head(
    features: "tuple[Step, ...]",
    test_features: "tuple[Step, ...]",
    labels: Tensor,
    training: Tensor,
    settings: HeadSettings,
    seed: int,
) -> "Made":
    """Train a head on the features of some images, given as indices, and test it."""
    trained = new_head(seed)
    history = train_head(trained, joined(features)[training], labels[training], settings, seed)
    tensors = dict(trained.state_dict())
    with torch.no_grad():
        tensors["test_logits"] = trained(joined(test_features))
    return {"history": [asdict(record) for record in history]}, tensors


def joined(shards: "tuple[Step, ...]") -> Tensor:
    """Put the features of all shards together, float32 (N, 512)."""
    return torch.cat([shard.tensors["features"] for shard in shards])
