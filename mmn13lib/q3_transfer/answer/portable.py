"""Question 3's results as they travel in a submission: without the data set they came from.

Stored results are found by a key made of the data, the weights and the processor. Where none of
these is at hand, as on a grader's machine, they lie in one folder under no key, with a few images.
"""

from dataclasses import asdict, replace
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from mmn13lib.foundation import storage
from mmn13lib.foundation.settings import Settings
from mmn13lib.q3_transfer.data.inputs import BATCHES, Inputs
from mmn13lib.q3_transfer.results import records
from mmn13lib.q3_transfer.results.records import Results

IMAGES = "images.safetensors"
PER_CLASS, NUM_TEST = 5, 50


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
    from mmn13lib.q3_transfer.data import datasets  # whoever reads results needs no torchvision

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
    """Read results that travel; None where none lie here.

    Their images are the inputs' data, unless the settings name CIFAR-10 itself.

    In a project none count: its own results do, whatever was unzipped into it.
    Raises `mmn13lib.foundation.storage.Damaged` if a file is not what was written.
    """
    here = folder(settings)
    if (settings.root / "_quarto.yml").is_file() or not (here / "inputs.json").is_file():
        return None
    inputs = Inputs(**storage.read_json(here / "inputs.json"))
    data, weights = here, settings.weights
    if inputs.mode == "sample":
        data, weights = settings.cache / "sample", None
    elif settings.data is not None and (settings.data / BATCHES).is_dir():
        data = settings.data
    found = replace(inputs, data=data, weights=weights, missing=tuple(inputs.missing))
    return records.read(here, found)
