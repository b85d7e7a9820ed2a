"""The sentences that follow from the run: an answer for every outcome, a callout for a mode."""

import pytest

from mmn13lib.q3_transfer.answer import words
from mmn13lib.q3_transfer.answer.comparison import compare
from mmn13lib.writing.literal import literal


@pytest.mark.parametrize(
    ("head", "small_resnet", "answer"),
    [
        (0.87, 0.80, "I prefer **the new head on the frozen ResNet-18**: it classifies 7.0 points "
         "more of the test images correctly (p < 0.001)."),
        (0.80, 0.87, "I prefer **SmallResNet**: it classifies 7.0 points more"),
        (0.85, 0.85, "(p = 1). I prefer **the new head on the frozen ResNet-18**, which takes less "
         "time to train and run on the test images: about 7.2 min against 30.0 min."),
    ],
)  # fmt: skip
def test_the_answer_follows_from_the_numbers(made_up_results, head, small_resnet, answer):
    results = made_up_results(head=head, small_resnet=small_resnet)
    assert answer in words.outcome(results, compare(results))


@pytest.mark.parametrize(
    ("mode", "said"),
    [
        ("imagenet", []),
        ("other-weights", ["callout-warning", literal("weights.safetensors (SHA-256 01234567…)")]),
        ("sample", ["callout-important", "Missing here: CIFAR-10 and the ResNet-18 weights."]),
    ],
)
def test_what_is_not_the_usual_run_is_said_once(made_up_results, mode, said):
    text = words.callout(made_up_results(mode=mode).inputs)
    assert bool(text) == bool(said)
    assert all(part in text for part in said)
