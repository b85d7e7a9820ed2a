"""The BatchNorm trap: ``requires_grad=False`` alone does not freeze a network."""

from dataclasses import dataclass, replace
from pathlib import Path

import torch
from torch import Tensor, nn
from torchvision.models import resnet18

from mmn13lib.q3_transfer.data.preprocessing import preprocess
from mmn13lib.q3_transfer.models.backbone import TransferResNet, load_backbone, new_head
from mmn13lib.q3_transfer.training.head import HeadSettings, train_head


@dataclass(frozen=True)
class Trap:
    """One epoch of training a head through a network that is frozen in two ways.

    Attributes
    ----------
    moved_buffers, total_buffers
        Buffers outside the head that the usual freezing let change, and how many there are.
    moved_buffers_frozen
        The same for the network that stays in eval mode.
    accuracy_frozen, accuracy_trap
        Validation accuracy in [0, 1] of the network that stays in eval mode, and of the usual.
    folded
        Whether the weights came with their BatchNorm folded into the convolutions, which makes
        batch statistics a far greater change than they usually are.
    images, validation_images
        How many were trained and validated on.
    """

    moved_buffers: int
    total_buffers: int
    moved_buffers_frozen: int
    accuracy_frozen: float
    accuracy_trap: float
    folded: bool
    images: int
    validation_images: int


def spring(
    weights: Path | None,
    training: tuple[Tensor, Tensor],
    validation: tuple[Tensor, Tensor],
    settings: HeadSettings,
    seed: int = 0,
) -> Trap:
    """Train a head for one epoch through both networks, from the same start in the same order.

    Parameters
    ----------
    weights
        As for `TransferResNet.from_weights`.
    training, validation
        uint8 images (N, 3, 32, 32) and their labels.
    settings
        Of the training; its number of epochs counts as one.
    seed
        Of the head and the order.

    Returns
    -------
    Trap
    """
    usual = usually_frozen(weights, seed)
    folded = is_folded(usual)
    frozen = TransferResNet.from_weights(weights, seed=seed)
    moved, accuracy = {}, {}
    for name, model in (("trap", usual), ("frozen", frozen)):
        before = {key: buffer.clone() for key, buffer in model.named_buffers()}
        accuracy[name] = _train_through(model, training, validation, settings, seed)
        moved[name] = sum(
            not torch.equal(buffer, before[key]) for key, buffer in model.named_buffers()
        )
    return Trap(
        moved_buffers=moved["trap"],
        total_buffers=len(list(usual.buffers())),
        moved_buffers_frozen=moved["frozen"],
        accuracy_frozen=accuracy["frozen"],
        accuracy_trap=accuracy["trap"],
        folded=folded,
        images=len(training[0]),
        validation_images=len(validation[0]),
    )


def usually_frozen(weights: Path | None, seed: int = 0) -> nn.Module:
    """Freeze as tutorials do: no parameter but the head's takes a gradient, and that is all.

    Parameters
    ----------
    weights, seed
        As for `TransferResNet.from_weights`.

    Returns
    -------
    torchvision.models.ResNet
    """
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        model = resnet18()
    if weights is not None:
        load_backbone(model, weights)
    for parameter in model.parameters():
        parameter.requires_grad = False
    model.fc = new_head(10, seed)
    return model


def is_folded(model: nn.Module) -> bool:
    """Tell whether some BatchNorm does nothing but add a bias.

    Parameters
    ----------
    model
        With loaded weights.

    Returns
    -------
    bool
    """
    return any(_only_adds_bias(layer) for layer in model.modules())


def _only_adds_bias(layer: nn.Module) -> bool:
    if not isinstance(layer, nn.BatchNorm2d):
        return False
    state = layer.state_dict()
    plain = {"running_mean": 0, "running_var": 1, "weight": 1}
    unscaled = all(bool((state[name] == value).all()) for name, value in plain.items())
    return unscaled and bool((state["bias"] != 0).any())  # a new layer has no bias either


def _train_through(
    model: nn.Module,
    training: tuple[Tensor, Tensor],
    validation: tuple[Tensor, Tensor],
    settings: HeadSettings,
    seed: int,
) -> float:
    """Train the head through the network for an epoch and give the validation accuracy."""
    head = model.fc
    assert isinstance(head, nn.Linear)
    model.fc = nn.Identity()

    def backbone(images: Tensor) -> Tensor:
        # the mode follows the head's, as it does when one calls model.train() or model.eval()
        model.train(head.training)
        return model(preprocess(images))

    records = train_head(
        head, *training, replace(settings, num_epochs=1), seed, validation, backbone
    )
    accuracy = records[-1].validation_accuracy
    assert accuracy is not None
    return accuracy
