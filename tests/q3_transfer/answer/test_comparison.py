"""The statistics of the comparison are those of the results."""

from dataclasses import replace

import numpy as np
import pytest

from mmn13lib.q3_transfer.answer.comparison import compare
from mmn13lib.q3_transfer.results import metrics


def test_the_difference_is_what_the_models_disagree_on(made_up_results):
    results = made_up_results(head=0.87, small_resnet=0.80)
    comparison = compare(results)
    gained = comparison.disagreement.only_first - comparison.disagreement.only_second
    assert gained / results.counts["test"] == pytest.approx(comparison.difference)
    assert comparison.difference == pytest.approx(0.07)
    assert 0.04 < comparison.low < 0.07 < comparison.high < 0.10


def test_a_score_agrees_with_itself(made_up_results):
    results = made_up_results()
    score = compare(results).head
    assert score.low < score.accuracy < score.high
    assert score.confusion.trace() / score.confusion.sum() == pytest.approx(score.accuracy)
    probabilities = metrics.softmax(results.head.test_logits)
    assert score.confidence == pytest.approx(probabilities.max(axis=1).mean())


def test_the_temperature_comes_from_the_validation_images(made_up_results):
    results = made_up_results()
    sharp = replace(results.head, test_logits=4 * results.head.test_logits)
    cooled = replace(
        results.head,
        test_logits=sharp.test_logits,
        validation_logits=4 * results.head.validation_logits,
    )
    plain, only_test, both = (
        compare(replace(results, head=head)).head for head in (results.head, sharp, cooled)
    )
    assert only_test.temperature == pytest.approx(plain.temperature)
    assert both.temperature == pytest.approx(4 * plain.temperature, rel=0.05)
    errors = [score.calibrated.calibration_error for score in (both, plain)]
    assert errors[0] == pytest.approx(errors[1], abs=0.01)
    errors = [score.reliability.calibration_error for score in (both, plain)]
    assert errors[0] != pytest.approx(errors[1], abs=0.01)


@pytest.mark.parametrize(
    ("head", "small_resnet", "winner"),
    [(0.87, 0.80, "head"), (0.80, 0.87, "small_resnet"), (0.850, 0.852, None), (0.85, 0.85, None)],
)
def test_the_winner_is_the_more_accurate_beyond_chance(made_up_results, head, small_resnet, winner):
    assert compare(made_up_results(head=head, small_resnet=small_resnet)).winner == winner


def test_the_label_study_is_gathered_by_model_and_count(made_up_results):
    results = made_up_results(study={100: (0.6, 0.2), 45_000: (0.85, 0.9)}, unfinished=100)
    comparison = compare(results)
    points = {(point.model, point.count): point for point in comparison.study}
    assert points["head", 100].runs == (0.6, 0.605, 0.61)
    assert points["head", 100].mean == pytest.approx(0.605)
    assert points["head", 100].low < 0.605 < points["head", 100].high
    assert points["small_resnet", 45_000].runs == (0.9,)
    assert (points["head", 100].updates, points["head", 100].train_accuracy) == (1000, 0.9)
    assert [key for key, point in points.items() if not point.plateau] == [("small_resnet", 100)]


# accuracies of the head's and SmallResNet's first run; two more follow, half a point up each
LEADS = [
    pytest.param((0.60, 0.40), "head", id="far ahead"),
    pytest.param((0.40, 0.60), "small_resnet", id="far behind"),
    pytest.param((0.60, 0.60), None, id="a tie is no lead"),
    pytest.param((0.61, 0.60), None, id="ahead, but runs overlap"),
    pytest.param((0.612, 0.60), None, id="ahead in every run, within the interval"),
    pytest.param((0.60, 0.612), None, id="behind in every run, within the interval"),
]


@pytest.mark.parametrize(("accuracies", "leader"), LEADS)
def test_a_lead_needs_more_than_its_interval_and_every_run(made_up_results, accuracies, leader):
    comparison = compare(made_up_results(study={100: accuracies}))
    (lead,) = comparison.leads.values()
    assert lead.leader == leader
    assert lead.difference == pytest.approx(accuracies[0] - accuracies[1])
    assert lead.low < lead.difference < lead.high


def test_a_lead_beyond_the_interval_is_none_where_the_runs_overlap(made_up_results):
    results = made_up_results(study={100: (0.60, 0.50)})
    rows = [dict(row) for row in results.label_study]
    rows[-1]["test_accuracy"] = 0.605
    assert compare(replace(results, label_study=rows)).leads[100].leader is None
    for row in rows:
        row["model"] = {"head": "small_resnet", "small_resnet": "head"}[row["model"]]
    assert compare(replace(results, label_study=rows)).leads[100].leader is None


def test_newcombes_interval_of_independent_proportions(made_up_results):
    results = made_up_results()
    row = results.label_study[0]
    rows = [
        row | {"model": "head", "count": 100, "test_accuracy": 0.8},
        row | {"model": "small_resnet", "count": 100, "test_accuracy": 0.6},
    ]
    (lead,) = compare(replace(results, label_study=rows)).leads.values()
    width = 1.96 * np.sqrt((0.8 * 0.2 + 0.6 * 0.4) / results.counts["test"])
    assert (lead.low, lead.high) == pytest.approx((0.2 - width, 0.2 + width), abs=5e-4)


def test_a_count_with_one_model_has_no_lead(made_up_results):
    results = made_up_results(study={100: (0.6, 0.2), 2000: (0.8, 0.6)})
    rows = [row for row in results.label_study if (row["model"], row["count"]) != ("head", 100)]
    assert list(compare(replace(results, label_study=rows)).leads) == [2000]
    assert compare(replace(results, label_study=[])).leads == {}
