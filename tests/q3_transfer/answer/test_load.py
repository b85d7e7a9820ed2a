"""Results come back as they were stored, and what is damaged is never shown."""

from collections.abc import Callable
from dataclasses import fields, replace
from pathlib import Path

import numpy as np
import pytest
import torch
from torchvision.models import ResNet18_Weights, resnet18

from mmn13lib.foundation.settings import Settings
from mmn13lib.foundation.storage import Damaged
from mmn13lib.q3_transfer.answer import load
from mmn13lib.q3_transfer.results import records
from mmn13lib.q3_transfer.results.records import Results

MakeResults = Callable[..., Results]


def test_results_come_back_as_they_were(made_up_results: MakeResults, tmp_path: Path) -> None:
    made = made_up_results()
    records.write(tmp_path, made)
    read = records.read(tmp_path, made.inputs)
    for name in ("head", "small_resnet"):
        np.testing.assert_equal(vars(getattr(read, name)), vars(getattr(made, name)))
    for field in fields(Results):
        if field.name not in ("head", "small_resnet", "small_resnet_weights"):
            np.testing.assert_equal(getattr(read, field.name), getattr(made, field.name))
    made_weights = made.small_resnet_weights
    torch.testing.assert_close(read.small_resnet_weights, made_weights, rtol=0, atol=0)


def test_altered_results_are_not_read(made_up_results: MakeResults, tmp_path: Path) -> None:
    made = made_up_results()
    records.write(tmp_path, made)
    content = bytearray((tmp_path / records.FILE).read_bytes())
    content[len(content) // 2] ^= 1
    (tmp_path / records.FILE).write_bytes(content)
    with pytest.raises(Damaged, match=records.FILE):
        records.read(tmp_path, made.inputs)


def test_torchvision_loads_the_weights_that_are_here_and_connects_to_nothing(
    made_up_results: MakeResults,
    settings: Settings,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    weights = tmp_path / "given.pth"
    there = resnet18().state_dict()
    torch.save(there, weights)
    monkeypatch.setattr(torch.hub, "download_url_to_file", lambda *_: pytest.fail("downloads"))
    inputs = made_up_results().inputs
    for _ in range(2):
        load.offer_weights(settings, replace(inputs, weights=weights))
    found = resnet18(weights=ResNet18_Weights.IMAGENET1K_V1).state_dict()
    assert torch.equal(found["conv1.weight"], there["conv1.weight"])
    load.offer_weights(settings, replace(inputs, weights=None))
