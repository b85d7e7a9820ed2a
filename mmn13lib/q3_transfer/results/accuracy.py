"""The share of images that are classified correctly.

Apart from the other metrics, because training uses it: what changes there retrains nothing.
"""

import numpy as np
import torch
from numpy.typing import ArrayLike
from torch import Tensor


def is_correct(logits: ArrayLike | Tensor, labels: ArrayLike | Tensor) -> np.ndarray:
    """Say of each image, (N,), whether its largest logit is that of its true class.

    ValueError if there is no image, or not one label (N,) for each one's logits (N, K).
    """
    logits, labels = torch.as_tensor(logits), torch.as_tensor(labels)
    if logits.ndim != 2 or labels.shape != logits.shape[:1] or not len(labels):
        raise ValueError(
            f"expected logits (N, K) and labels (N,) with N > 0, got {tuple(logits.shape)} and "
            f"{tuple(labels.shape)}"
        )
    return (logits.argmax(1) == labels).numpy()


def accuracy(logits: ArrayLike | Tensor, labels: ArrayLike | Tensor) -> float:
    """Give the share, 0 to 1, of images that are classified correctly; errors as `is_correct`.

    >>> accuracy([[0.2, 0.1], [0.0, 3.0], [0.5, 0.6], [0.0, 1.0]], [0, 1, 0, 1])
    0.75
    """
    return float(is_correct(logits, labels).mean())
