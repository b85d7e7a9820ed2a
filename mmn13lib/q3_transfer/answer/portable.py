"""Question 3's results as they travel in a submission: without the data set they came from.

Stored results are found by a key made of the data, the weights and the processor. Where none of
these is at hand, as on a grader's machine, they lie in one folder under no key, with a few
images of each class.
"""

from collections.abc import Callable
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torchvision import datasets as torchvision_datasets

from mmn13lib.foundation import storage
from mmn13lib.foundation.settings import Settings
from mmn13lib.q3_transfer.data import datasets
from mmn13lib.q3_transfer.data.inputs import Inputs
from mmn13lib.q3_transfer.results import records
from mmn13lib.q3_transfer.results.records import Results

IMAGES = "first_images.safetensors"
PER_CLASS = 5


class PortableCIFAR10(torchvision_datasets.CIFAR10):
    """torchvision's CIFAR-10; where the data set isn't there, the first images of each class.

    Parameters
    ----------
    root
        The data set's folder, or that of results that travel.
    train, transform
        As for `torchvision.datasets.CIFAR10`.
    """

    def __init__(
        self, root: str | Path, train: bool = True, transform: Callable[..., Any] | None = None
    ) -> None:
        file = Path(root) / IMAGES
        if not file.is_file():
            super().__init__(root, train, transform)
            return
        if not train:
            raise RuntimeError("the test images do not travel, what was said of them does")
        torchvision_datasets.VisionDataset.__init__(self, root, transform=transform)
        self.train = train
        stored = storage.read_tensors(file)
        self.data = stored["images"].numpy()
        self.targets = stored["labels"].tolist()


def folder(settings: Settings) -> Path:
    """Name the folder of results that travel."""
    return settings.results / "submitted"


def pack(results: Results, settings: Settings) -> None:
    """Put results where `load` finds them.

    Parameters
    ----------
    results
        What to store.
    settings
        Of the folder that will travel.

    Raises
    ------
    UserError
        If the data set or the disk is not as it should be.
    """
    target = folder(settings)
    records.write(target, results)
    # paths belong to this machine; the label names the weights' file alone
    travelling = asdict(results.inputs) | {"data": "", "weights": None}
    storage.write_json(target / "inputs.json", travelling)
    if results.inputs.mode != "sample":  # the package draws the sample's images itself
        images = datasets.dataset(results.inputs, train=True)
        labels = np.array(images.targets)
        chosen = np.sort(
            np.concatenate([np.flatnonzero(labels == k)[:PER_CLASS] for k in np.unique(labels)])
        )
        stored = {"images": images.data[chosen], "labels": labels[chosen]}
        storage.write_tensors(
            target / IMAGES, {name: torch.from_numpy(array) for name, array in stored.items()}
        )


def load(settings: Settings) -> Results | None:
    """Read results that travel.

    Parameters
    ----------
    settings
        The run's settings.

    Returns
    -------
    Results or None
        None where none lie here. The inputs' folder is where the first images are.

    Raises
    ------
    mmn13lib.foundation.storage.Damaged
        If a file is not what was written.
    """
    here = folder(settings)
    if not (here / "inputs.json").is_file():
        return None
    inputs = Inputs(**storage.read_json(here / "inputs.json"))
    where = settings.cache / "sample" if inputs.mode == "sample" else here
    return records.read(here, replace(inputs, data=where, missing=tuple(inputs.missing)))
