"""A training that is cut off anywhere ends as one left alone."""

import logging
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from torch import nn

from mmn13lib.q3_transfer.training.checkpoint import Training
from mmn13lib.q3_transfer.training.history import EpochMeter
from mmn13lib.q3_transfer.training.schedule import linear_warmup_and_decay

EPOCHS = 5


def training(optimizer: type = torch.optim.AdamW) -> Training:
    """Make a regression with momentum, small enough to train in milliseconds."""
    torch.manual_seed(0)
    model = nn.Sequential(nn.Linear(3, 4), nn.BatchNorm1d(4), nn.Linear(4, 2))
    steps = optimizer(model.parameters(), lr=0.1)
    schedule = linear_warmup_and_decay(steps, EPOCHS, warmup_share=0.25)
    return Training(model, steps, schedule, torch.Generator().manual_seed(1), [])


def train(run: Training, checkpoint: Path, until: int = EPOCHS) -> Training:
    run.restore(checkpoint)
    while len(run.history) < until:
        meter = EpochMeter()
        labels = torch.randint(2, (8,), generator=run.generator)
        logits = run.model(torch.randn(8, 3, generator=run.generator))
        loss = nn.functional.cross_entropy(logits, labels)
        run.optimizer.zero_grad()
        loss.backward()
        run.optimizer.step()
        run.schedule.step()
        meter.add(loss, logits, labels)
        run.history.append(meter.record())
        run.save(checkpoint)
    return run


def state(run: Training) -> list[object]:
    """Take the weights' and buffers' bytes and the history without times."""
    tensors = [tensor.numpy().tobytes() for tensor in run.model.state_dict().values()]
    return [*tensors, *(replace(record, seconds=0) for record in run.history)]


def momentum(parameters, lr: float) -> torch.optim.SGD:
    return torch.optim.SGD(parameters, lr=lr, momentum=0.9, nesterov=True)


@pytest.mark.parametrize("optimizer", [torch.optim.AdamW, momentum, torch.optim.SGD])
@pytest.mark.parametrize("killed_after", [1, 2, 4])
def test_a_killed_training_ends_with_the_bits_of_an_undisturbed_one(
    tmp_path: Path, killed_after: int, optimizer
) -> None:
    undisturbed = train(training(optimizer), tmp_path / "undisturbed")
    train(training(optimizer), tmp_path / "killed", until=killed_after)
    again = train(training(optimizer), tmp_path / "killed")
    assert state(again) == state(undisturbed)
    assert len(again.history) == EPOCHS


@pytest.mark.parametrize("spoil", [lambda whole: whole[:-7], lambda whole: whole[:-1] + b"?"])
def test_a_damaged_checkpoint_is_said_and_trained_again(spoil, tmp_path, caplog) -> None:
    checkpoint = tmp_path / "checkpoint"
    expected = train(training(), checkpoint)
    checkpoint.write_bytes(spoil(checkpoint.read_bytes()))
    with caplog.at_level(logging.WARNING):
        assert state(train(training(), checkpoint)) == state(expected)
    assert "truncated or altered: the training starts again" in caplog.text
