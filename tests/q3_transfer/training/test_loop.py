"""The resumable training loop: a run cut off anywhere ends as one left alone."""

import logging
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import nn

from mmn13lib.foundation import storage
from mmn13lib.q3_transfer.training.loop import EpochResult, epoch_generator, fit, one_cycle


class Killed(BaseException):
    """Stands for SIGKILL: nothing in the package may catch it."""


class Run:
    """A regression with momentum, small enough to train in milliseconds."""

    def __init__(self, kill_in_epoch: int | None = None, optimizer: type = torch.optim.AdamW):
        torch.manual_seed(0)
        self.model = nn.Sequential(nn.Linear(3, 4), nn.BatchNorm1d(4), nn.Linear(4, 1))
        self.optimizer = optimizer(self.model.parameters(), lr=0.1)
        self.kill_in_epoch = kill_in_epoch
        self.trained_epochs: list[int] = []

    def train_one_epoch(self, epoch: int) -> EpochResult:
        self.trained_epochs.append(epoch)
        images = torch.randn(8, 3, generator=epoch_generator(1, epoch))
        loss = self.model(images).square().mean()
        self.optimizer.zero_grad()
        loss.backward()
        if epoch == self.kill_in_epoch:
            raise Killed
        self.optimizer.step()
        return EpochResult(loss.item() * 8, 4, 8)

    def fit(self, checkpoint: Path | None, fingerprint: str = "a run", **options):
        return fit(
            self.model,
            self.optimizer,
            5,
            self.train_one_epoch,
            checkpoint=checkpoint,
            fingerprint=fingerprint,
            **options,
        )


def without_times(records):
    return [replace(record, seconds=0, images_per_second=0) for record in records]


def assert_same_state(model: nn.Module, other: nn.Module) -> None:
    for (name, tensor), expected in zip(
        model.state_dict().items(), other.state_dict().values(), strict=True
    ):
        assert torch.equal(tensor, expected), name


@pytest.mark.parametrize("optimizer", [torch.optim.AdamW, torch.optim.Adam, torch.optim.SGD])
@pytest.mark.parametrize("kill_in_epoch", [0, 1, 4])
def test_a_killed_run_ends_with_the_bits_of_an_undisturbed_one(tmp_path, kill_in_epoch, optimizer):
    undisturbed = Run(optimizer=optimizer)
    expected = undisturbed.fit(None)
    with pytest.raises(Killed):
        Run(kill_in_epoch, optimizer).fit(tmp_path / "checkpoint")
    again = Run(optimizer=optimizer)
    records = again.fit(tmp_path / "checkpoint")
    assert_same_state(again.model, undisturbed.model)
    assert without_times(records) == without_times(expected)
    assert again.trained_epochs == list(range(kill_in_epoch, 5))


def test_a_finished_run_trains_no_more_and_keeps_its_records(tmp_path):
    first = Run().fit(tmp_path / "checkpoint", evaluate=lambda: 0.25)
    again = Run()
    assert again.fit(tmp_path / "checkpoint", evaluate=lambda: 0.5) == first
    assert again.trained_epochs == []
    assert first[0].validation_accuracy == 0.25
    assert first[0].train_accuracy == 0.5
    assert [record.epoch for record in first] == [1, 2, 3, 4, 5]


def test_every_record_is_on_disk_before_it_is_told(tmp_path):
    told = []

    def on_epoch(record):
        stored = storage.read_tensors(tmp_path / "checkpoint")["records"]
        told.append((record.epoch, len(stored), record.validation_accuracy))

    Run().fit(tmp_path / "checkpoint", on_epoch=on_epoch)
    assert told == [(epoch, epoch, None) for epoch in range(1, 6)]


def test_a_truncated_checkpoint_is_said_and_trained_again(tmp_path, caplog):
    checkpoint = tmp_path / "checkpoint"
    expected = Run().fit(checkpoint)
    checkpoint.write_bytes(checkpoint.read_bytes()[:-7])
    again = Run()
    with caplog.at_level(logging.WARNING):
        records = again.fit(checkpoint)
    assert without_times(records) == without_times(expected)
    assert again.trained_epochs == [0, 1, 2, 3, 4]
    assert "truncated or altered: the training starts again" in caplog.text


def test_another_runs_checkpoint_is_not_taken(tmp_path, caplog):
    Run().fit(tmp_path / "checkpoint", fingerprint="seed 0")
    again = Run()
    with caplog.at_level(logging.WARNING):
        again.fit(tmp_path / "checkpoint", fingerprint="seed 1")
    assert again.trained_epochs == [0, 1, 2, 3, 4]
    assert "of another training" in caplog.text


def test_each_epoch_and_each_seed_draws_its_own_numbers():
    drawn = {
        tuple(torch.rand(2, generator=epoch_generator(seed, epoch)).tolist())
        for seed in range(5)
        for epoch in range(5)
    }
    assert len(drawn) == 25


@given(st.floats(0, 1), st.floats(0.01, 0.99))
def test_the_learning_rate_never_leaves_its_range(progress, warmup):
    assert 0 <= one_cycle(progress, warmup) <= 1
