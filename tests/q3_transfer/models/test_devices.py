"""On a device of its own, as on a GPU, everything is moved there and back, and waited for."""

import contextlib
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from support.other_device import OTHER, Elsewhere, OtherDevice
from support.tiny_images import TINY, tiny_images

from mmn13lib.foundation.steps import Task
from mmn13lib.q3_transfer.data.preprocessing import preprocess
from mmn13lib.q3_transfer.experiment.small_resnet import small_resnet
from mmn13lib.q3_transfer.models import costs
from mmn13lib.q3_transfer.models.features import extract
from mmn13lib.q3_transfer.models.gradcam import gradcam
from mmn13lib.q3_transfer.models.small_resnet import SmallResNet
from mmn13lib.q3_transfer.training import from_scratch
from mmn13lib.q3_transfer.training.from_scratch import predict_logits, train_small_resnet


@pytest.fixture(autouse=True)
def device(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setattr(torch, "autocast", lambda *_, **__: contextlib.nullcontext())
    monkeypatch.setattr(from_scratch, "choose_dtype", lambda device: torch.float32)
    OtherDevice.waits.clear()
    with OtherDevice():
        yield


def test_smallresnet_trains_and_classifies_there(tmp_path: Path) -> None:
    images, labels = tiny_images()
    settings = replace(TINY, num_epochs=1)
    _, expected = train_small_resnet(images, labels, settings, 0, "cpu")
    model, history = train_small_resnet(images, labels, settings, 0, OTHER)
    assert all(isinstance(parameter, Elsewhere) for parameter in model.parameters())
    # off the CPU, torchvision rounds an enlarged pixel to the other grey level now and then
    assert history[0].train_loss == pytest.approx(expected[0].train_loss, rel=0.05)
    assert not isinstance(predict_logits(model, images, OTHER), Elsewhere)
    step = Task(tmp_path, small_resnet, (images, labels), images, settings, 0, OTHER.type).do()
    assert step.tensors.keys() > {f"model.{name}" for name in model.state_dict()}


def test_features_and_heat_maps_come_back_from_there() -> None:
    images, _ = tiny_images(5)
    network = SmallResNet(num_classes=512, channels=(4, 8, 8)).eval()
    expected = extract(network, images)
    heat = gradcam(network, preprocess(images), torch.arange(5))
    network.to(OTHER)
    found = extract(network, images)
    assert not isinstance(found, Elsewhere)
    torch.testing.assert_close(found, expected, rtol=0.02, atol=0.02)
    moved = gradcam(network, preprocess(images).to(OTHER), torch.arange(5))
    assert moved == pytest.approx(heat, abs=0.05)


def test_the_clock_waits_for_the_device_in_each_batch(monkeypatch: pytest.MonkeyPatch) -> None:
    looks: list[int] = []

    def clock() -> float:
        looks.append(len(OtherDevice.waits))
        return float(len(looks))

    monkeypatch.setattr(costs.time, "perf_counter", clock)
    monkeypatch.setattr(costs, "for_inference", lambda model, *_: model)
    model = SmallResNet(channels=(2, 2, 2)).eval().to(OTHER)
    speed = costs.images_per_second(model, OTHER, torch.float32, num_batches=2, batch_size=3)
    assert looks == [0, 1, 1, 2, 2, 3]
    assert speed == 3
