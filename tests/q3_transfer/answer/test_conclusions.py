"""The conclusions follow from the results, whichever model does better."""

import pytest

from mmn13lib.q3_transfer.answer import conclusions
from mmn13lib.q3_transfer.answer.comparison import compare

TRANSFER_WINS = {"head": 0.87, "small_resnet": 0.80}
SMALL_RESNET_WINS = {"head": 0.84, "small_resnet": 0.90}
TOO_CLOSE = {"head": 0.850, "small_resnet": 0.852}


def test_the_more_accurate_model_is_preferred(made_up_results):
    for accuracies, winner in ((TRANSFER_WINS, "head"), (SMALL_RESNET_WINS, "small_resnet")):
        results = made_up_results(**accuracies)
        comparison = compare(results)
        assert comparison.winner == winner
        answer = conclusions.answer(results, comparison)
        assert answer.startswith(f"I prefer **{conclusions.NAMES[winner]}**")
        points = 100 * abs(accuracies["head"] - accuracies["small_resnet"])
        assert f"its test accuracy is {points:.1f} points higher" in answer


def test_where_chance_may_be_the_winner_the_cost_of_training_decides(made_up_results):
    results = made_up_results(**TOO_CLOSE)
    comparison = compare(results)
    assert comparison.winner is None
    answer = conclusions.answer(results, comparison)
    assert answer.startswith(f"I prefer **{conclusions.HEAD}**")
    assert "may be chance" in answer
    assert "more often" not in answer
    assert "can well be chance" in conclusions.disagreement(comparison)


def test_a_small_resnet_that_wins_loses_where_labels_are_few(made_up_results):
    results = made_up_results(**SMALL_RESNET_WINS)
    comparison = compare(results)
    turns = conclusions.answer(results, comparison).split("\n\n")[1]
    assert "only 2,000 or fewer labelled images" in turns
    assert "with 100 of them the other model is 35.0 points ahead" in turns
    assert "training has to be quick" in turns
    assert "The order changes between 2,000 and 45,000." in conclusions.labels(comparison)


def test_a_winning_head_still_costs_more_for_each_image(made_up_results):
    results = made_up_results(**TRANSFER_WINS)
    turns = conclusions.answer(results, compare(results)).split("\n\n")[1]
    assert "36 times fewer multiply-adds" in turns
    assert "labelled images" not in turns


def test_a_small_resnet_that_leads_at_every_count_is_not_said_to_lose_at_one(made_up_results):
    results = made_up_results(**SMALL_RESNET_WINS, study={100: (0.1, 0.2), 45_000: (0.84, 0.90)})
    comparison = compare(results)
    assert "labelled images" not in conclusions.answer(results, comparison)
    assert "the same at every number" in conclusions.labels(comparison)


@pytest.mark.parametrize(
    ("mode", "kind", "told"),
    [
        (
            "sample",
            "callout-important",
            ("not CIFAR-10", "mmn13 fetch", "MMN13_DATA", "the ResNet"),
        ),
        ("other-weights", "callout-warning", ("weights.safetensors", "not ImageNet transfer")),
    ],
)
def test_what_the_numbers_are_not_is_said_first(made_up_results, mode, kind, told):
    results = made_up_results(mode=mode)
    caveat = conclusions.caveat(results)
    assert caveat.startswith(f"::: {{.{kind}")
    for words in told:
        assert words in caveat
    assert (
        conclusions.answer(results, compare(results)).split(":")[0]
        != conclusions.answer(made_up_results(), compare(made_up_results())).split(":")[0]
    )
    assert results.inputs.label in conclusions.summary(results)["answer"]


def test_the_real_thing_needs_no_caveat(made_up_results):
    results = made_up_results(mode="imagenet")
    assert conclusions.caveat(results) == ""
    assert "Computed from" not in conclusions.summary(results)["answer"]


def test_the_summary_holds_the_two_accuracies_with_their_intervals(made_up_results):
    numbers = dict(conclusions.summary(made_up_results())["numbers"])
    assert numbers["test accuracy, new head on the frozen ResNet-18"] == "87.00% (85.5–88.4)"
    assert numbers["test accuracy, `SmallResNet` from scratch"] == "80.00% (78.2–81.7)"
