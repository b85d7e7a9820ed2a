"""What the test set says about a classifier: accuracy, confusion, calibration, mistakes.

Pure functions on NumPy arrays: `logits` are always a network's raw outputs, (N, K), and
`labels` the true classes, (N,).
"""

from dataclasses import dataclass

import numpy as np


def softmax(logits: np.ndarray) -> np.ndarray:
    """Turn logits into probabilities.

    Parameters
    ----------
    logits
        (N, K).

    Returns
    -------
    numpy.ndarray
        (N, K), float64; every row sums to 1.

    Examples
    --------
    >>> softmax(np.array([[0.0, 0.0]]))
    array([[0.5, 0.5]])
    """
    shifted = np.asarray(logits, np.float64)
    # the largest exponent becomes 0, so nothing overflows; the quotient is the same
    exponentials = np.exp(shifted - shifted.max(axis=1, keepdims=True))
    return exponentials / exponentials.sum(axis=1, keepdims=True)


def is_right(logits: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """Say of each image whether its largest logit is that of its true class.

    Parameters
    ----------
    logits
        (N, K).
    labels
        (N,).

    Returns
    -------
    numpy.ndarray
        (N,), bool.

    Raises
    ------
    ValueError
        If there are no images, or not as many labels as rows of logits.
    """
    logits, labels = np.asarray(logits), np.asarray(labels)
    if logits.ndim != 2 or labels.shape != logits.shape[:1] or not len(labels):
        raise ValueError(
            f"expected logits (N, K) and labels (N,) with N > 0, got {logits.shape} and "
            f"{labels.shape}"
        )
    return logits.argmax(axis=1) == labels


def accuracy(logits: np.ndarray, labels: np.ndarray) -> float:
    """Count the images classified rightly, as a share of all.

    Parameters
    ----------
    logits
        (N, K).
    labels
        (N,).

    Returns
    -------
    float
        Between 0 and 1.
    """
    return float(is_right(logits, labels).mean())


def confusion_matrix(logits: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """Count the images of each true class by the class that they were given.

    Parameters
    ----------
    logits
        (N, K).
    labels
        (N,).

    Returns
    -------
    numpy.ndarray
        (K, K), int: row is the true class, column the predicted one.
    """
    is_right(logits, labels)  # the shapes
    classes = logits.shape[1]
    matrix = np.zeros((classes, classes), int)
    np.add.at(matrix, (np.asarray(labels, int), logits.argmax(axis=1)), 1)
    return matrix


def per_class_accuracy(logits: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """Measure accuracy on the images of each class.

    Parameters
    ----------
    logits
        (N, K).
    labels
        (N,).

    Returns
    -------
    numpy.ndarray
        (K,); NaN for a class of which there is no image.
    """
    matrix = confusion_matrix(logits, labels)
    images = matrix.sum(axis=1)
    return np.where(images > 0, matrix.diagonal() / np.maximum(images, 1), np.nan)


def most_confused_pairs(matrix: np.ndarray, count: int = 5) -> list[tuple[int, int, int]]:
    """Find which class is taken for which other most often.

    Parameters
    ----------
    matrix
        From `confusion_matrix`.
    count
        At most so many pairs.

    Returns
    -------
    list of tuple
        (true class, predicted class, images), the most frequent first; pairs that never
        happened are left out.
    """
    wrong = matrix - np.diag(matrix.diagonal())
    order = np.argsort(-wrong, axis=None, kind="stable")[:count]
    pairs = zip(*np.unravel_index(order, wrong.shape), strict=True)
    return [(int(i), int(j), int(wrong[i, j])) for i, j in pairs if wrong[i, j] > 0]


@dataclass(frozen=True)
class Reliability:
    """Images grouped into bins by the probability of the class that they were given.

    Parameters
    ----------
    edges
        (bins + 1,), from 0 to 1.
    confidence
        (bins,), the mean probability in each bin; NaN in an empty one.
    accuracy
        (bins,), the share classified rightly; NaN in an empty one.
    counts
        (bins,), images.
    """

    edges: np.ndarray
    confidence: np.ndarray
    accuracy: np.ndarray
    counts: np.ndarray


def reliability_curve(logits: np.ndarray, labels: np.ndarray, bins: int = 15) -> Reliability:
    """Compare how sure a classifier was with how often it was right.

    Parameters
    ----------
    logits
        (N, K).
    labels
        (N,).
    bins
        Of equal width.

    Returns
    -------
    Reliability

    Notes
    -----
    C. Guo, G. Pleiss, Y. Sun and K. Q. Weinberger, "On calibration of modern neural
    networks", ICML 2017.
    """
    right = is_right(logits, labels)
    confidence = softmax(logits).max(axis=1)
    edges = np.linspace(0, 1, bins + 1)
    # a bin holds its upper edge, as in the source: probability 1 is in the last one
    index = np.clip(np.searchsorted(edges, confidence, side="left") - 1, 0, bins - 1)
    counts = np.bincount(index, minlength=bins)
    filled = np.where(counts > 0, counts, np.nan)
    return Reliability(
        edges=edges,
        confidence=np.bincount(index, weights=confidence, minlength=bins) / filled,
        accuracy=np.bincount(index, weights=right, minlength=bins) / filled,
        counts=counts,
    )


def expected_calibration_error(logits: np.ndarray, labels: np.ndarray, bins: int = 15) -> float:
    """Measure by how much stated probability and accuracy differ, on average over the images.

    Parameters
    ----------
    logits
        (N, K).
    labels
        (N,).
    bins
        Of equal width, as in `reliability_curve`.

    Returns
    -------
    float
        Between 0 (calibrated) and 1.

    Notes
    -----
    Guo et al. (2017), equation 3, with their 15 bins.
    """
    curve = reliability_curve(logits, labels, bins)
    gaps = np.nan_to_num(np.abs(curve.confidence - curve.accuracy))
    return float((gaps * curve.counts).sum() / curve.counts.sum())


def blatant_mistakes(logits: np.ndarray, labels: np.ndarray, count: int = 10) -> np.ndarray:
    """Find the images that a classifier was surest about, and wrong.

    Parameters
    ----------
    logits
        (N, K), of the whole test set.
    labels
        (N,).
    count
        At most so many.

    Returns
    -------
    numpy.ndarray
        (count,), int: indices of images, the highest probability of a wrong class first; where
        probabilities are equal, the earlier image first.
    """
    wrong = np.flatnonzero(~is_right(logits, labels))
    confidence = softmax(logits[wrong]).max(axis=1, initial=0.0)
    return wrong[np.argsort(-confidence, kind="stable")[:count]]
