"""What is measured on the trained models: their costs, their speed, and the worst mistakes."""

import copy
import time
from typing import Any

import torch
from torch import Tensor, nn
from torch.fx.experimental.optimization import fuse

from mmn13lib.q3_transfer.data.preprocessing import IMAGE_SIZE, preprocess
from mmn13lib.q3_transfer.models.backbone import TransferResNet
from mmn13lib.q3_transfer.models.costs import count_multiply_adds, count_parameters
from mmn13lib.q3_transfer.models.gradcam import gradcam
from mmn13lib.q3_transfer.results import metrics

SPEED_BATCH = 64
SPEED_BATCHES = 6


def costs(model: nn.Module) -> dict[str, int]:
    """Count a model's parameters and its multiply-adds for one image.

    Parameters
    ----------
    model
        Takes (N, 3, 224, 224).

    Returns
    -------
    dict
        ``trained_parameters``, ``total_parameters`` and ``multiply_adds``.
    """
    return {
        "trained_parameters": count_parameters(model, trained_only=True),
        "total_parameters": count_parameters(model),
        "multiply_adds": count_multiply_adds(model, (3, IMAGE_SIZE, IMAGE_SIZE)),
    }


@torch.inference_mode()
def inference_speed(model: nn.Module, device: torch.device, dtype: torch.dtype) -> float:
    """Measure how many ready images a network classifies in a second, the best of a few batches.

    Parameters
    ----------
    model
        Left as it is; a copy runs with BatchNorm folded and the channels last in memory.
    device, dtype
        Of the copy and the images.

    Returns
    -------
    float
        Images per second.
    """
    network = fuse(copy.deepcopy(model).eval()).to(device, dtype)
    network.to(memory_format=torch.channels_last)
    images = torch.randn(SPEED_BATCH, 3, IMAGE_SIZE, IMAGE_SIZE, device=device, dtype=dtype)
    images = images.contiguous(memory_format=torch.channels_last)
    seconds = []
    for _ in range(SPEED_BATCHES):
        begin = time.perf_counter()
        network(images).sum().item()  # waits for a GPU to finish
        seconds.append(time.perf_counter() - begin)
    return SPEED_BATCH / min(seconds[1:])


def mistakes(
    model: TransferResNet, images: Tensor, labels: Tensor, logits: Tensor, count: int
) -> list[dict[str, Any]]:
    """Describe the most blatant mistakes: surest of all, and wrong.

    Parameters
    ----------
    model
        The classifier, to ask what it looked at.
    images, labels
        The test set: uint8 (N, 3, 32, 32) and int64 (N,).
    logits
        The model's, (N, 10).
    count
        At most so many.

    Returns
    -------
    list of dict
        As `mmn13lib.q3_transfer.results.records.Results` describes them.
    """
    indices = metrics.blatant_mistakes(logits.numpy(), labels.numpy(), count)
    chosen = torch.from_numpy(indices)
    if len(chosen) == 0:
        return []
    predicted = logits[chosen].argmax(1)
    probabilities = metrics.softmax(logits[chosen].numpy())
    heat = gradcam(model.eval(), preprocess(images[chosen]), predicted)
    return [
        {
            "index": int(index),
            "image": images[index].permute(1, 2, 0).contiguous().numpy(),
            "predicted": int(predicted[rank]),
            "true": int(labels[index]),
            "predicted_probability": float(probabilities[rank, predicted[rank]]),
            "true_probability": float(probabilities[rank, labels[index]]),
            "gradcam": heat[rank],
        }
        for rank, index in enumerate(indices.tolist())
    ]
