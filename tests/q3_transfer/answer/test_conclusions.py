"""The conclusions follow from the results, whichever model does better."""

from dataclasses import replace

import numpy as np
import pytest

from mmn13lib.q3_transfer.answer.comparison import compare
from mmn13lib.q3_transfer.answer.conclusions import conclude, heat_at_border

BETTER = {"head": 0.87, "small_resnet": 0.80}
WORSE = {"head": 0.80, "small_resnet": 0.87}
TIE = {"head": 0.850, "small_resnet": 0.852}
FEW = {100: (0.60, 0.25), 2000: (0.60, 0.80)}


def concluded(results):
    return conclude(results, compare(results))


def costing(results, **costs):
    """Change costs of the two models: name → (the head's, SmallResNet's)."""
    head = replace(results.head, **{name: pair[0] for name, pair in costs.items()})
    small = replace(results.small_resnet, **{name: pair[1] for name, pair in costs.items()})
    return replace(results, head=head, small_resnet=small)


@pytest.mark.parametrize(
    ("accuracies", "study", "preferred", "decided_by", "turns"),
    [
        pytest.param(BETTER, FEW, "head", "accuracy", {2000: 0.2}, id="better"),
        pytest.param(WORSE, FEW, "small_resnet", "accuracy", {100: 0.35}, id="worse"),
        pytest.param(TIE, FEW, "head", "time", {2000: 0.2}, id="tie"),
        pytest.param(TIE, {100: (0.6, 0.602)}, "head", "time", {}, id="ties throughout"),
        pytest.param(
            TIE, {45_000: (0.60, 0.90)}, "head", "time", {}, id="the full count is no turn"
        ),
        pytest.param(
            WORSE, {45_000: (0.90, 0.60)}, "small_resnet", "accuracy", {},
            id="the full count is no turn, SmallResNet being preferred",
        ),
        pytest.param(
            TIE, {44_999: (0.60, 0.90)}, "head", "time", {44_999: 0.295}, id="just below it"
        ),
        pytest.param(BETTER, {}, "head", "accuracy", {}, id="no study"),
    ],
)  # fmt: skip
def test_the_choice_and_where_it_turns(
    made_up_results, accuracies, study, preferred, decided_by, turns
):
    results = made_up_results(**accuracies, study=study or {45_000: (0.8, 0.8)})
    if not study:
        results = replace(results, label_study=[])
    found = concluded(results)
    assert (found.preferred, found.decided_by) == (preferred, decided_by)
    assert {found.preferred, found.other} == {"head", "small_resnet"}
    assert found.turns == pytest.approx(turns)


def test_who_leads_is_told_for_every_count_below_the_full_number(made_up_results):
    study = {100: (0.6, 0.2), 500: (0.6, 0.602), 2000: (0.6, 0.8), 45_000: (0.8, 0.9)}
    found = concluded(made_up_results(**WORSE, study=study))
    assert found.leaders == {100: "head", 500: None, 2000: "small_resnet"}


def test_a_point_that_one_model_lacks_decides_nothing(made_up_results):
    results = made_up_results(**BETTER, study=FEW)
    rows = [row for row in results.label_study if (row["model"], row["count"]) != ("head", 2000)]
    found = concluded(replace(results, label_study=rows))
    assert found.leaders == {100: "head"}
    assert found.turns == {}


@pytest.mark.parametrize("mode", ["imagenet", "other-weights", "sample"])
def test_the_choice_does_not_depend_on_what_the_inputs_are_called(made_up_results, mode):
    assert concluded(made_up_results(**WORSE, mode=mode)).preferred == "small_resnet"


@pytest.mark.parametrize(
    ("head", "small_resnet", "preferred"),
    [
        # seconds of training, images classified per second; 2,000 test images
        ((100.0, 10.0), (301.0, 1000.0), "head"),  # 300 s against 303 s
        ((100.0, 10.0), (297.0, 1000.0), "small_resnet"),  # 300 s against 299 s
        ((300.0, 1000.0), (100.0, 10.0), "small_resnet"),  # 302 s against 300 s
        ((100.0, 100.0), (100.0, 100.0), "head"),
    ],
)
def test_in_a_tie_training_and_classifying_the_test_images_decide(
    made_up_results, head, small_resnet, preferred
):
    results = costing(
        made_up_results(**TIE),
        training_seconds=(head[0], small_resnet[0]),
        inference_images_per_second=(head[1], small_resnet[1]),
    )
    found = concluded(results)
    assert (found.preferred, found.decided_by) == (preferred, "time")
    better = costing(
        made_up_results(**WORSE),
        training_seconds=(head[0], small_resnet[0]),
        inference_images_per_second=(head[1], small_resnet[1]),
    )
    assert concluded(better).preferred == "small_resnet"


@pytest.mark.parametrize(
    ("seconds", "multiply_adds", "quicker", "lighter"),
    [
        ((1.0, 2.0), (3, 2), "head", "small_resnet"),
        ((2.0, 1.0), (2, 3), "small_resnet", "head"),
        ((1.0, 1.0), (2, 2), None, None),
    ],
)
def test_both_costs_are_told_apart(made_up_results, seconds, multiply_adds, quicker, lighter):
    results = costing(made_up_results(), training_seconds=seconds, multiply_adds=multiply_adds)
    found = concluded(results)
    assert (found.quicker_to_train, found.lighter) == (quicker, lighter)


@pytest.mark.parametrize(
    ("seconds", "speeds", "break_even"),
    [
        ((100.0, 400.0), (10.0, 20.0), 6000),  # 300 s longer, 0.05 s less for each image
        ((400.0, 100.0), (20.0, 10.0), 6000),
        ((1.0, 1.5), (10.0, 40.0), 7),  # 6.67
        ((100.0, 400.0), (20.0, 10.0), None),  # the head is quicker in both
        ((400.0, 100.0), (10.0, 20.0), None),
        ((100.0, 100.0), (10.0, 20.0), None),
        ((100.0, 400.0), (10.0, 10.0), None),
    ],
)
def test_after_how_many_images_a_longer_training_pays(made_up_results, seconds, speeds, break_even):
    results = costing(
        made_up_results(), training_seconds=seconds, inference_images_per_second=speeds
    )
    assert concluded(results).break_even == break_even


@pytest.mark.parametrize(
    ("heat", "share"),
    [
        (np.ones((7, 7)), 24 / 49),
        (np.pad(np.ones((5, 5)), 1), 0.0),
        (np.pad(np.zeros((5, 5)), 1, constant_values=2.0), 1.0),
        (np.zeros((7, 7)), 0.0),
        (np.eye(7), 2 / 7),
    ],
)
def test_the_heat_at_the_border_is_that_of_the_outer_ring(heat, share):
    assert heat_at_border(heat) == pytest.approx(share)
