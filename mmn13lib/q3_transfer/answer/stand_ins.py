"""What question 3's cells call `datasets` and `models`: torchvision's, or what is here instead."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import torch
from torchvision import datasets, models

from mmn13lib.foundation.errors import UserError
from mmn13lib.foundation.provenance import file_digest
from mmn13lib.q3_transfer.data.inputs import IMAGENET_WEIGHTS, Inputs, weights_in_words
from mmn13lib.q3_transfer.data.sample import SampleCIFAR10
from mmn13lib.q3_transfer.models.backbone import load_backbone


class NotHereError(UserError):
    """Data or weights are missing; a notebook shows the sentence alone."""

    def _render_traceback_(self) -> list[str]:
        return [str(self)]


def bind(inputs: Inputs) -> tuple[Any, Any, Path, Inputs]:
    """Return `datasets`, `models`, the data's folder, and inputs that name the weights in use."""
    sample, path = inputs.mode == "sample", inputs.weights

    def CIFAR10(*arguments: Any, **options: Any) -> datasets.CIFAR10:  # noqa: N802 - torchvision's
        advice = "put cifar-10-python.tar.gz beside the notebook or set MMN13_DATA (README.txt)"
        kind = SampleCIFAR10 if sample else datasets.CIFAR10
        return _here(lambda: kind(*arguments, **options), "CIFAR-10", advice)

    def resnet18(weights: models.ResNet18_Weights) -> models.ResNet:
        if not sample and path is None:
            advice = "let MMN13_WEIGHTS name the file resnet18-f37072fd.pth (README.txt)"
            return _here(lambda: models.resnet18(weights=weights), "ResNet-18's file", advice)
        torch.manual_seed(0)
        model = models.resnet18()
        if path is not None:
            load_backbone(model, path)
        return model

    if not sample:
        digest = file_digest(path) if path else IMAGENET_WEIGHTS.sha256
        if digest != inputs.fingerprint["weights"]:
            print(f"The stored results were made with {inputs.weights_words}.")
            inputs = replace(inputs, weights_words=weights_in_words(path or Path(), digest))
        downloaded = Path(torch.hub.get_dir(), "checkpoints", IMAGENET_WEIGHTS.name)
        inputs = replace(inputs, weights=path or downloaded)
    offered = SimpleNamespace(resnet18=resnet18, ResNet18_Weights=models.ResNet18_Weights)
    return SimpleNamespace(CIFAR10=CIFAR10), offered, inputs.data, inputs


def _here(get: Callable[[], Any], name: str, advice: str) -> Any:
    try:
        return get()
    except (OSError, RuntimeError) as error:
        raise NotHereError(f"{name} is not here and can't be downloaded: {advice}.") from error
