"""`mmn13 fetch`: files that are whole, in their places, and asked for no more than needed."""

import re
import stat
from collections.abc import Callable
from pathlib import Path

import pytest
from support.local_host import BATCHES, CONTENT, Host

from mmn13lib.downloads.fetch import fetch
from mmn13lib.downloads.hosts import CIFAR10_ARCHIVE
from mmn13lib.foundation.errors import UserError
from mmn13lib.foundation.settings import Settings
from mmn13lib.q3_transfer.data import inputs

Hosts = Callable[..., None]


def names(folder: Path) -> set[str]:
    return {path.name for path in folder.iterdir()}


def assert_all_there(settings: Settings) -> None:
    assert names(settings.downloads) == {"cifar-10-batches-py", "weights"}
    unpacked = settings.downloads / "cifar-10-batches-py"
    assert {name: (unpacked / name).read_bytes() for name in BATCHES} == BATCHES
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


BAD = {
    "404": "answered 404",
    "429": "answered 429",
    "wrong": "checksum is wrong",
    "page": "checksum is wrong",
    "cut": "broke off",
    "stall": "is silent",
    "mute": "is silent",
}


@pytest.mark.parametrize("manner", BAD)
def test_a_bad_host_is_left_for_the_next_and_what_it_did_is_said(
    manner: str, online: Settings, hosts: Hosts
) -> None:
    hosts(manner)
    (reason,) = fetch(online)
    assert re.search(BAD[manner], reason)
    assert names(online.downloads) == {"weights"}
    hosts(manner, "good")
    assert not fetch(online)


@pytest.mark.parametrize("content", [CONTENT["archive"][:5000], b"x" * len(CONTENT["archive"])])
def test_an_archive_put_there_by_hand_is_unpacked_only_if_it_is_the_published_one(
    content: bytes, settings: Settings, hosts: Hosts
) -> None:
    hosts("good")
    put_archive(settings, content)
    with pytest.raises(UserError, match=r"archive is corrupted .* run `mmn13 fetch`"):
        fetch(settings)
    put_archive(settings)
    fetch(settings)
    assert names(settings.downloads) == {"cifar-10-batches-py"}


def test_what_is_damaged_is_replaced(online: Settings, hosts: Hosts) -> None:
    hosts("good")
    put_archive(online, b"half")
    (online.downloads / "cifar-10-batches-py").mkdir()
    (online.downloads / "cifar-10-batches-py" / "test_batch").write_bytes(b"damaged")
    assert not fetch(online)
    assert_all_there(online)


def test_a_full_disk_is_an_error_and_the_archive_stays(
    online: Settings, hosts: Hosts, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*arguments: object, **options: object) -> None:
        raise OSError(28, "No space left on device")

    hosts("good")
    monkeypatch.setattr("tarfile.TarFile.extractall", full)
    with pytest.raises(OSError, match="No space"):
        fetch(online)
    assert (online.downloads / "archive").read_bytes() == CONTENT["archive"]


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
