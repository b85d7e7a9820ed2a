"""What chance leaves open: intervals of an accuracy and of a difference, and a test of it."""

from math import comb
from statistics import NormalDist

import numpy as np

Z = NormalDist().inv_cdf(0.975)  # for intervals of 95%


def wilson_interval(successes: int, count: int) -> tuple[float, float]:
    """Return the 95% interval for a proportion, which stays between 0 and 1.

    E. B. Wilson, "Probable inference, the law of succession, and statistical inference",
    JASA 22 (1927), 209-212.

    >>> [round(end, 4) for end in wilson_interval(8000, 10_000)]
    [0.792, 0.8077]
    """
    if not 0 <= successes <= count or count < 1:
        raise ValueError(f"expected 0 <= successes <= count >= 1, got {successes} and {count}")
    share, shrink = successes / count, 1 + Z**2 / count
    centre = (share + Z**2 / (2 * count)) / shrink
    half = Z / shrink * (share * (1 - share) / count + Z**2 / (4 * count**2)) ** 0.5
    # rounding may carry an end that is exactly 0 or 1, or touches the share, over it
    return max(0.0, min(centre - half, share)), min(1.0, max(centre + half, share))


def paired_interval(first_correct: np.ndarray, second_correct: np.ndarray) -> tuple[float, float]:
    """Return the 95% interval for the difference of two classifiers' accuracies on the same images.

    It is that of the first less the second, from (N,) bool of `metrics.is_correct`. Two
    classifiers mostly agree, so it is narrower than their own two intervals suggest.

    R. G. Newcombe, "Improved confidence intervals for the difference between binomial
    proportions based on paired data", Statistics in Medicine 17 (1998), 2635-2650, method 10.

    >>> first, second = np.arange(50) < 43, np.arange(50) < 34
    >>> [round(end, 4) for end in paired_interval(first, second)]
    [0.0657, 0.2974]
    """
    both, only_first, only_second, neither = agreement(first_correct, second_correct)
    count = both + only_first + only_second + neither
    ends = []
    for correct in (both + only_first, both + only_second):
        low, high = wilson_interval(correct, count)
        ends.append((correct / count - low, high - correct / count))
    (first_down, first_up), (second_down, second_up) = ends
    covariance: float = both * neither - only_first * only_second
    if covariance > 0:  # the continuity correction
        covariance = max(covariance - count / 2, 0)
    spread = (both + only_first) * (only_second + neither)
    spread *= (both + only_second) * (only_first + neither)
    correlation = covariance / spread**0.5 if spread else 0.0
    down = first_down**2 - 2 * correlation * first_down * second_up + second_up**2
    up = first_up**2 - 2 * correlation * first_up * second_down + second_down**2
    difference = (only_first - only_second) / count
    return difference - down**0.5, difference + up**0.5


def mcnemar(first_correct: np.ndarray, second_correct: np.ndarray) -> float:
    """Return the p-value of "two classifiers are equally often correct", on the same images.

    Were they, each image on which exactly one is correct would be a fair coin's throw: the
    p-value is the binomial probability of a split at least as uneven.

    Q. McNemar, "Note on the sampling error of the difference between correlated proportions
    or percentages", Psychometrika 12 (1947), 153-157; the exact form, with no approximation.

    >>> mcnemar(np.array([True, True, True]), np.array([False, False, False]))
    0.25
    """
    _, only_first, only_second, _ = agreement(first_correct, second_correct)
    throws = only_first + only_second
    # whole numbers: nothing over- or underflows
    tail = sum(comb(throws, k) for k in range(min(only_first, only_second) + 1))
    return min(1.0, 2 * tail / 2**throws)


def agreement(first: np.ndarray, second: np.ndarray) -> tuple[int, int, int, int]:
    """Count the images that both, only the first, only the second and neither got right."""
    first, second = np.asarray(first, bool), np.asarray(second, bool)
    if first.shape != second.shape:
        raise ValueError(f"expected the same images, got {first.shape} and {second.shape}")
    neither, only_second, only_first, both = np.bincount(2 * first + second, minlength=4).tolist()
    return both, only_first, only_second, neither
