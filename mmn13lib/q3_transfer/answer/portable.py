"""Question 3's results as they travel in a submission: without the data set they came from.

Stored results are found by a key made of the data, the weights and the processor. Where none of
these is at hand, as on a grader's machine, they lie in one folder under no key, with a few images.
"""

from collections.abc import Callable
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torchvision.datasets import CIFAR10, VisionDataset

from mmn13lib.foundation import storage
from mmn13lib.foundation.settings import Settings
from mmn13lib.q3_transfer.data import datasets
from mmn13lib.q3_transfer.data.inputs import Inputs
from mmn13lib.q3_transfer.data.sample import SampleCIFAR10
from mmn13lib.q3_transfer.results import records
from mmn13lib.q3_transfer.results.records import Results

IMAGES = "images.safetensors"
PER_CLASS, NUM_TEST = 5, 50


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
        "test": (test_set, few),
    }
    features = {}
    for name, (images, chosen) in parts.items():
        with torch.no_grad():
            found = backbone(torch.stack([images[i][0] for i in chosen]))
        features[name] = found, torch.tensor([images.targets[i] for i in chosen])
    count = len({*parts["train"][1], *parts["validation"][1]})
    print(f"No data set here: computed now for {count} training, {len(few)} test images.")
    return features


def folder(settings: Settings) -> Path:
    """Name the folder of results that travel."""
    return settings.results / "submitted"


def pack(results: Results, settings: Settings) -> None:
    """Put results where `load` finds them, `settings` being those of the folder that will travel.

    Raises `UserError` if the data set or the disk is not as it should be.
    """
    target = folder(settings)
    records.write(target, results)
    # paths belong to this machine; the label names the weights' file alone
    travelling = asdict(results.inputs) | {"data": "", "weights": None}
    storage.write_json(target / "inputs.json", travelling)
    if results.inputs.mode != "sample":  # the package draws the sample's images itself
        storage.write_tensors(target / IMAGES, _travelling_images(results.inputs))


def _travelling_images(inputs: Inputs) -> dict[str, Tensor]:
    tensors = {}
    for part in ("train", "test"):
        images = datasets.dataset(inputs, train=part == "train")
        labels = np.array(images.targets)
        first = [np.flatnonzero(labels == k)[:PER_CLASS] for k in np.unique(labels)]
        chosen = np.sort(np.concatenate(first)) if part == "train" else np.arange(NUM_TEST)
        tensors[f"{part}.images"] = torch.from_numpy(images.data[chosen])
        tensors[f"{part}.labels"] = torch.from_numpy(labels[chosen])
    return tensors


def load(settings: Settings) -> Results | None:
    """Read results that travel, their images being the inputs' data; None where none lie here.

    In a project none count: its own results do, whatever was unzipped into it.
    Raises `mmn13lib.foundation.storage.Damaged` if a file is not what was written.
    """
    here = folder(settings)
    if (settings.root / "_quarto.yml").is_file() or not (here / "inputs.json").is_file():
        return None
    inputs = Inputs(**storage.read_json(here / "inputs.json"))
    where = settings.cache / "sample" if inputs.mode == "sample" else here
    return records.read(here, replace(inputs, data=where, missing=tuple(inputs.missing)))
