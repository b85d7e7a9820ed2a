"""The few sentences of the chapter that follow from the run: what it is, and the answer."""

from mmn13lib.q3_transfer.answer.comparison import ModelComparison, total_seconds
from mmn13lib.q3_transfer.data.inputs import Inputs
from mmn13lib.q3_transfer.results.records import MODELS, Results
from mmn13lib.writing.literal import literal
from mmn13lib.writing.numbers import duration, p_value

NAMES = {"head": "the new head on the frozen ResNet-18", "small_resnet": "SmallResNet"}
SAMPLE = """\
::: {{.callout-important title="Digits and random weights: not CIFAR-10, not transfer"}}
Missing here: {}. So all of question 3 was computed from small images of
handwritten digits and a ResNet-18 of random weights. The text was written for
CIFAR-10; the numbers, tables and figures say nothing about it. For the real
results run `mmn13 fetch`, or set `MMN13_DATA` to the folder with
`cifar-10-batches-py` and `MMN13_WEIGHTS` to a ResNet-18's weights; then
render again.
:::"""
OTHER_WEIGHTS = """\
::: {{.callout-warning title="Not torchvision's weights"}}
In place of torchvision's file, which `models.resnet18` downloads, question 3
loads {}.
:::"""


def callout(inputs: Inputs) -> str:
    """Return what has to be said of the run before its results; nothing of the usual one."""
    if inputs.mode == "sample":
        return SAMPLE.format(inputs.missing)
    if inputs.mode == "other-weights":
        return OTHER_WEIGHTS.format(literal(inputs.weights_words))
    return ""


def outcome(results: Results, comparison: ModelComparison) -> str:
    """Return which model the chapter's rule prefers, and what decided."""
    preferred, p = comparison.preferred, p_value(comparison.p_value)
    if comparison.decided_by == "accuracy":
        points = abs(100 * comparison.difference)
        return (
            f"I prefer **{NAMES[preferred]}**: it classifies {points:.1f} points more of the test "
            f"images correctly (p {p})."
        )
    less, more = map(duration, sorted(total_seconds(results, name) for name in MODELS))
    return (
        f"The test images do not tell the two apart (p {p}). I prefer **{NAMES[preferred]}**, "
        f"which takes less time to train and run on the test images: about {less} against {more}."
    )
