"""The learning rate's schedule."""

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from mmn13lib.q3_transfer.training.schedule import linear_warmup_and_decay


def rates(num_updates: int, warmup: float) -> list[float]:
    optimizer = torch.optim.SGD([torch.zeros(1, requires_grad=True)], lr=2.0)
    schedule = linear_warmup_and_decay(optimizer, num_updates, warmup)
    found = []
    for _ in range(num_updates):
        found.append(optimizer.param_groups[0]["lr"])
        optimizer.step()
        schedule.step()
    return found


def test_the_rate_rises_and_falls_in_lines() -> None:
    assert rates(7, 0.25) == pytest.approx([1.0, 2.0, *(2 * left / 6 for left in (5, 4, 3, 2, 1))])


@given(st.integers(1, 40), st.floats(0.01, 0.99))
def test_no_update_is_without_a_rate_or_above_the_highest(num_updates, warmup) -> None:
    assert all(0 < rate <= 2 for rate in rates(num_updates, warmup))
