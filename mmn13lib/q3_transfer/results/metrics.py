"""What the test set says about a classifier: accuracy, confusion, calibration.

`logits` are always a network's raw outputs, (N, K), and `labels` the true classes, (N,); both may
be tensors or arrays.
"""

import numpy as np
from numpy.typing import ArrayLike


def is_correct(logits: ArrayLike, labels: ArrayLike) -> np.ndarray:
    """Return of each image, (N,), whether its largest logit is that of its true class.

    ValueError if there is no image, or not one label (N,) for each one's logits (N, K).
    """
    logits, labels = np.asarray(logits), np.asarray(labels)
    if logits.ndim != 2 or labels.shape != logits.shape[:1] or not len(labels):
        raise ValueError(
            f"expected logits (N, K) and labels (N,) with N > 0, got {logits.shape} and "
            f"{labels.shape}"
        )
    return logits.argmax(axis=1) == labels


def accuracy(logits: ArrayLike, labels: ArrayLike) -> float:
    """Return the share, 0 to 1, of images that are classified correctly; errors as `is_correct`.

    >>> accuracy([[0.2, 0.1], [0.0, 3.0], [0.5, 0.6], [0.0, 1.0]], [0, 1, 0, 1])
    0.75
    """
    return float(is_correct(logits, labels).mean())


def softmax(logits: ArrayLike) -> np.ndarray:
    """Return the probabilities of logits (N, K), float64."""
    exact = np.asarray(logits, np.float64)
    powers = np.exp(exact - exact.max(axis=1, keepdims=True))
    return powers / powers.sum(axis=1, keepdims=True)


def confusion_matrix(logits: ArrayLike, labels: ArrayLike) -> np.ndarray:
    """Return the numbers of images by class, (K, K): the row is the true one."""
    logits, labels = np.asarray(logits), np.asarray(labels)
    classes = logits.shape[1]
    cells = labels * classes + logits.argmax(axis=1)
    return np.bincount(cells, minlength=classes**2).reshape(classes, classes)


def calibration_error(logits: ArrayLike, labels: ArrayLike) -> float:
    """Return the expected calibration error, 0 to 1, with 15 bins of equal width.

    An image's bin is that of the probability of the class that it was given. The error is the
    mean over the images of the distance between the mean probability in their bin and the share
    of it that is classified correctly.

    C. Guo, G. Pleiss, Y. Sun and K. Q. Weinberger, "On calibration of modern neural
    networks", ICML 2017, equation 3.

    >>> calibration_error([[1000.0, 0.0], [1000.0, 0.0]], [0, 1])
    0.5
    """
    confidence = softmax(logits).max(axis=1)
    # a bin holds its upper edge, as in the source
    index = np.digitize(confidence, np.linspace(0, 1, 16), right=True)
    gaps = np.bincount(index, weights=confidence - is_correct(logits, labels))
    return float(np.abs(gaps).sum() / len(confidence))
