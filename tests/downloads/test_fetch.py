"""`mmn13 fetch`: files that are whole, in their places, and asked for no more than needed."""

import stat
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from support.local_host import BATCHES, CONTENT, Host

from mmn13lib.downloads.fetch import fetch, unpack
from mmn13lib.downloads.hosts import CIFAR10_ARCHIVE
from mmn13lib.foundation.errors import UserError
from mmn13lib.foundation.settings import Settings
from mmn13lib.q3_transfer.data import inputs

Hosts = Callable[..., None]


def names(folder: Path) -> set[str]:
    return {path.name for path in folder.iterdir()}


def assert_all_there(settings: Settings) -> None:
    assert names(settings.downloads) == {"cifar-10-batches-py", "weights"}
    unpacked = (settings.downloads / "cifar-10-batches-py").iterdir()
    assert {file.name: file.read_bytes() for file in unpacked} == BATCHES
    assert (settings.downloads / "weights").read_bytes() == CONTENT["weights"]


def put_archive(settings: Settings, content: bytes = CONTENT["archive"]) -> Path:
    settings.downloads.mkdir(parents=True, exist_ok=True)
    (settings.downloads / "archive").write_bytes(content)
    return settings.downloads / "archive"


def test_data_are_unpacked_weights_stand_beside_them_and_nobody_is_asked_again(
    online: Settings, host: Host, hosts: Hosts
) -> None:
    hosts("good")
    assert fetch(online) == []
    assert_all_there(online)
    assert stat.S_IMODE((online.downloads / "weights").stat().st_mode) == 0o644
    host.asked.clear()
    assert fetch(online) == []
    assert not host.asked


def test_failure_is_remembered_for_an_hour_except_by_fetch_itself(
    online: Settings, host: Host, hosts: Hosts, monkeypatch: pytest.MonkeyPatch
) -> None:
    hosts("404")
    fetch(online, retry=False)
    host.asked.clear()
    hosts("good")
    (reason,) = fetch(online, retry=False)
    assert "minutes ago" in reason and not host.asked

    now = time.time()
    with monkeypatch.context() as later:
        later.setattr(time, "time", lambda: now + 3700)
        fetch(online, retry=False)
    assert host.asked

    (online.downloads / "cifar-10-batches-py" / "test_batch").write_bytes(b"damaged")
    hosts("404")
    fetch(online, retry=False)
    hosts("good")
    assert not fetch(online)


@pytest.mark.parametrize("content", [CONTENT["archive"][:5000], b"x" * len(CONTENT["archive"])])
def test_an_archive_put_there_by_hand_is_unpacked_only_if_it_is_the_published_one(
    content: bytes, settings: Settings, hosts: Hosts
) -> None:
    hosts("good")
    unpack(settings)  # there is none yet
    put_archive(settings, content)
    with pytest.raises(UserError, match=r"archive is corrupted .* run `mmn13 fetch`"):
        unpack(settings)
    put_archive(settings)
    unpack(settings)
    assert names(settings.downloads) == {"cifar-10-batches-py"}


def test_what_is_damaged_or_left_over_is_replaced(online: Settings, hosts: Hosts) -> None:
    hosts("good")
    put_archive(online, b"half")
    for leftover in (".unpacking", ".arriving"):
        (online.downloads / leftover / "of a killed process").mkdir(parents=True)
    said: list[str] = []
    assert not fetch(online, said.append)
    assert any("archive is corrupted (it has 4 bytes" in line for line in said)
    assert_all_there(online)


def test_a_full_disk_is_an_error_and_leaves_nothing_half(
    online: Settings, hosts: Hosts, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(path: Path, content: bytes) -> None:
        raise OSError(28, "No space left on device")

    hosts("good")
    monkeypatch.setattr(Path, "write_bytes", full)
    with pytest.raises(UserError, match="disk is full"):
        fetch(online)
    # an archive that is whole may stay for the next try
    assert names(online.downloads) == {"archive", "weights"}


def test_a_listener_that_leaves_is_no_fault_of_the_disk(online: Settings, hosts: Hosts) -> None:
    def leave(text: str) -> None:
        if "downloading from" in text:
            raise BrokenPipeError(32, "Broken pipe")

    hosts("good")
    with pytest.raises(BrokenPipeError):
        fetch(online, leave)


def test_the_files_are_those_that_torchvision_asks_for() -> None:
    from torchvision.datasets import CIFAR10
    from torchvision.models import ResNet18_Weights

    names = {name for name, _ in (*CIFAR10.train_list, *CIFAR10.test_list)}
    assert {file.name for file in inputs.CIFAR10_FILES} == {*names, CIFAR10.meta["filename"]}
    assert CIFAR10.url == CIFAR10_ARCHIVE.urls[-1]
    assert CIFAR10.base_folder == inputs.BATCHES
    name, digest = inputs.IMAGENET_WEIGHTS.name, inputs.IMAGENET_WEIGHTS.sha256
    assert ResNet18_Weights.IMAGENET1K_V1.url.endswith(f"/{name}")
    assert name == f"resnet18-{digest[:8]}.pth" and len(digest) == 64
