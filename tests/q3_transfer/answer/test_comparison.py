"""The statistics of the comparison are those of the results."""

from dataclasses import replace

import numpy as np
import pytest

from mmn13lib.q3_transfer.answer.comparison import compare
from mmn13lib.q3_transfer.results import metrics

BETTER = {"head": 0.87, "small_resnet": 0.80}
WORSE = {"head": 0.80, "small_resnet": 0.87}
TIE = {"head": 0.850, "small_resnet": 0.852}


def test_the_difference_is_what_the_models_disagree_on(made_up_results):
    results = made_up_results(**BETTER)
    comparison = compare(results)
    counts = comparison.agreement
    assert sum(counts.values()) == results.counts["test"]
    assert counts["both"] + counts["head"] == 0.87 * results.counts["test"]
    assert counts["both"] + counts["small_resnet"] == 0.80 * results.counts["test"]
    assert comparison.difference == pytest.approx(0.07)
    assert 0.04 < comparison.low < 0.07 < comparison.high < 0.10
    assert comparison.p_value < 0.001


def test_together_is_the_mean_of_the_probabilities(made_up_results):
    results = made_up_results()
    models = (results.head, results.small_resnet)
    mean = sum(metrics.softmax(model.test_logits) for model in models) / 2
    right = mean.argmax(axis=1) == results.head.test_labels
    assert compare(results).together.accuracy == pytest.approx(right.mean())
    alike = replace(results, small_resnet=results.head)
    assert not compare(alike).together_leads
    score = compare(alike).together
    assert score.calibration_error == pytest.approx(compare(alike).head.calibration_error)


@pytest.mark.parametrize(
    ("accuracies", "preferred", "decided_by"),
    [
        pytest.param(BETTER, "head", "accuracy", id="better"),
        pytest.param(WORSE, "small_resnet", "accuracy", id="worse"),
        pytest.param(TIE, "head", "time", id="tie"),
    ],
)
def test_the_more_accurate_model_is_preferred_beyond_chance(
    made_up_results, accuracies, preferred, decided_by
):
    found = compare(made_up_results(**accuracies))
    assert (found.preferred, found.decided_by) == (preferred, decided_by)


@pytest.mark.parametrize(
    ("head", "small_resnet", "preferred"),
    [
        # seconds of training, images classified per second; 2,000 test images
        ((100.0, 10.0), (301.0, 1000.0), "head"),  # 300 s against 303 s
        ((100.0, 10.0), (297.0, 1000.0), "small_resnet"),  # 300 s against 299 s
        ((300.0, 1000.0), (100.0, 10.0), "small_resnet"),  # 302 s against 300 s
    ],
)
@pytest.mark.parametrize("accuracies", [TIE, WORSE], ids=["tie", "SmallResNet is better"])
def test_in_a_tie_training_and_classifying_the_test_images_decide(
    made_up_results, accuracies, head, small_resnet, preferred
):
    def costing(model, costs):
        seconds, speed = costs
        return replace(model, training_seconds=seconds, inference_images_per_second=speed)

    results = made_up_results(**accuracies)
    results = replace(
        results,
        head=costing(results.head, head),
        small_resnet=costing(results.small_resnet, small_resnet),
    )
    assert compare(results).preferred == (preferred if accuracies == TIE else "small_resnet")


@pytest.mark.parametrize(
    ("few", "leads"), [((0.612, 0.6), True), ((0.609, 0.6), False), ((0.5, 0.6), False)]
)
def test_the_head_leads_where_every_run_of_it_is_ahead(made_up_results, few, leads):
    study = {100: (0.6, 0.2), 500: few, 45_000: (0.8, 0.9)}  # runs are half a point apart
    assert compare(made_up_results(study=study)).head_leads_with_few_labels is leads


def test_the_largest_confusions_are_not_on_the_diagonal(made_up_results):
    results = made_up_results()
    logits = results.head.test_logits.copy()
    cats = np.flatnonzero(results.head.test_labels == 3)[:100]
    logits[cats] = 9.0 * np.eye(10)[5]
    found = compare(replace(results, head=replace(results.head, test_logits=logits)))
    assert found.largest_confusions[0] == (3, 5)
    assert all(true != predicted for true, predicted in found.largest_confusions)


def test_both_together_lead_only_beyond_chance_over_each(made_up_results):
    """The head errs on the first images, the other on the last: each is sure where it is right."""
    results = made_up_results()
    labels = results.head.test_labels
    right, wrong = np.eye(10)[labels], np.eye(10)[(labels + 1) % 10]

    def together_leads(errors: int) -> bool:
        head, small = 9.0 * right, 9.0 * right
        head[:errors] = wrong[:errors]
        small[-errors:] = wrong[-errors:]
        head, small = (
            replace(model, test_logits=logits.astype(np.float32))
            for model, logits in ((results.head, head), (results.small_resnet, small))
        )
        return compare(replace(results, head=head, small_resnet=small)).together_leads

    assert together_leads(6) and not together_leads(5)  # 2 / 2**6 < 0.05 < 2 / 2**5
