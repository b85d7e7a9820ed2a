"""The two models compared: every statistic that the chapter shows, computed from the results."""

from collections import defaultdict
from dataclasses import dataclass
from typing import Literal

import numpy as np

from mmn13lib.q3_transfer.results import metrics, significance
from mmn13lib.q3_transfer.results.records import MODELS, ModelName, Results

SIGNIFICANT = 0.05


@dataclass(frozen=True)
class Score:
    """How well one model does on the test set."""

    accuracy: float  # the share classified correctly
    low: float  # the ends of its 95% Wilson interval
    high: float
    confusion: np.ndarray  # (10, 10) images, by true and predicted class
    calibration_error: float  # the expected one, 0 to 1


@dataclass(frozen=True)
class StudyPoint:
    """One model trained on so many labelled images, once for each seed."""

    model: ModelName
    count: int
    runs: tuple[float, ...]  # the test accuracy of each
    mean: float


@dataclass(frozen=True)
class ModelComparison:
    """Both models' scores and what can be said of their difference."""

    head: Score
    small_resnet: Score
    together: Score  # the mean of both models' probabilities
    together_leads: bool  # over each of them, by more than chance explains
    agreement: dict[str, int]  # images that both, head, small_resnet, neither classify correctly
    p_value: float  # McNemar's exact test
    difference: float  # head minus SmallResNet
    low: float  # the ends of its 95% interval for paired proportions
    high: float
    study: tuple[StudyPoint, ...]  # by model, then by number of labelled images
    preferred: ModelName  # the more accurate, or the quicker where chance may explain it
    decided_by: Literal["accuracy", "time"]

    @property
    def largest_confusions(self) -> list[tuple[int, int]]:
        """Each model's most frequent mistake: true and predicted class."""
        mistakes = [s.confusion * (1 - np.eye(10)) for s in (self.head, self.small_resnet)]
        return [divmod(int(counts.argmax()), 10) for counts in mistakes]

    @property
    def head_leads_with_few_labels(self) -> bool:
        """Whether every run of the head beats every run of SmallResNet below all labels."""
        runs = {(point.model, point.count): point.runs for point in self.study}
        *few, _ = sorted({point.count for point in self.study})
        return all(min(runs["head", n]) > max(runs["small_resnet", n]) for n in few)


def compare(results: Results) -> ModelComparison:
    """Compute everything that the chapter says about the two models."""
    models = [getattr(results, name) for name in MODELS]
    labels = results.head.test_labels
    correct = [metrics.is_correct(model.test_logits, labels) for model in models]
    low, high = significance.paired_interval(*correct)
    difference = float(correct[0].mean() - correct[1].mean())
    p_value = significance.mcnemar(*correct)
    mean = np.log(np.mean([metrics.softmax(model.test_logits) for model in models], axis=0))
    together = metrics.is_correct(mean, labels)
    decided = p_value < SIGNIFICANT
    preferred: ModelName = min(MODELS, key=lambda name: total_seconds(results, name))
    if decided:
        preferred = "head" if difference > 0 else "small_resnet"
    names = ("both", *MODELS, "neither")
    return ModelComparison(
        head=score(results.head.test_logits, labels),
        small_resnet=score(results.small_resnet.test_logits, labels),
        together=score(mean, labels),
        together_leads=all(
            together.mean() > one.mean() and significance.mcnemar(together, one) < SIGNIFICANT
            for one in correct
        ),
        agreement=dict(zip(names, significance.agreement(*correct), strict=True)),
        p_value=p_value,
        difference=difference,
        low=low,
        high=high,
        study=study_points(results),
        preferred=preferred,
        decided_by="accuracy" if decided else "time",
    )


def total_seconds(results: Results, name: ModelName) -> float:
    """Return what a model's training and classifying the test images take together."""
    model = getattr(results, name)
    return model.training_seconds + results.counts["test"] / model.inference_images_per_second


def score(logits: np.ndarray, labels: np.ndarray) -> Score:
    """Judge a model by its test logits."""
    correct = int(metrics.is_correct(logits, labels).sum())
    low, high = significance.wilson_interval(correct, len(labels))
    confusion = metrics.confusion_matrix(logits, labels)
    error = metrics.calibration_error(logits, labels)
    return Score(correct / len(labels), low, high, confusion, error)


def study_points(results: Results) -> tuple[StudyPoint, ...]:
    """Gather the label study's runs by model and number of labelled images."""
    runs = defaultdict(list)
    for row in results.label_study:
        runs[row["model"], row["count"]].append(row["test_accuracy"])
    return tuple(
        StudyPoint(model, count, tuple(accuracies), float(np.mean(accuracies)))
        for (model, count), accuracies in sorted(runs.items())
    )
