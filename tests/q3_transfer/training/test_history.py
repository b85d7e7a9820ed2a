"""The record of an epoch."""

import pytest
import torch

from mmn13lib.q3_transfer.training.history import EpochMeter


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
