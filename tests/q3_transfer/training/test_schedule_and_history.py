"""The learning rate's schedule and the record of an epoch."""

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from mmn13lib.q3_transfer.training.history import EpochMeter
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


def test_a_record_sums_up_the_images_of_its_batches() -> None:
    history = []
    for _ in range(2):
        meter = EpochMeter()
        meter.add(torch.tensor(1.0), torch.eye(3), torch.tensor([0, 1, 0]))
        meter.add(torch.tensor(3.0), torch.eye(3)[:1], torch.tensor([0]))
        validated = torch.eye(4), torch.tensor([0, 3, 3, 0])
        history.append(meter.record(history, validated))
    assert (history[1].epoch, history[1].updates) == (2, 4)
    assert history[1].train_loss == pytest.approx((3 * 1 + 3) / 4)
    assert history[1].train_accuracy == 0.75
    assert history[1].validation_accuracy == 0.25
    assert history[1].seconds >= 0
