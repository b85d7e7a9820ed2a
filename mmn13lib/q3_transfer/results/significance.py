"""What chance leaves open: an interval for an accuracy, and a test of two classifiers."""

from dataclasses import dataclass
from statistics import NormalDist

import numpy as np


def wilson_interval(successes: int, count: int, confidence: float = 0.95) -> tuple[float, float]:
    """Give an interval for a proportion, which stays between 0 and 1.

    Parameters
    ----------
    successes
        How often it happened.
    count
        How often it could have; at least 1.
    confidence
        How often such an interval holds the true proportion.

    Returns
    -------
    tuple of float
        The lower and the upper end.

    Raises
    ------
    ValueError
        If the numbers are no proportion.

    Notes
    -----
    E. B. Wilson, "Probable inference, the law of succession, and statistical inference",
    JASA 22 (1927), 209-212.

    Examples
    --------
    >>> [round(end, 4) for end in wilson_interval(8000, 10_000)]
    [0.792, 0.8077]
    """
    if not 0 <= successes <= count or count < 1 or not 0 < confidence < 1:
        raise ValueError(
            f"expected 0 <= successes <= count, count >= 1 and 0 < confidence < 1, got "
            f"{successes}, {count} and {confidence}"
        )
    z = NormalDist().inv_cdf((1 + confidence) / 2)
    share, shrink = successes / count, 1 + z**2 / count
    centre = (share + z**2 / (2 * count)) / shrink
    half = z / shrink * (share * (1 - share) / count + z**2 / (4 * count**2)) ** 0.5
    # rounding may carry an end that is exactly 0 or 1, or touches the share, over it
    return max(0.0, min(centre - half, share)), min(1.0, max(centre + half, share))


@dataclass(frozen=True)
class McNemar:
    """What two classifiers disagree about on the same images, and how likely that is by chance.

    Parameters
    ----------
    only_first, only_second
        Images that one classified rightly and the other wrongly.
    p_value
        Of the exact two-sided test.
    """

    only_first: int
    only_second: int
    p_value: float


def mcnemar(first_right: np.ndarray, second_right: np.ndarray) -> McNemar:
    """Test whether two classifiers are equally often right, on the same images.

    Were they, each image on which exactly one is right would be a fair coin's throw: the
    p-value is the binomial probability of a split at least as uneven.

    Parameters
    ----------
    first_right, second_right
        (N,), bool, from `is_right`.

    Returns
    -------
    McNemar

    Raises
    ------
    ValueError
        If they are not of one shape.

    Notes
    -----
    Q. McNemar, "Note on the sampling error of the difference between correlated proportions
    or percentages", Psychometrika 12 (1947), 153-157; the exact form, with no approximation.

    Examples
    --------
    >>> mcnemar(np.array([True, True, True]), np.array([False, False, False])).p_value
    0.25
    """
    first, second = np.asarray(first_right, bool), np.asarray(second_right, bool)
    if first.shape != second.shape:
        raise ValueError(f"expected the same images, got {first.shape} and {second.shape}")
    only_first, only_second = int((first & ~second).sum()), int((~first & second).sum())
    throws = only_first + only_second
    term = tail = 1  # binomial coefficients, as whole numbers: nothing over- or underflows
    for k in range(min(only_first, only_second)):
        term = term * (throws - k) // (k + 1)
        tail += term
    return McNemar(only_first, only_second, min(1.0, 2 * tail / 2**throws))
