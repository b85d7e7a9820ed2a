"""What the test set says about a classifier: accuracy, confusion, calibration, mistakes.

`logits` are always a network's raw outputs, (N, K), and `labels` the true classes, (N,); both may
be tensors or arrays.
"""

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import ArrayLike
from torch import Tensor


def is_correct(logits: ArrayLike | Tensor, labels: ArrayLike | Tensor) -> np.ndarray:
    """Return of each image, (N,), whether its largest logit is that of its true class.

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
    """Return the share, 0 to 1, of images that are classified correctly; errors as `is_correct`.

    >>> accuracy([[0.2, 0.1], [0.0, 3.0], [0.5, 0.6], [0.0, 1.0]], [0, 1, 0, 1])
    0.75
    """
    return float(is_correct(logits, labels).mean())


def softmax(logits: ArrayLike | Tensor) -> np.ndarray:
    """Return the probabilities of logits (N, K), float64."""
    return torch.as_tensor(logits).double().softmax(1).numpy()


def confusion_matrix(logits: ArrayLike | Tensor, labels: ArrayLike | Tensor) -> np.ndarray:
    """Return the numbers of images by class, (K, K): the row is the true one."""
    logits, labels = torch.as_tensor(logits), torch.as_tensor(labels)
    classes = logits.shape[1]
    cells = labels * classes + logits.argmax(1)
    return torch.bincount(cells, minlength=classes**2).view(classes, classes).numpy()


@dataclass(frozen=True)
class Reliability:
    """Images grouped into bins by the probability of the class that they were given.

    Attributes
    ----------
    confidence, accuracy
        (bins,), the mean probability and the share classified correctly; NaN in an empty bin.
    counts
        (bins,), images.
    """

    confidence: np.ndarray
    accuracy: np.ndarray
    counts: np.ndarray

    @property
    def calibration_error(self) -> float:
        """The expected calibration error, 0 to 1 (Guo et al. 2017, equation 3)."""
        gaps = np.nan_to_num(np.abs(self.confidence - self.accuracy))
        return float((gaps * self.counts).sum() / self.counts.sum())


def reliability_curve(
    logits: ArrayLike | Tensor, labels: ArrayLike | Tensor, bins: int = 15
) -> Reliability:
    """Return how sure a classifier was and how often it was correct, in bins of equal width.

    C. Guo, G. Pleiss, Y. Sun and K. Q. Weinberger, "On calibration of modern neural
    networks", ICML 2017.
    """
    correct = is_correct(logits, labels)
    confidence = softmax(logits).max(axis=1)
    edges = np.linspace(0, 1, bins + 1)
    # a bin holds its upper edge, as in the source: probability 1 is in the last one
    index = np.clip(np.searchsorted(edges, confidence, side="left") - 1, 0, bins - 1)
    counts = np.bincount(index, minlength=bins)
    filled = np.where(counts > 0, counts, np.nan)
    return Reliability(
        confidence=np.bincount(index, weights=confidence, minlength=bins) / filled,
        accuracy=np.bincount(index, weights=correct, minlength=bins) / filled,
        counts=counts,
    )


def blatant_mistakes(
    logits: ArrayLike | Tensor, labels: ArrayLike | Tensor, count: int = 10
) -> np.ndarray:
    """Return the indices of at most `count` images that a classifier was surest about, and wrong.

    The highest probability comes first, and of equal ones the earlier image.
    """
    probability, predicted = torch.as_tensor(logits).double().softmax(1).max(1)
    wrong = (predicted != torch.as_tensor(labels)).nonzero().flatten()
    surest_first = probability[wrong].argsort(descending=True, stable=True)
    return wrong[surest_first[:count]].numpy()
