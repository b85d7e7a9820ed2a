"""The two models compared: every statistic that the chapter shows, computed from the results."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

from mmn13lib.q3_transfer.results import metrics, significance
from mmn13lib.q3_transfer.results.records import ModelResult, Results

ModelName = Literal["head", "small_resnet"]
MODELS: tuple[ModelName, ModelName] = ("head", "small_resnet")
SIGNIFICANT = 0.05
PLATEAU = 0.01


@dataclass(frozen=True)
class Score:
    """How well one model does on the test set.

    Attributes
    ----------
    accuracy, low, high
        The share classified correctly and its 95% Wilson interval, 0 to 1.
    confidence
        Mean probability of the predicted class.
    temperature
        Fitted on the validation images.
    reliability, calibrated
        As trained, and after dividing the logits by the temperature.
    """

    accuracy: float
    low: float
    high: float
    confusion: np.ndarray
    confidence: float
    temperature: float
    reliability: metrics.Reliability
    calibrated: metrics.Reliability


@dataclass(frozen=True)
class StudyPoint:
    """One model trained on so many labelled images, once for each seed.

    Attributes
    ----------
    runs, mean, low, high
        Test accuracy of each run; the mean and its 95% Wilson interval.
    updates, train_accuracy
        Steps of the optimiser, and accuracy on the training images, as means over the runs.
    plateau
        Whether every run's training accuracy changed by less than a point over its last quarter.
    """

    model: ModelName
    count: int
    runs: tuple[float, ...]
    mean: float
    low: float
    high: float
    updates: float
    train_accuracy: float
    plateau: bool


@dataclass(frozen=True)
class Lead:
    """By how much the head is ahead of SmallResNet at one number of labelled images.

    Attributes
    ----------
    difference, low, high
        Of the mean accuracies, with Newcombe's 95% interval for independent proportions.
    leader
        The model whose every run beats every run of the other, by more than the interval; or None.
    """

    difference: float
    low: float
    high: float
    leader: ModelName | None


@dataclass(frozen=True)
class ModelComparison:
    """Both models' scores and what can be said of their difference.

    Attributes
    ----------
    disagreement
        McNemar's test, the head being first.
    difference, low, high
        Head minus SmallResNet, with a 95% interval for paired proportions.
    study
        Points by model, then by number of labelled images.
    leads
        By number of labelled images, rising: only where both models have a point.
    """

    head: Score
    small_resnet: Score
    disagreement: significance.McNemar
    difference: float
    low: float
    high: float
    study: tuple[StudyPoint, ...]
    leads: Mapping[int, Lead]

    @property
    def winner(self) -> ModelName | None:
        """The more accurate model; None where chance could explain the difference."""
        if self.disagreement.p_value >= SIGNIFICANT or not self.difference:
            return None
        return "head" if self.difference > 0 else "small_resnet"


def compare(results: Results) -> ModelComparison:
    """Compute everything that the chapter says about the two models."""
    models = (results.head, results.small_resnet)
    head, small_resnet = (metrics.is_correct(m.test_logits, m.test_labels) for m in models)
    study = study_points(results.label_study, results.counts["test"])
    low, high = significance.paired_interval(head, small_resnet)
    return ModelComparison(
        head=score(results.head),
        small_resnet=score(results.small_resnet),
        disagreement=significance.mcnemar(head, small_resnet),
        difference=float(head.mean() - small_resnet.mean()),
        low=low,
        high=high,
        study=study,
        leads=leads(study),
    )


def score(model: ModelResult) -> Score:
    """Judge one model by its test logits."""
    logits, labels = model.test_logits, model.test_labels
    correct = int(metrics.is_correct(logits, labels).sum())
    low, high = significance.wilson_interval(correct, len(labels))
    temperature = metrics.fit_temperature(model.validation_logits, model.validation_labels)
    return Score(
        accuracy=correct / len(labels),
        low=low,
        high=high,
        confusion=metrics.confusion_matrix(logits, labels),
        confidence=float(metrics.softmax(logits).max(axis=1).mean()),
        temperature=temperature,
        reliability=metrics.reliability_curve(logits, labels),
        calibrated=metrics.reliability_curve(logits / temperature, labels),
    )


def study_points(rows: Sequence[dict[str, Any]], test_images: int) -> tuple[StudyPoint, ...]:
    """Gather the label study's runs by model and number of labelled images."""
    runs = defaultdict(list)
    for row in rows:
        runs[row["model"], row["count"]].append(row)
    points = []
    for (model, count), group in sorted(runs.items()):
        accuracies = tuple(row["test_accuracy"] for row in group)
        mean = float(np.mean(accuracies))
        low, high = significance.wilson_interval(round(mean * test_images), test_images)
        points.append(
            StudyPoint(
                model, count, accuracies, mean, low, high,
                updates=float(np.mean([row["updates"] for row in group])),
                train_accuracy=float(np.mean([row["train_accuracy"] for row in group])),
                plateau=all(abs(row["last_gain"]) < PLATEAU for row in group),
            )
        )  # fmt: skip
    return tuple(points)


def leads(study: Sequence[StudyPoint]) -> dict[int, Lead]:
    """Compare the two models at every number of labelled images that both were trained on."""
    points = {(point.model, point.count): point for point in study}
    counts = sorted({point.count for point in study})
    return {
        count: _lead(points["head", count], points["small_resnet", count])
        for count in counts
        if all((model, count) in points for model in MODELS)
    }


def _lead(head: StudyPoint, small_resnet: StudyPoint) -> Lead:
    difference = head.mean - small_resnet.mean
    low = difference - np.hypot(head.mean - head.low, small_resnet.high - small_resnet.mean)
    high = difference + np.hypot(head.high - head.mean, small_resnet.mean - small_resnet.low)
    leader: ModelName | None = None
    if low > 0 and min(head.runs) > max(small_resnet.runs):
        leader = "head"
    if high < 0 and max(head.runs) < min(small_resnet.runs):
        leader = "small_resnet"
    return Lead(float(difference), float(low), float(high), leader)
