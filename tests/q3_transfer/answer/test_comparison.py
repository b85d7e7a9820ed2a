"""The statistics of the comparison are those of the results."""

import numpy as np
import pytest

from mmn13lib.q3_transfer.answer.comparison import compare


def test_every_disagreement_is_counted_once(made_up_results):
    results = made_up_results(head=0.87, small_resnet=0.80)
    comparison = compare(results)
    images = results.counts["test"]
    gained = comparison.disagreement.only_first - comparison.disagreement.only_second
    assert gained / images == pytest.approx(
        comparison.head.accuracy - comparison.small_resnet.accuracy
    )


def test_a_score_agrees_with_itself(made_up_results):
    score = compare(made_up_results()).head
    assert score.low < score.accuracy < score.high
    assert score.confusion.trace() / score.confusion.sum() == pytest.approx(score.accuracy)
    assert np.mean(score.per_class) == pytest.approx(score.accuracy)  # classes of equal size


def test_the_label_study_is_gathered_by_model_and_count(made_up_results):
    comparison = compare(made_up_results(study={100: (0.6, 0.2), 45_000: (0.85, 0.9)}))
    points = {(point.model, point.count): point for point in comparison.study}
    assert points["head", 100].runs == (0.6, 0.605, 0.61)
    assert points["head", 100].mean == pytest.approx(0.605)
    assert points["small_resnet", 45_000].runs == (0.9,)
    assert points["head", 100].low < 0.605 < points["head", 100].high
    assert comparison.lead == pytest.approx({100: 0.4, 45_000: -0.045})
