"""The most blatant mistakes of the model, as the results describe them."""

from typing import Any

import torch
from torch import Tensor

from mmn13lib.q3_transfer.data.preprocessing import preprocess
from mmn13lib.q3_transfer.models.backbone import TransferResNet
from mmn13lib.q3_transfer.models.gradcam import gradcam
from mmn13lib.q3_transfer.results import metrics


def mistakes(
    model: TransferResNet, images: Tensor, labels: Tensor, logits: Tensor, count: int
) -> list[dict[str, Any]]:
    """Describe the most blatant mistakes, surest of all and wrong, as `Results` has them."""
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
