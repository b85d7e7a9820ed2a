"""Intervals and tests are the textbooks'."""

from itertools import product

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mmn13lib.q3_transfer.results import significance


@given(st.integers(1, 10_000), st.data())
def test_the_wilson_interval_holds_the_share_and_stays_a_proportion(count, data):
    successes = data.draw(st.integers(0, count))
    low, high = significance.wilson_interval(successes, count)
    assert 0 <= low <= successes / count <= high <= 1
    mirrored = significance.wilson_interval(count - successes, count)
    assert mirrored == pytest.approx((1 - high, 1 - low))


def test_the_wilson_interval_is_the_textbooks():
    # Newcombe, Statistics in Medicine 17 (1998), table I: 81 of 263, and 0 of 20
    assert significance.wilson_interval(81, 263) == pytest.approx((0.2553, 0.3662), abs=5e-5)
    assert significance.wilson_interval(0, 20) == pytest.approx((0.0, 0.1611), abs=5e-5)


@pytest.mark.parametrize(("successes", "count"), [(1, 0), (-1, 5), (6, 5)])
def test_what_is_no_proportion_is_refused(successes, count):
    with pytest.raises(ValueError, match="successes"):
        significance.wilson_interval(successes, count)


@given(st.lists(st.tuples(st.booleans(), st.booleans()), min_size=1, max_size=9))
def test_mcnemar_is_the_share_of_throws_of_a_coin_that_are_as_uneven(outcomes):
    first, second = np.array(outcomes).T
    _, b, c, _ = significance.agreement(first, second)
    throws = [sum(throw) for throw in product((0, 1), repeat=b + c)]
    as_uneven = [abs(2 * heads - b - c) >= abs(b - c) for heads in throws]
    assert significance.mcnemar(first, second) == pytest.approx(np.mean(as_uneven))
    assert significance.mcnemar(first, second) == significance.mcnemar(second, first)


def test_mcnemar_of_many_disagreements_is_small_and_does_not_overflow():
    first = np.arange(9000) < 6000
    assert significance.mcnemar(first, ~first) < 1e-200
    assert significance.mcnemar(first, first) == 1


@given(st.lists(st.tuples(st.booleans(), st.booleans()), min_size=1, max_size=60))
def test_the_paired_interval_holds_the_difference_and_turns_with_it(outcomes):
    first, second = np.array(outcomes).T
    low, high = significance.paired_interval(first, second)
    assert -1 - 1e-12 <= low <= first.mean() - second.mean() <= high <= 1 + 1e-12
    assert significance.paired_interval(second, first) == pytest.approx((-high, -low))


def test_the_paired_interval_is_about_as_wide_as_a_large_samples_standard_error():
    generator = np.random.default_rng(0)
    first = generator.random(10_000) < 0.88
    second = np.where(generator.random(10_000) < 0.1, generator.random(10_000) < 0.5, first)
    low, high = significance.paired_interval(first, second)
    difference = first.astype(float) - second
    half = 1.96 * difference.std() / 100
    expected = difference.mean() - half, difference.mean() + half
    assert (low, high) == pytest.approx(expected, abs=2e-4)


@pytest.mark.parametrize(("share", "count"), [(0.5, 40), (0.9, 40), (0.9, 200)])
def test_ninety_five_of_a_hundred_paired_intervals_hold_the_true_difference(share, count):
    generator = np.random.default_rng(1)
    held = 0
    for _ in range(1000):
        both = generator.random(count) < share
        first = np.where(generator.random(count) < 0.3, generator.random(count) < 0.8, both)
        second = np.where(generator.random(count) < 0.3, generator.random(count) < 0.4, both)
        low, high = significance.paired_interval(first, second)
        held += low <= 0.3 * (0.8 - 0.4) <= high
    assert 0.93 <= held / 1000 <= 0.98
