"""Features are the network's own, whatever the batches."""

import copy

import torch
from torch import nn

from mmn13lib.q3_transfer.data.preprocessing import preprocess
from mmn13lib.q3_transfer.models import features
from mmn13lib.q3_transfer.models.backbone import FrozenResNet18
from mmn13lib.q3_transfer.models.features import extract, feature_network

CPU = torch.device("cpu")
IMAGES = torch.randint(0, 256, (10, 3, 32, 32), dtype=torch.uint8)


def test_folded_features_are_those_of_the_plain_network() -> None:
    model = FrozenResNet18()
    for layer in model.modules():  # statistics as a trained network has them
        if isinstance(layer, nn.BatchNorm2d):
            nn.init.uniform_(layer.running_mean, -0.1, 0.1)
            nn.init.uniform_(layer.running_var, 0.5, 2.0)
            nn.init.uniform_(layer.weight, 0.5, 1.5)
    network = feature_network(model, CPU, torch.float32)
    assert not any(isinstance(layer, nn.BatchNorm2d) for layer in network.modules())
    plain = copy.deepcopy(model)
    plain.fc = nn.Identity()
    with torch.no_grad():
        expected = plain(preprocess(IMAGES[:3]))
    scale = expected.abs().max()
    assert (extract(network, IMAGES[:3]) - expected).abs().max() < 1e-5 * scale


def test_batches_do_not_change_the_features(monkeypatch) -> None:
    average = nn.Sequential(nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(3, 512))
    whole = extract(average, IMAGES)
    monkeypatch.setattr(features, "CPU_BATCH", 3)
    parts = extract(average, IMAGES)
    assert torch.allclose(whole, parts, atol=1e-5)
