"""The record of an epoch."""

import pytest
import torch

from mmn13lib.q3_transfer.training.history import EpochMeter


def test_a_record_sums_up_the_images_of_its_batches() -> None:
    meter = EpochMeter()
    meter.add(torch.tensor(1.0), torch.eye(3), torch.tensor([0, 1, 0]))
    meter.add(torch.tensor(3.0), torch.eye(3)[:1], torch.tensor([0]))
    record = meter.record()
    assert record.train_loss == pytest.approx((3 * 1 + 3) / 4)
    assert record.train_accuracy == 0.75
    assert record.seconds >= 0
