"""Without CIFAR-10, its weights or all features, the cells of question 3 get something else."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from torch import nn
from torchvision.models import ResNet18_Weights, resnet18

from mmn13lib.foundation.settings import Settings
from mmn13lib.q3_transfer.answer import stand_ins
from mmn13lib.q3_transfer.data.sample import SampleCIFAR10
from mmn13lib.q3_transfer.results.records import Results

MakeResults = Callable[..., Results]


def test_torchvisions_own_class_reads_the_whole_data_set(
    made_up_results: MakeResults, tmp_path: Path
) -> None:
    inputs = replace(made_up_results().inputs, data=tmp_path)
    assert stand_ins.stand_in(inputs) is None
    assert stand_ins.stand_in(replace(inputs, mode="sample")) is SampleCIFAR10


def test_weights_of_a_file_or_random_ones_stand_in_for_imagenets(
    made_up_results: MakeResults, tmp_path: Path
) -> None:
    weights = tmp_path / "given.pth"
    there = resnet18().state_dict()
    torch.save(there, weights)
    inputs = replace(made_up_results().inputs, weights=weights)
    assert stand_ins.stand_in_model(inputs) is None
    model = stand_ins.stand_in_model(replace(inputs, mode="other-weights"))
    assert torch.equal(model.conv1.weight, there["conv1.weight"])
    for mode in ("imagenet", "sample"):  # in a submission no weights travel
        random = stand_ins.stand_in_model(replace(inputs, mode=mode, weights=None))
        assert not torch.equal(random.conv1.weight, there["conv1.weight"])


def test_the_few_images_are_apart_in_training_and_validation(
    capsys: pytest.CaptureFixture[str],
) -> None:
    class FewImages(list):
        targets = tuple(range(60))

    images = FewImages((torch.full((1, 2), float(number)), number) for number in range(60))
    parts = stand_ins.few_features(nn.Flatten(), images, images)
    assert all((features[:, 0] == labels).all() for features, labels in parts.values())
    assert [len(labels) for _, labels in parts.values()] == [40, 10, 20]
    assert not {*parts["train"][1].tolist()} & {*parts["validation"][1].tolist()}
    assert "50 training, 20 test images" in capsys.readouterr().out


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
        stand_ins.offer_weights(settings, replace(inputs, weights=weights))
    found = resnet18(weights=ResNet18_Weights.IMAGENET1K_V1).state_dict()
    assert torch.equal(found["conv1.weight"], there["conv1.weight"])
    stand_ins.offer_weights(settings, replace(inputs, weights=None))
