"""What question 3's cells use where CIFAR-10, its weights or the whole data set are not here."""

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from torchvision.datasets import CIFAR10, VisionDataset
from torchvision.models import ResNet, ResNet18_Weights, resnet18

from mmn13lib.foundation import storage
from mmn13lib.foundation.settings import Settings
from mmn13lib.q3_transfer.answer.portable import IMAGES, NUM_TEST
from mmn13lib.q3_transfer.data.inputs import Inputs
from mmn13lib.q3_transfer.data.sample import SampleCIFAR10
from mmn13lib.q3_transfer.models.backbone import load_backbone


class PortableCIFAR10(CIFAR10):
    """torchvision's CIFAR-10, cut down to five training images a class and fifty test images."""

    def __init__(
        self, root: str | Path, train: bool = True, transform: Callable[..., Any] | None = None
    ) -> None:
        VisionDataset.__init__(self, root, transform=transform)
        self.train = train
        stored = storage.read_record(Path(root) / IMAGES)[0]
        part = "train" if train else "test"
        self.data = stored[f"{part}.images"].numpy()
        self.targets = stored[f"{part}.labels"].tolist()


def stand_in(inputs: Inputs) -> type[CIFAR10] | None:
    """Give the class that stands in for `torchvision.datasets.CIFAR10`; None where it is here."""
    if inputs.mode == "sample":
        return SampleCIFAR10
    return PortableCIFAR10 if (inputs.data / IMAGES).is_file() else None


def few_features(
    backbone: nn.Module, train_set: CIFAR10, test_set: CIFAR10
) -> dict[str, tuple[Tensor, Tensor]]:
    """Compute the features of the few images that travel; otherwise as `stored_features`."""
    few = list(range(min(NUM_TEST, len(train_set))))
    parts = {
        "train": (train_set, few[10:] or few),
        "validation": (train_set, few[:10]),
        "test": (test_set, few[:20]),
    }
    features = {}
    for name, (images, chosen) in parts.items():
        with torch.no_grad():
            found = backbone(torch.stack([images[i][0] for i in chosen]))
        features[name] = found, torch.tensor([images.targets[i] for i in chosen])
    counts = f"{len(few)} training, {len(few[:20])} test images"
    print(f"No data set here: computed now for {counts}, so that")
    print("the training below shows no more than how it runs; then the stored head takes over.")
    return features


def stand_in_model(inputs: Inputs) -> ResNet | None:
    """Make a ResNet-18 of other weights, or random ones; None where the ImageNet ones are here."""
    if inputs.weights is not None and inputs.mode == "imagenet":
        return None
    model = resnet18()
    if inputs.weights is not None:
        load_backbone(model, inputs.weights)  # every layer but the last
    return model


def offer_weights(settings: Settings, inputs: Inputs) -> None:
    """Let `models.resnet18(weights=…)` find the ImageNet weights that are here."""
    if inputs.mode != "imagenet" or inputs.weights is None:
        return
    hub = settings.cache / "torch"
    file = hub / "checkpoints" / Path(ResNet18_Weights.IMAGENET1K_V1.url).name
    file.parent.mkdir(parents=True, exist_ok=True)
    file.unlink(missing_ok=True)
    try:
        file.symlink_to(inputs.weights)
    except OSError:  # Windows asks for a right to make links
        shutil.copyfile(inputs.weights, file)
    torch.hub.set_dir(hub)
