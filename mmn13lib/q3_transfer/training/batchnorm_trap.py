"""The BatchNorm trap: ``requires_grad = False`` alone does not freeze a network.

It keeps the optimiser off the weights. In train mode BatchNorm still normalises with each batch's
own mean and variance, and moves its running statistics, which are buffers and need no gradient.
"""

from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor, nn
from torchvision.models import resnet18

from mmn13lib.q3_transfer.data.preprocessing import preprocess
from mmn13lib.q3_transfer.models.backbone import FrozenResNet18, load_backbone, new_head
from mmn13lib.q3_transfer.results.significance import paired_interval
from mmn13lib.q3_transfer.training.head import HeadSettings, train_classifier


@dataclass(frozen=True)
class BatchNormTrap:
    """A head trained through a network that is frozen in two ways.

    Attributes
    ----------
    moved_buffers, moved_buffers_frozen
        Buffers that changed with ``requires_grad = False`` alone, and with eval mode as well.
    accuracy_trap, accuracy_frozen, difference_interval
        Validation accuracy in [0, 1] of the same two, over all seeds, and the 95% interval of
        the second less the first.
    images, validation_images
        How many each seed trained on, and how many all were validated on.
    """

    moved_buffers: int
    moved_buffers_frozen: int
    total_buffers: int
    accuracy_trap: float
    accuracy_frozen: float
    difference_interval: list[float]
    seeds: int
    images: int
    validation_images: int


def run_batchnorm_trap(
    weights: Path | None,
    training: tuple[Tensor, Tensor],
    validation: tuple[Tensor, Tensor],
    settings: HeadSettings,
    seeds: int = 3,
) -> BatchNormTrap:
    """Train a head through both networks, from the same start in the same order.

    Each seed gets its share of the uint8 images (N, 3, 32, 32), which are in a random order.
    """
    correct: dict[str, list[Tensor]] = {"trap": [], "frozen": []}
    moved = {}
    for seed in range(seeds):
        images, labels = (part[seed::seeds] for part in training)
        held_out, truth = (part[seed::seeds] for part in validation)
        models: dict[str, nn.Module] = {
            "trap": frozen_by_requires_grad_only(weights, seed),
            "frozen": FrozenResNet18.from_weights(weights, seed=seed),
        }
        for name, model in models.items():
            before = {key: buffer.clone() for key, buffer in model.named_buffers()}
            model.register_forward_pre_hook(lambda _, inputs: preprocess(*inputs))
            train_classifier(model.train(), images, labels, settings, seed)
            moved[name] = sum(
                not torch.equal(buffer, before[key]) for key, buffer in model.named_buffers()
            )
            with torch.inference_mode():
                logits = torch.cat([model.eval()(batch) for batch in held_out.split(50)])
            correct[name].append(logits.argmax(1) == truth)
    trap, frozen = (torch.cat(correct[name]).numpy() for name in ("trap", "frozen"))
    return BatchNormTrap(
        moved_buffers=moved["trap"],
        moved_buffers_frozen=moved["frozen"],
        total_buffers=len(before),
        accuracy_trap=float(trap.mean()),
        accuracy_frozen=float(frozen.mean()),
        difference_interval=list(paired_interval(frozen, trap)),
        seeds=seeds,
        images=len(images),
        validation_images=len(trap),
    )


def frozen_by_requires_grad_only(weights: Path | None, seed: int = 0) -> nn.Module:
    """Freeze as tutorials do: no parameter but the head's takes a gradient, and that is all."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        model = resnet18()
    if weights is not None:
        load_backbone(model, weights)
    for parameter in model.parameters():
        parameter.requires_grad = False
    model.fc = new_head(10, seed)
    return model
