"""Made-up results of question 3, so that what shows them is tested without training."""

from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path

import numpy as np
import pytest

from mmn13lib.q3_transfer.data.inputs import IMAGENET_WEIGHTS, Inputs
from mmn13lib.q3_transfer.experiment.settings import ExperimentSettings
from mmn13lib.q3_transfer.models.small_resnet import SmallResNet
from mmn13lib.q3_transfer.results.records import ModelResult, Results

CLASSES = (
    "airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck",
)  # fmt: skip
WEIGHTS = {
    "imagenet": "ImageNet weights, IMAGENET1K_V1",
    "other-weights": "weights from weights.safetensors (SHA-256 01234567…)",
    "sample": "random weights",
}
TEST_IMAGES = 2000


def made_up_logits(
    accuracy: float, count: int, generator: np.random.Generator
) -> tuple[np.ndarray, np.ndarray]:
    labels = np.arange(count) % 10
    predicted = np.where(
        generator.permutation(count) < accuracy * count,
        labels,
        (labels + generator.integers(1, 10, count)) % 10,
    )
    logits = generator.normal(size=(count, 10)).astype(np.float32)
    logits[np.arange(count), predicted] = logits.max(axis=1) + generator.exponential(2, count)
    return logits, labels


def made_up_model(name: str, accuracy: float, seed: int) -> ModelResult:
    generator = np.random.default_rng(seed)
    logits, labels = made_up_logits(accuracy, TEST_IMAGES, generator)
    head = name == "head"
    return ModelResult(
        test_logits=logits,
        test_labels=labels,
        trained_parameters=5130 if head else 308_394,
        total_parameters=11_181_642 if head else 308_394,
        multiply_adds=1_814_073_344 if head else 50_000_000,
        train_losses=[1.5, 0.5],
        training_seconds=420.0 if head else 1800.0,
        inference_images_per_second=170.0 if head else 900.0,
    )


def make_results(
    head: float = 0.87,
    small_resnet: float = 0.80,
    mode: str = "imagenet",
    study: dict[int, tuple[float, float]] | None = None,
) -> Results:
    """Make results in which the two models reach the accuracies asked for."""
    study = study or {100: (0.60, 0.25), 2000: (0.80, 0.60), 45_000: (head, small_resnet)}
    models = made_up_model("head", head, 1), made_up_model("small_resnet", small_resnet, 2)
    sample = mode == "sample"
    return Results(
        inputs=Inputs(
            mode=mode,  # type: ignore[arg-type]
            data=Path("data"),
            weights=None if sample else Path("weights.safetensors"),
            weights_words=WEIGHTS[mode],
            fingerprint={"weights": IMAGENET_WEIGHTS.sha256},
            missing="CIFAR-10 and the ResNet-18 weights" if sample else "",
        ),
        classes=CLASSES,
        counts={"train": 45_000, "validation": 5000, "test": TEST_IMAGES},
        head=models[0],
        small_resnet=models[1],
        small_resnet_arrays={
            n: np.zeros_like(w.numpy()) for n, w in SmallResNet().state_dict().items()
        },
        head_seeds=[head + step / 1000 for step in (0, 1, -1, 2, -2)],
        label_study=[
            {
                "model": model,
                "count": count,
                "seed": seed,
                "test_accuracy": value + seed / 200,
            }
            for count, pair in study.items()
            for model, value in zip(("head", "small_resnet"), pair, strict=True)
            for seed in range(3 if model == "head" or count <= 2000 else 1)
        ],
        trap={
            "accuracy_trap": 0.74,
            "accuracy_frozen": 0.78,
            "difference_interval": (0.02, 0.06),
        },
        seconds=2212.0,
        experiment=asdict(ExperimentSettings()),
        hardware={"cpu": "some processor", "cores": 2, "torch": "2.14.1", "device": "cpu"},
    )


@pytest.fixture(scope="session")
def made_up_results() -> Callable[..., Results]:
    return make_results
