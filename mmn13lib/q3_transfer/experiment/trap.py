"""A step: the BatchNorm trap. ``requires_grad = False`` alone does not freeze a network.

It keeps the optimiser off the weights. In train mode BatchNorm still normalises with each batch's
own mean and variance, and moves its running statistics, which are buffers and need no gradient.
"""

import copy
from pathlib import Path
from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn

from mmn13lib.q3_transfer.data.preprocessing import preprocess
from mmn13lib.q3_transfer.models.backbone import FrozenResNet18, new_head
from mmn13lib.q3_transfer.results.significance import paired_interval
from mmn13lib.q3_transfer.training.head import HeadSettings, train_classifier

if TYPE_CHECKING:
    from mmn13lib.foundation.steps import Made

SEEDS = 3


class TrappedResNet18(FrozenResNet18):
    """Frozen as tutorials do it: no parameter but the head's takes a gradient, and that is all."""

    train = nn.Module.train  # every layer's mode, the backbone's too


def trap(
    weights: Path | None,
    training: tuple[Tensor, Tensor],
    validation: tuple[Tensor, Tensor],
    settings: HeadSettings,
) -> "Made":
    """Train heads through both networks, each pair from the same start in the same order.

    Each seed gets its share of the uint8 images (N, 3, 32, 32), which are in a random order. The
    values are the validation accuracies over all seeds, ``accuracy_trap`` and
    ``accuracy_frozen``, 0 to 1, and ``difference_interval``, of the second less the first.
    """
    networks = (TrappedResNet18.from_weights(weights), FrozenResNet18.from_weights(weights))
    correct: dict[FrozenResNet18, list[Tensor]] = {network: [] for network in networks}
    for seed in range(SEEDS):
        images, labels = (part[seed::SEEDS] for part in training)
        held_out, truth = (part[seed::SEEDS] for part in validation)
        for network in networks:
            model = copy.deepcopy(network)
            model.fc = new_head(seed)
            model.register_forward_pre_hook(lambda _, inputs: preprocess(*inputs))
            train_classifier(model.train(), images, labels, settings, seed)
            with torch.inference_mode():
                logits = torch.cat([model.eval()(batch) for batch in held_out.split(50)])
            correct[network].append(logits.argmax(1) == truth)
    trapped, frozen = (torch.cat(parts).numpy() for parts in correct.values())
    return {
        "accuracy_trap": float(trapped.mean()),
        "accuracy_frozen": float(frozen.mean()),
        "difference_interval": list(paired_interval(frozen, trapped)),
    }, {}
