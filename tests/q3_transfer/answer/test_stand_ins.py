"""Question 3's cells make torchvision's calls, whatever data and weights are here."""

from dataclasses import replace
from pathlib import Path
from urllib.error import URLError

import pytest
import torch
from torchvision import datasets, models
from torchvision.models import ResNet18_Weights, resnet18

from mmn13lib.foundation.errors import UserError
from mmn13lib.q3_transfer.answer.stand_ins import bind
from mmn13lib.q3_transfer.data.inputs import IMAGENET_WEIGHTS
from mmn13lib.q3_transfer.data.sample import SampleCIFAR10

WEIGHTS = ResNet18_Weights.IMAGENET1K_V1


@pytest.fixture
def inputs(made_up_results, tmp_path):
    """Give inputs as they are in a submission, where neither data nor weights are."""
    made = made_up_results().inputs
    fingerprint = {"weights": IMAGENET_WEIGHTS.sha256}
    return replace(made, data=tmp_path, weights=None, fingerprint=fingerprint)


@pytest.fixture
def given(tmp_path: Path) -> Path:
    torch.save(resnet18().state_dict(), tmp_path / "given.pth")
    return tmp_path / "given.pth"


def offline(*_, **__):
    raise URLError("no network")


def test_the_sample_is_read_by_the_same_calls_with_the_same_random_weights(
    made_up_results, tmp_path
):
    inputs = replace(made_up_results(mode="sample").inputs, data=tmp_path)
    data, networks, root, found = bind(inputs)
    images = data.CIFAR10(root, train=True, download=True, transform=None)
    assert isinstance(images, SampleCIFAR10)
    first, second = (networks.resnet18(weights=WEIGHTS).conv1.weight for _ in range(2))
    assert torch.equal(first, second)
    assert found == inputs


def test_weights_that_were_given_are_read_and_named(inputs, given, capsys):
    _, networks, _, found = bind(replace(inputs, weights=given))
    model = networks.resnet18(weights=networks.ResNet18_Weights.IMAGENET1K_V1)
    assert torch.equal(model.conv1.weight, torch.load(given)["conv1.weight"])
    assert "given.pth" in found.weights_words
    assert "stored results were made with ImageNet weights" in capsys.readouterr().out


def test_torchvision_gets_what_is_not_here(inputs, monkeypatch, capsys):
    monkeypatch.setattr(datasets, "CIFAR10", lambda root, **options: (root, options))
    monkeypatch.setattr(models, "resnet18", lambda weights: weights)
    data, networks, root, found = bind(inputs)
    assert data.CIFAR10(root, train=False, download=True) == (
        inputs.data, {"train": False, "download": True},
    )  # fmt: skip
    assert networks.resnet18(weights=WEIGHTS) == WEIGHTS
    assert found.weights_words == "ImageNet weights, IMAGENET1K_V1"
    assert found.weights.name == IMAGENET_WEIGHTS.name  # where torchvision puts them
    assert not capsys.readouterr().out


def test_without_a_network_one_sentence_says_what_to_do(inputs, monkeypatch):
    monkeypatch.setattr(datasets, "CIFAR10", offline)
    monkeypatch.setattr(models, "resnet18", offline)
    data, networks, root, _ = bind(inputs)
    with pytest.raises(UserError, match="MMN13_DATA") as raised:
        data.CIFAR10(root, train=True, download=True)
    assert raised.value._render_traceback_() == [str(raised.value)]  # all that a notebook shows
    with pytest.raises(UserError, match="MMN13_WEIGHTS"):
        networks.resnet18(weights=WEIGHTS)
