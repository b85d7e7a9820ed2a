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
    validation: Tensor,
    settings: HeadSettings,
    seed: int,
) -> "Made":
    """Train a head on some images' features, and watch it on others; both are given as indices."""
    trained = new_head(10, seed)
    found, tested = joined(features), joined(test_features)
    parts = [(found[part], labels[part]) for part in (training, validation)]
    history = train_head(trained, *parts[0], settings, seed, parts[1])
    tensors = dict(trained.state_dict())
    with torch.no_grad():
        tensors["validation_logits"] = trained(parts[1][0])
        tensors["test_logits"] = trained(tested)
    return {"history": [asdict(record) for record in history]}, tensors


def joined(shards: "tuple[Step, ...]") -> Tensor:
    """Put the features of all shards together, float32 (N, 512)."""
    return torch.cat([shard.tensors["features"] for shard in shards])
