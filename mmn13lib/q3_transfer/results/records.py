"""The experiment's results as plain records, and the file that holds them.

Arrays go to safetensors, numbers to JSON in its header; neither holds code. The experiment
writes them, `mmn13lib.q3_transfer.answer.load` reads them for the report.
"""

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from mmn13lib.foundation import storage
from mmn13lib.q3_transfer.data.inputs import Inputs
from mmn13lib.q3_transfer.results import FILE as FILE

if TYPE_CHECKING:
    from torch import Tensor

ModelName = Literal["head", "small_resnet"]
MODELS: tuple[ModelName, ModelName] = ("head", "small_resnet")
MODEL_ARRAYS = ("test_logits", "test_labels")
WEIGHTS = "small_resnet_weights."  # the state dict's names come after it


@dataclass(frozen=True)
class ModelResult:
    """One trained model, and what it says about the test set."""

    test_logits: np.ndarray  # (N, 10), float32
    test_labels: np.ndarray
    trained_parameters: int
    total_parameters: int
    multiply_adds: int  # of one forward pass of one image
    train_losses: list[float]  # the mean of each epoch
    training_seconds: float  # by the clock; for the head with the computation of its features
    inference_images_per_second: float  # of the whole model, from ready 224×224 images


@dataclass(frozen=True)
class Results:
    """Everything that the chapter shows about the experiment.

    Attributes
    ----------
    counts
        Numbers of ``train``, ``validation`` and ``test`` images.
    small_resnet_arrays
        The trained SmallResNet's state dict.
    head_seeds
        Test accuracy (0 to 1) of the head for each seed, seed 0 first.
    label_study
        Records of ``model`` ("head" or "small_resnet"), ``count`` (labelled images), ``seed`` and
        ``test_accuracy``.
    trap
        What `experiment.trap.trap` gives.
    seconds
        What all steps took.
    experiment
        The experiment's settings (epochs, rates, counts …), as `ExperimentSettings` names them.
    hardware
        As `mmn13lib.foundation.hardware.hardware` gives it, with ``device``.
    """

    inputs: Inputs
    classes: tuple[str, ...]
    counts: dict[str, int]
    head: ModelResult
    small_resnet: ModelResult
    small_resnet_arrays: dict[str, np.ndarray]
    head_seeds: list[float]
    label_study: list[dict[str, Any]]
    trap: dict[str, Any]
    seconds: float
    experiment: dict[str, Any]
    hardware: dict[str, Any]

    @property
    def small_resnet_weights(self) -> "dict[str, Tensor]":
        """The trained SmallResNet's state dict as tensors: nothing else here needs torch."""
        from torch import from_numpy

        return {name: from_numpy(array) for name, array in self.small_resnet_arrays.items()}


def write(folder: Path, results: Results) -> None:
    """Store results but for their inputs, whose paths belong to this machine."""
    values = asdict(results)
    del values["inputs"]
    weights = values.pop("small_resnet_arrays")
    arrays = {f"{WEIGHTS}{name}": array for name, array in weights.items()}
    for name in MODELS:
        for array in MODEL_ARRAYS:
            arrays[f"{name}.{array}"] = values[name].pop(array)
    storage.write_arrays(folder / FILE, arrays, values)


def read(folder: Path, inputs: Inputs) -> Results:
    """Read what `write` stored; raises `storage.Damaged` if it is missing or something else."""
    arrays, values = storage.read_arrays(folder / FILE)
    values["small_resnet_arrays"] = under(WEIGHTS, arrays)
    for name in MODELS:
        of_model = {array: arrays[f"{name}.{array}"] for array in MODEL_ARRAYS}
        values[name] = ModelResult(**values[name] | of_model)
    values["classes"] = tuple(values["classes"])
    return Results(inputs=inputs, **values)


def under(prefix: str, arrays: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    """Take the arrays whose names begin with the prefix, and take it off."""
    found = arrays.items()
    return {name.removeprefix(prefix): value for name, value in found if name.startswith(prefix)}
