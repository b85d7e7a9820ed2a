"""Features are the network's own, computed once, and survive kills and damage."""

import copy
import errno
import logging
import os
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from torch import Tensor, nn

from mmn13lib.foundation import storage
from mmn13lib.foundation.errors import UserError
from mmn13lib.q3_transfer.data.preprocessing import preprocess
from mmn13lib.q3_transfer.experiment.shards import stored_features
from mmn13lib.q3_transfer.models.backbone import TransferResNet
from mmn13lib.q3_transfer.models.features import extract, feature_network

CPU = torch.device("cpu")
IMAGES = torch.randint(0, 256, (10, 3, 32, 32), dtype=torch.uint8)


def test_folded_features_are_those_of_the_plain_network() -> None:
    model = TransferResNet()
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


class Average(nn.Module):
    """A network so small that the tests of storage are quick."""

    def __init__(self) -> None:
        super().__init__()
        self.scale = nn.Parameter(torch.ones(()))

    def forward(self, images: Tensor) -> Tensor:
        return self.scale * images.mean((1, 2, 3))[:, None].expand(-1, 512)


@pytest.fixture
def made() -> list[nn.Module]:
    return []


@pytest.fixture
def network(made: list[nn.Module]) -> Callable[[], nn.Module]:
    def make() -> nn.Module:
        made.append(Average())
        return made[-1]

    return make


def stored(folder: Path, network: Callable[[], nn.Module]) -> Tensor:
    return stored_features(folder, IMAGES, network, shard_size=4).features


def test_batches_do_not_change_the_features() -> None:
    whole, parts = extract(Average(), IMAGES), extract(Average(), IMAGES, batch_size=3)
    assert torch.allclose(whole, parts)


def test_stored_features_are_found_again(tmp_path: Path, network, made) -> None:
    first = stored(tmp_path, network)
    assert torch.equal(stored(tmp_path, network), first)
    assert len(made) == 1
    assert len(list(tmp_path.glob("*.safetensors"))) == 3


def test_a_kill_loses_the_unfinished_shard_alone(tmp_path: Path, network, made) -> None:
    expected = stored(tmp_path / "undisturbed", network)
    finished: list[int] = []

    def killed_in_the_second_shard(count: int) -> None:
        finished.append(count)
        if len(finished) == 2:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        stored_features(tmp_path, IMAGES, network, killed_in_the_second_shard, shard_size=4)
    assert [file.name for file in tmp_path.glob("*.safetensors")] == ["00000.safetensors"]
    assert torch.equal(stored(tmp_path, network), expected)


@pytest.mark.parametrize("spoil", [lambda whole: whole[:-9], lambda whole: whole[:-1] + b"?"])
def test_a_truncated_or_altered_shard_is_noticed_and_made_again(
    spoil, tmp_path: Path, network, caplog: pytest.LogCaptureFixture
) -> None:
    expected = stored(tmp_path, network)
    shard = tmp_path / "00004.safetensors"
    shard.write_bytes(spoil(shard.read_bytes()))
    with caplog.at_level(logging.WARNING):
        assert torch.equal(stored(tmp_path, network), expected)
    assert "00004.safetensors was truncated or altered: its features are computed again" in (
        caplog.text
    )


def test_progress_counts_every_image(tmp_path: Path, network) -> None:
    for _ in ("computed", "read"):
        counts: list[int] = []
        stored_features(tmp_path, IMAGES, network, counts.append, shard_size=4)
        assert sum(counts) == len(IMAGES)


def test_a_full_disk_is_a_clear_error(
    tmp_path: Path, network, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(storage, "_replace", full)
    with pytest.raises(UserError, match="disk is full"):
        stored(tmp_path, network)


def test_sixty_thousand_images_take_at_most_125_megabytes(tmp_path: Path, network) -> None:
    stored(tmp_path, network)
    size = (tmp_path / "00000.safetensors").stat().st_size
    header = 300
    assert size <= 4 * 512 * 4 + header
    assert 60_000 * 512 * 4 + 30 * header <= 125e6
