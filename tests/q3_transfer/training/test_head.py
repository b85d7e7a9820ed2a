"""The head learns from stored features what it would learn through the whole network."""

import pytest
import torch
from torch import Tensor, nn

from mmn13lib.q3_transfer.data.datasets import as_tensors
from mmn13lib.q3_transfer.data.preprocessing import preprocess
from mmn13lib.q3_transfer.data.sample import SampleCIFAR10
from mmn13lib.q3_transfer.models.backbone import FrozenResNet18, new_head
from mmn13lib.q3_transfer.models.features import feature_network
from mmn13lib.q3_transfer.training.head import (
    HeadSettings,
    loss_above_optimum,
    train_classifier,
    train_head,
)

SETTINGS = HeadSettings(num_epochs=2, batch_size=10)


@pytest.fixture(scope="module")
def sample() -> tuple[Tensor, Tensor]:
    return as_tensors(SampleCIFAR10())


def test_stored_features_give_the_head_of_the_whole_network(sample) -> None:
    # in float64, because Adam makes much of float32's rounding where gradients cancel
    images, labels = preprocess(sample[0][:12])[..., :64, :64].double(), sample[1][:12]
    model = FrozenResNet18(seed=3).double()
    on_features = new_head(seed=3).double()
    network = feature_network(model, torch.device("cpu"), torch.float64)
    with torch.no_grad():
        features = network(images)
    train_classifier(on_features, features, labels, SETTINGS, seed=5)
    train_classifier(model.train(), images, labels, SETTINGS, seed=5)
    assert not torch.equal(model.fc.weight, new_head(seed=3).weight.double())
    assert (model.fc.weight - on_features.weight).abs().max() <= 1e-9
    assert (model.fc.bias - on_features.bias).abs().max() <= 1e-9


def test_a_head_learns_separable_features_and_records_each_epoch() -> None:
    labels = torch.arange(200) % 10
    features = torch.randn(10, 512)[labels] + 0.1 * torch.randn(200, 512)
    head = new_head(seed=0)
    records = train_head(head, features, labels, SETTINGS, seed=0)
    assert torch.equal(head(features).argmax(1), labels)
    assert records[1].train_loss < records[0].train_loss


def test_the_head_takes_features_as_they_come_whatever_their_scale() -> None:
    labels = torch.arange(100) % 10
    features = torch.randn(100, 512).double()
    scale, shift = torch.logspace(-3, 3, 512), torch.linspace(-50, 50, 512)
    scaled = features * scale + shift
    scaled[:, 7] = features[:, 7] = 3.0  # one that never varies
    heads = new_head(seed=0), new_head(seed=0)
    for head, given in zip(heads, (features, scaled), strict=True):
        train_head(head.double(), given, labels, SETTINGS, seed=0)
    logits = [head(given) for head, given in zip(heads, (features, scaled), strict=True)]
    torch.testing.assert_close(*logits, rtol=1e-3, atol=1e-3)
    assert isinstance(heads[1], nn.Linear) and heads[1].weight.isfinite().all()


def test_a_long_training_ends_near_the_optimum_and_a_short_one_does_not() -> None:
    torch.manual_seed(0)
    features, labels = torch.randn(300, 20).relu(), torch.randint(3, (300,))
    gaps = []
    for epochs in (1, 60):
        head = nn.Linear(20, 3)
        settings = HeadSettings(num_epochs=epochs, batch_size=30, weight_decay=0.01)
        train_head(head, features, labels, settings, seed=0)
        gaps.append(loss_above_optimum(head, features, labels, 0.01))
    assert -1e-6 < gaps[1] < 1e-3 < 1e-2 < gaps[0]


@pytest.mark.parametrize("count", [1, 10, 100, 500, 45_000])
def test_few_labels_get_no_fewer_steps(count: int) -> None:
    settings = HeadSettings().for_images(count)
    steps = settings.num_epochs * -(-count // settings.batch_size)
    assert steps >= 990
    assert settings.num_epochs >= HeadSettings().num_epochs
