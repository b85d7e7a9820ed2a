"""The two models compared: every statistic that the chapter shows, computed from the results."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

from mmn13lib.q3_transfer.results import metrics
from mmn13lib.q3_transfer.results.records import ModelResult, Results
from mmn13lib.q3_transfer.results.significance import McNemar, mcnemar, wilson_interval

Winner = Literal["head", "small_resnet"]
SIGNIFICANT = 0.05


@dataclass(frozen=True)
class Score:
    """How well one model does on the test set.

    Parameters
    ----------
    accuracy, low, high
        The share classified rightly and its 95% Wilson interval, 0 to 1.
    per_class
        (K,), the share of each class.
    confusion
        (K, K), images: row is the true class, column the predicted one.
    reliability
        Stated probability against accuracy.
    calibration_error
        The expected calibration error, 0 to 1.
    """

    accuracy: float
    low: float
    high: float
    per_class: np.ndarray
    confusion: np.ndarray
    reliability: metrics.Reliability
    calibration_error: float


@dataclass(frozen=True)
class StudyPoint:
    """One model trained on so many labelled images, once for each seed.

    Parameters
    ----------
    model
        ``head`` or ``small_resnet``.
    count
        Labelled images.
    runs
        Test accuracy of each run, 0 to 1.
    mean, low, high
        Their mean and its 95% Wilson interval on the test set.
    """

    model: Winner
    count: int
    runs: tuple[float, ...]
    mean: float
    low: float
    high: float


@dataclass(frozen=True)
class Comparison:
    """Both models' scores and what can be said of their difference.

    Parameters
    ----------
    head, small_resnet
        The scores.
    disagreement
        McNemar's test, the head being first.
    study
        Accuracy by number of labelled images: the head's points, then SmallResNet's, counts
        rising.
    """

    head: Score
    small_resnet: Score
    disagreement: McNemar
    study: tuple[StudyPoint, ...]

    @property
    def winner(self) -> Winner | None:
        """The model that is more often right; None where chance could explain the difference."""
        if self.disagreement.p_value >= SIGNIFICANT:
            return None
        return "head" if self.head.accuracy > self.small_resnet.accuracy else "small_resnet"

    @property
    def lead(self) -> dict[int, float]:
        """By how much the head's mean accuracy is above SmallResNet's, by number of labels."""
        means = {(point.model, point.count): point.mean for point in self.study}
        counts = sorted({point.count for point in self.study})
        return {
            count: means["head", count] - means["small_resnet", count]
            for count in counts
            if ("head", count) in means and ("small_resnet", count) in means
        }


def compare(results: Results) -> Comparison:
    """Compute everything that the chapter says about the two models.

    Parameters
    ----------
    results
        The experiment's.

    Returns
    -------
    Comparison
    """
    return Comparison(
        head=score(results.head),
        small_resnet=score(results.small_resnet),
        disagreement=mcnemar(
            metrics.is_correct(results.head.test_logits, results.head.test_labels),
            metrics.is_correct(results.small_resnet.test_logits, results.small_resnet.test_labels),
        ),
        study=study_points(results.label_study, results.counts["test"]),
    )


def score(model: ModelResult) -> Score:
    """Judge one model by its test logits.

    Parameters
    ----------
    model
        One of the results' models.

    Returns
    -------
    Score
    """
    logits, labels = model.test_logits, model.test_labels
    successes = int(metrics.is_correct(logits, labels).sum())
    low, high = wilson_interval(successes, len(labels))
    return Score(
        accuracy=successes / len(labels),
        low=low,
        high=high,
        per_class=metrics.per_class_accuracy(logits, labels),
        confusion=metrics.confusion_matrix(logits, labels),
        reliability=metrics.reliability_curve(logits, labels),
        calibration_error=metrics.expected_calibration_error(logits, labels),
    )


def study_points(rows: Sequence[dict[str, Any]], test_images: int) -> tuple[StudyPoint, ...]:
    """Gather the label study's runs by model and number of labelled images.

    Parameters
    ----------
    rows
        The results' ``label_study``.
    test_images
        How many images each accuracy was measured on.

    Returns
    -------
    tuple of StudyPoint
    """
    runs: dict[tuple[Winner, int], list[float]] = {}
    for row in rows:
        runs.setdefault((row["model"], row["count"]), []).append(row["test_accuracy"])
    points = []
    for (model, count), accuracies in sorted(runs.items()):
        mean = sum(accuracies) / len(accuracies)
        low, high = wilson_interval(round(mean * test_images), test_images)
        points.append(StudyPoint(model, count, tuple(accuracies), mean, low, high))
    return tuple(points)
