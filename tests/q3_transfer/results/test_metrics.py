"""The numbers that judge a classifier keep their definitions."""

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from mmn13lib.q3_transfer.results import metrics


@st.composite
def predictions(draw, classes=4):
    """Logits and labels of a few images, ties and large values among them."""
    count = draw(st.integers(1, 30))
    values = st.floats(-50, 50, width=32) | st.sampled_from([0.0, 1.0, 1000.0])
    logits = draw(arrays(np.float32, (count, classes), elements=values))
    labels = draw(arrays(np.int64, count, elements=st.integers(0, classes - 1)))
    return logits, labels


@given(predictions())
def test_probabilities_sum_to_one_and_keep_the_order_of_the_logits(case):
    logits, _ = case
    probabilities = metrics.softmax(logits)
    assert np.allclose(probabilities.sum(axis=1), 1)
    largest = np.take_along_axis(probabilities, logits.argmax(axis=1)[:, None], axis=1)
    assert (largest[:, 0] == probabilities.max(axis=1)).all()
    assert np.allclose(metrics.softmax(logits + 7), probabilities, atol=1e-6)


@given(predictions())
def test_the_confusion_matrix_holds_every_image_once(case):
    logits, labels = case
    matrix = metrics.confusion_matrix(logits, labels)
    assert matrix.sum() == len(labels)
    assert (matrix.sum(axis=1) == np.bincount(labels, minlength=4)).all()
    assert matrix.trace() / len(labels) == pytest.approx(metrics.accuracy(logits, labels))


@given(predictions())
def test_the_calibration_error_is_the_mean_gap_over_the_bins(case):
    logits, labels = case
    confidence, right = metrics.softmax(logits).max(axis=1), metrics.is_correct(logits, labels)
    gaps = 0.0
    for low, high in pairwise(np.linspace(0, 1, 16)):
        there = (low < confidence) & (confidence <= high)
        gaps += abs((confidence - right)[there].sum())
    error = metrics.calibration_error(logits, labels)
    assert error == pytest.approx(gaps / len(labels))
    # bins can only add gaps to the overall one
    assert abs(confidence.mean() - right.mean()) - 1e-9 <= error <= 1


def test_a_classifier_that_is_sure_and_always_wrong_is_off_by_one():
    logits = np.array([[1000.0, 0.0]] * 5)
    assert metrics.calibration_error(logits, np.ones(5, int)) == pytest.approx(1)
    assert metrics.calibration_error(logits, np.zeros(5, int)) == pytest.approx(0)
