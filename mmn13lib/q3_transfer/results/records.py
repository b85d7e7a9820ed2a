"""The experiment's results as plain records, and the file that holds them.

Arrays go to safetensors, numbers to JSON in its header; neither holds code. The experiment
writes them, `mmn13lib.q3_transfer.answer.load` reads them for the report.
"""

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch

from mmn13lib.foundation import storage
from mmn13lib.q3_transfer.data.inputs import Inputs
from mmn13lib.q3_transfer.results import FILE as FILE
from mmn13lib.q3_transfer.results import metrics

MODELS = ("head", "small_resnet")
MODEL_ARRAYS = ("test_logits", "test_labels")
WEIGHTS = "small_resnet_weights."


@dataclass(frozen=True)
class ModelResult:
    """One trained model, and what it says about the test set.

    Attributes
    ----------
    test_logits
        (N, 10), float32.
    history
        One record per epoch, with the fields of `training.history.EpochRecord`.
    multiply_adds
        Of one forward pass of one image.
    training_seconds
        Wall-clock time; for the head with the computation of its features.
    inference_images_per_second
        Of the whole model, from ready 224×224 images.
    """

    test_logits: np.ndarray
    test_labels: np.ndarray
    history: list[dict[str, float]]
    trained_parameters: int
    total_parameters: int
    multiply_adds: int
    training_seconds: float
    inference_images_per_second: float

    @property
    def test_accuracy(self) -> float:
        """The share of test images that are classified correctly, 0 to 1."""
        return metrics.accuracy(self.test_logits, self.test_labels)


@dataclass(frozen=True)
class Results:
    """Everything that the chapter shows about the experiment.

    Attributes
    ----------
    counts
        Numbers of ``train``, ``validation`` and ``test`` images.
    small_resnet_weights
        The trained SmallResNet's state dict.
    head_seeds
        Test accuracy (0 to 1) of the head for each seed, seed 0 first.
    label_study
        Records of ``model`` ("head" or "small_resnet"), ``count`` (labelled images), ``seed`` and
        ``test_accuracy``.
    trap
        The fields of `training.batchnorm_trap.BatchNormTrap`.
    mistakes
        The ten most blatant, worst first: ``index`` (in the test set), ``image`` (32, 32, 3)
        uint8, ``predicted``, ``true`` (class numbers), ``predicted_probability``,
        ``true_probability`` and ``gradcam`` (7, 7) float32.
    steps
        For each stage its ``seconds``, and the ``date`` of its last step.
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
    small_resnet_weights: dict[str, torch.Tensor]
    head_seeds: list[float]
    label_study: list[dict[str, Any]]
    trap: dict[str, Any]
    mistakes: list[dict[str, Any]]
    steps: dict[str, dict[str, Any]]
    experiment: dict[str, Any]
    hardware: dict[str, Any]


def write(folder: Path, results: Results) -> None:
    """Store results but for their inputs, whose paths belong to this machine."""
    values = asdict(results)
    del values["inputs"]
    weights = values.pop("small_resnet_weights")
    tensors = {f"{WEIGHTS}{name}": tensor for name, tensor in weights.items()}
    for name in MODELS:
        for array in MODEL_ARRAYS:
            tensors[f"{name}.{array}"] = torch.from_numpy(values[name].pop(array))
    for rank, mistake in enumerate(values["mistakes"]):
        for array in ("image", "gradcam"):
            tensors[f"mistakes.{rank}.{array}"] = torch.from_numpy(mistake.pop(array))
    storage.write_tensors(folder / FILE, tensors, values)


def read(folder: Path, inputs: Inputs) -> Results:
    """Read what `write` stored; raises `storage.Damaged` if it is missing or something else."""
    tensors, values = storage.read_record(folder / FILE)
    arrays = {name: tensor.numpy() for name, tensor in tensors.items()}
    values["small_resnet_weights"] = under(WEIGHTS, tensors)
    for name in MODELS:
        values[name] |= {array: arrays[f"{name}.{array}"] for array in MODEL_ARRAYS}
        values[name] = ModelResult(**values[name])
    for rank, mistake in enumerate(values["mistakes"]):
        mistake["image"] = arrays[f"mistakes.{rank}.image"]
        mistake["gradcam"] = arrays[f"mistakes.{rank}.gradcam"]
    values["classes"] = tuple(values["classes"])
    return Results(inputs=inputs, **values)


def under(prefix: str, tensors: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    """Take the tensors whose names begin with the prefix, and take it off."""
    found = tensors.items()
    return {name.removeprefix(prefix): value for name, value in found if name.startswith(prefix)}
