"""Which model to prefer, and where not: chosen from the results, worded by the chapter."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

import numpy as np

from mmn13lib.q3_transfer.answer.comparison import MODELS, ModelComparison, ModelName
from mmn13lib.q3_transfer.results.records import Results


@dataclass(frozen=True)
class Conclusion:
    """What the comparison comes to.

    Attributes
    ----------
    preferred, other
        The more accurate model; where chance may explain the difference, the one that takes less
        time in all, training and classifying the test images.
    decided_by
        ``accuracy`` or ``time``.
    quicker_to_train, lighter
        The model with the shorter training, and the one with fewer multiply-adds for an image;
        None where they are equal.
    break_even
        From so many classified images on, the model that is slower to train has taken less time
        in all; None where one model is quicker both to train and to classify.
    leaders
        Who leads beyond chance at each number of labels below all of them; None for nobody.
    turns
        Those at which the other model leads, with its lead (0 to 1).
    """

    preferred: ModelName
    other: ModelName
    decided_by: Literal["accuracy", "time"]
    quicker_to_train: ModelName | None
    lighter: ModelName | None
    break_even: int | None
    leaders: Mapping[int, ModelName | None]
    turns: Mapping[int, float]


def conclude(results: Results, comparison: ModelComparison) -> Conclusion:
    """Choose the preferred model, what decides, and where the choice turns."""
    models = {name: getattr(results, name) for name in MODELS}
    test_images = results.counts["test"]
    seconds: dict[ModelName, float] = {
        name: model.training_seconds + test_images / model.inference_images_per_second
        for name, model in models.items()
    }
    quickest: ModelName = min(MODELS, key=lambda name: seconds[name])
    preferred: ModelName = comparison.winner or quickest
    other = MODELS[1 - MODELS.index(preferred)]
    few = {n: lead for n, lead in comparison.leads.items() if n < results.counts["train"]}
    return Conclusion(
        preferred=preferred,
        other=other,
        decided_by="accuracy" if comparison.winner else "time",
        quicker_to_train=_less({name: m.training_seconds for name, m in models.items()}),
        lighter=_less({name: m.multiply_adds for name, m in models.items()}),
        break_even=_break_even(results),
        leaders={n: lead.leader for n, lead in few.items()},
        turns={n: abs(lead.difference) for n, lead in few.items() if lead.leader == other},
    )


def _less(costs: dict[ModelName, float]) -> ModelName | None:
    head, small_resnet = (costs[name] for name in MODELS)
    if head == small_resnet:
        return None
    return "head" if head < small_resnet else "small_resnet"


def _break_even(results: Results) -> int | None:
    head, small_resnet = results.head, results.small_resnet
    longer = head.training_seconds - small_resnet.training_seconds
    saved = 1 / small_resnet.inference_images_per_second - 1 / head.inference_images_per_second
    return round(longer / saved) if longer * saved > 0 else None


def heat_at_border(heat: np.ndarray) -> float:
    """Give the share of a heat map (h, w) that lies in its outer ring of cells; 0 without heat."""
    total = float(heat.sum())
    return 1 - float(heat[1:-1, 1:-1].sum()) / total if total else 0.0
