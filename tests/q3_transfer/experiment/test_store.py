"""Steps and features are made once, survive kills and damage, and say how they were made."""

import errno
import os
from collections.abc import Callable
from contextlib import contextmanager
from pathlib import Path

import pytest
import torch
from support.tiny_network import Average
from torch import Tensor, nn

from mmn13lib.foundation import storage
from mmn13lib.foundation.errors import UserError
from mmn13lib.foundation.hardware import Load
from mmn13lib.q3_transfer.experiment import store
from mmn13lib.q3_transfer.experiment.store import Made, joined, stored, stored_features

IMAGES = torch.randint(0, 256, (10, 3, 32, 32), dtype=torch.uint8)


@pytest.fixture
def made() -> list[nn.Module]:
    return []


@pytest.fixture
def network(made: list[nn.Module]) -> Callable[[], nn.Module]:
    def make() -> nn.Module:
        made.append(Average())
        return made[-1]

    return make


def features(folder: Path, network: Callable[[], nn.Module]) -> Tensor:
    return joined(stored_features(folder, IMAGES, network, print, shard_size=4))


def step(number: int) -> Callable[[], Made]:
    return lambda: ({"made": number}, {"logits": torch.arange(3.0) + number})


def test_a_step_is_made_once(tmp_path: Path) -> None:
    path = tmp_path / "head" / "0123.safetensors"
    for number in range(2):
        found = stored(path, step(number), print)
        assert found.values == {"made": 0}
        assert torch.equal(found.tensors["logits"], torch.arange(3.0))
        assert found.seconds > 0


def test_a_damaged_step_is_made_again_with_a_line_that_says_so(tmp_path: Path) -> None:
    lines: list[str] = []
    path = tmp_path / "0123.safetensors"
    stored(path, step(1), lines.append)
    path.write_bytes(path.read_bytes()[:-1])
    assert stored(path, step(2), lines.append).values == {"made": 2}
    (line,) = lines
    assert "0123.safetensors was truncated or altered" in line


def test_halves_of_two_makings_never_pair(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Killed before any of its writes, a second making leaves the first or nothing."""
    replace = storage._replace
    for last in range(3):
        path = tmp_path / f"{last}.safetensors"
        stored(path, step(1), print)
        path.write_bytes(b"damaged")
        writes = iter(range(10))

        def killed(*arguments: object, last: int = last, writes=writes) -> None:
            if next(writes) == last:
                raise KeyboardInterrupt
            replace(*arguments)

        with monkeypatch.context() as patched:
            patched.setattr(storage, "_replace", killed)
            try:
                stored(path, step(2), print)
            except KeyboardInterrupt:
                assert store.read(path, print) is None
        found = stored(path, step(2), print)
        assert found.values == {"made": 2}
        assert torch.equal(found.tensors["logits"], torch.arange(3.0) + 2)


def test_a_step_keeps_the_machine_and_the_load_that_it_was_made_under(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    @contextmanager
    def busy():
        yield Load(others=0.5)

    path = tmp_path / "0123.safetensors"
    monkeypatch.setattr(store, "hardware", lambda: {"cpu": "the first"})
    monkeypatch.setattr(store, "load_watch", busy)
    first = stored(path, step(1), print).made
    assert (first["hardware"], first["others"]) == ({"cpu": "the first"}, 0.5)
    monkeypatch.setattr(store, "hardware", lambda: {"cpu": "another"})
    assert stored(path, step(1), print).made == first


def test_the_load_of_a_training_that_went_on_is_not_known(tmp_path: Path) -> None:
    """An hour of its epochs was another process's, of which nobody has watched the load."""
    history = [{"seconds": 1800.0}, {"seconds": 1800.0}]
    found = stored(tmp_path / "x.safetensors", lambda: ({"history": history}, {}), print)
    assert found.seconds == 3600
    assert found.made["others"] is None


def test_stored_features_are_found_again(tmp_path: Path, network, made) -> None:
    first = features(tmp_path, network)
    assert torch.equal(features(tmp_path, network), first)
    assert len(made) == 1
    assert len(list(tmp_path.glob("*.safetensors"))) == 3


def test_a_kill_loses_the_unfinished_shard_alone(tmp_path: Path, network) -> None:
    expected = features(tmp_path / "undisturbed", network)
    finished: list[int] = []

    def killed_in_the_second_shard(count: int) -> None:
        finished.append(count)
        if len(finished) == 2:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        stored_features(tmp_path, IMAGES, network, print, killed_in_the_second_shard, shard_size=4)
    assert [file.name for file in tmp_path.glob("*.safetensors")] == ["00000-00004.safetensors"]
    assert torch.equal(features(tmp_path, network), expected)


@pytest.mark.parametrize("spoil", [lambda whole: whole[:-9], lambda whole: whole[:-1] + b"?"])
def test_a_truncated_or_altered_shard_is_noticed_and_made_again(
    spoil, tmp_path: Path, network, capsys: pytest.CaptureFixture[str]
) -> None:
    expected = features(tmp_path, network)
    shard = tmp_path / "00004-00008.safetensors"
    shard.write_bytes(spoil(shard.read_bytes()))
    assert torch.equal(features(tmp_path, network), expected)
    assert "00004-00008.safetensors was truncated or altered" in capsys.readouterr().out


def test_progress_counts_every_image(tmp_path: Path, network) -> None:
    for _ in ("computed", "read"):
        counts: list[int] = []
        stored_features(tmp_path, IMAGES, network, print, counts.append, shard_size=4)
        assert sum(counts) == len(IMAGES)


def test_a_full_disk_is_a_clear_error(
    tmp_path: Path, network, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(storage, "_replace", full)
    with pytest.raises(UserError, match="disk is full"):
        features(tmp_path, network)


def test_sixty_thousand_images_take_at_most_125_megabytes(tmp_path: Path, network) -> None:
    features(tmp_path, network)
    size = (tmp_path / "00000-00004.safetensors").stat().st_size
    header = 1000
    assert size <= 4 * 512 * 4 + header
    assert 60_000 * 512 * 4 + 30 * header <= 125e6
