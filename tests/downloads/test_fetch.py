"""`mmn13 fetch`: files that are whole, in their places, and asked for no more than needed."""

import hashlib
import io
import os
import tarfile
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import IO, Any

import pytest
from support.local_host import (
    ARCHIVE,
    Host,
    Sources,
    assert_all_there,
    fetch,
    known,
    names,
    quiet,
)

from mmn13lib.downloads import resumable
from mmn13lib.downloads.hosts import CIFAR10_ARCHIVE
from mmn13lib.foundation import locks
from mmn13lib.foundation.errors import UserError
from mmn13lib.foundation.provenance import import_closure
from mmn13lib.foundation.settings import Settings
from mmn13lib.q3_transfer.data.inputs import BATCHES, CIFAR10_FILES, IMAGENET_WEIGHTS

NAMES = ("batches.meta", "data_batch_1", "test_batch")


def test_data_are_unpacked_and_weights_stand_beside_them(
    online: Settings, sources: Callable[..., Sources]
) -> None:
    assert fetch(online, quiet, sources=sources("good")) == []
    assert_all_there(online)


def test_a_second_fetch_asks_nobody(
    online: Settings, host: Host, sources: Callable[..., Sources]
) -> None:
    fetch(online, quiet, sources=sources("good"))
    host.asked.clear()
    assert not fetch(online, quiet, sources=sources("good"))
    assert not host.asked


def test_a_file_with_a_wrong_checksum_never_gets_its_name(
    online: Settings, sources: Callable[..., Sources]
) -> None:
    reasons = fetch(online, quiet, sources=sources("wrong", weights=("wrong",)))
    assert len(reasons) == 2
    assert all("checksum" in reason for reason in reasons)
    assert names(online.downloads) == set()


def test_failure_is_remembered_for_an_hour_except_by_fetch_itself(
    online: Settings, host: Host, sources: Callable[..., Sources], monkeypatch: pytest.MonkeyPatch
) -> None:
    fetch(online, quiet, retry=False, sources=sources("gone"))
    host.asked.clear()
    (reason,) = fetch(online, quiet, retry=False, sources=sources("good"))
    assert "minutes ago" in reason and not host.asked

    now = time.time()
    monkeypatch.setattr(time, "time", lambda: now + 3700)
    assert not fetch(online, quiet, retry=False, sources=sources("good"))


def test_fetch_itself_tries_whatever_is_remembered(
    online: Settings, sources: Callable[..., Sources]
) -> None:
    fetch(online, quiet, retry=False, sources=sources("gone"))
    assert not fetch(online, quiet, sources=sources("good"))


def test_a_damaged_memory_of_failures_is_ignored(
    online: Settings, sources: Callable[..., Sources]
) -> None:
    fetch(online, quiet, sources=sources("gone"))
    (online.cache / "failed-downloads.json").write_text("{")
    assert not fetch(online, quiet, retry=False, sources=sources("good"))


def test_offline_makes_no_connection(
    settings: Settings, sources: Callable[..., Sources], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(resumable, "build_opener", lambda *a, **k: pytest.fail("connected"))
    reasons = fetch(settings, quiet, sources=sources("good"))
    assert len(reasons) == 2 and "offline" in reasons[0]


def test_what_the_settings_name_is_not_downloaded(
    online: Settings, host: Host, sources: Callable[..., Sources], tmp_path: Path
) -> None:
    given = replace(online, data=tmp_path / "mine", weights=tmp_path / "mine.pth")
    assert fetch(given, quiet, sources=sources("good")) == []
    assert not host.asked and not online.downloads.exists()


def test_an_archive_put_there_by_hand_is_unpacked_offline(
    settings: Settings, sources: Callable[..., Sources]
) -> None:
    settings.downloads.mkdir(parents=True)
    (settings.downloads / "archive").write_bytes(ARCHIVE)
    (reason,) = fetch(settings, quiet, sources=sources("good"))
    assert "weights" in reason
    assert names(settings.downloads) == {"cifar-10-batches-py"}


def test_a_truncated_archive_is_noticed_and_continued(
    online: Settings, host: Host, sources: Callable[..., Sources]
) -> None:
    online.downloads.mkdir(parents=True)
    (online.downloads / "archive").write_bytes(ARCHIVE[:5000])
    said: list[str] = []
    assert not fetch(online, said.append, sources=sources("good"))
    assert any("archive is corrupted (it has 5000 bytes" in line for line in said)
    assert ("good", "archive", "5000-") in host.asked
    assert_all_there(online)


def test_a_corrupted_batch_is_fetched_again(
    online: Settings, sources: Callable[..., Sources]
) -> None:
    fetch(online, quiet, sources=sources("good"))
    (online.downloads / "cifar-10-batches-py" / "test_batch").write_bytes(b"x")
    fetch(online, quiet, sources=sources("good"))
    assert_all_there(online)


def test_an_archive_can_write_nothing_but_the_batches(
    settings: Settings, sources: Callable[..., Sources], tmp_path: Path
) -> None:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz") as tar:
        for name in ("../../evil", "/tmp/evil", "cifar-10-batches-py/../../evil"):
            member = tarfile.TarInfo(name)
            member.size = 4
            tar.addfile(member, io.BytesIO(b"evil"))
        link = tarfile.TarInfo("cifar-10-batches-py/test_batch")
        link.type, link.linkname = tarfile.SYMTYPE, "/etc/hostname"
        tar.addfile(link)
    settings.downloads.mkdir(parents=True)
    (settings.downloads / "archive").write_bytes(buffer.getvalue())
    evil = sources("good")
    evil = evil._replace(archive=replace(evil.archive, file=known("archive", buffer.getvalue())))
    before = {path for path in tmp_path.rglob("*") if "downloads" not in path.parts}
    assert any("archive" in reason for reason in fetch(settings, quiet, sources=evil))
    after = {path for path in tmp_path.rglob("*") if "downloads" not in path.parts}
    assert after - before <= {settings.locks, settings.locks / "downloads.lock"}
    assert names(settings.downloads / BATCHES) == set()


class FullDisk(io.FileIO):
    def write(self, content: Any) -> int:
        super().write(content[:10])
        raise OSError(28, "No space left on device")


@pytest.mark.parametrize("victim", ["archive.part", "test_batch"])
def test_a_full_disk_is_an_error_and_leaves_nothing_half(
    victim: str,
    online: Settings,
    sources: Callable[..., Sources],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    original = Path.open

    def limited(path: Path, mode: str = "r", *arguments: Any, **options: Any) -> IO[Any]:
        if path.name == victim and mode != "rb":
            return FullDisk(path, mode)
        return original(path, mode, *arguments, **options)

    monkeypatch.setattr(Path, "open", limited)
    with pytest.raises(UserError, match="disk is full"):
        fetch(online, quiet, sources=sources("good"))
    # an archive that is whole may stay for the next try; nothing else has a final name
    assert names(online.downloads) <= {"archive", "weights"}


def test_a_folder_that_cannot_be_written_is_an_error(
    online: Settings, sources: Callable[..., Sources], monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(path: Path, *arguments: Any, **options: Any) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "mkdir", refuse)
    with pytest.raises(UserError, match="can't be written"):
        fetch(online, quiet, sources=sources("good"))


def test_two_downloads_at_once_are_refused(
    online: Settings, sources: Callable[..., Sources]
) -> None:
    with (
        locks.exclusive(online.locks / "downloads.lock"),
        pytest.raises(UserError, match=f"process {os.getpid()}.* wait until it has ended"),
    ):
        fetch(online, quiet, sources=sources("good"))


def test_leftovers_of_a_killed_process_are_swept(
    online: Settings, sources: Callable[..., Sources]
) -> None:
    leftover = online.downloads / ".unpacking"
    leftover.mkdir(parents=True)
    (leftover / "half").write_text("")
    fetch(online, quiet, sources=sources("good"))
    assert_all_there(online)


def test_addresses_are_in_no_key_of_the_experiment() -> None:
    files, _ = import_closure(["mmn13lib.q3_transfer.experiment.run"])
    assert not [file for file in files if "downloads" in file.parts[-2:]]


def test_each_file_is_read_through_once(
    online: Settings, sources: Callable[..., Sources], monkeypatch: pytest.MonkeyPatch
) -> None:
    digested: list[str] = []
    real = hashlib.file_digest

    def counted(file: IO[bytes], algorithm: str) -> Any:
        digested.append(Path(file.name).name)
        return real(file, algorithm)

    monkeypatch.setattr(hashlib, "file_digest", counted)
    for _ in range(2):
        fetch(online, quiet, sources=sources("good"))
    # what arrives is checked before it gets its name
    assert sorted(digested) == sorted(["archive.part", "weights.part", "weights", *NAMES])


def test_the_files_are_those_that_torchvision_asks_for() -> None:
    from torchvision.datasets import CIFAR10
    from torchvision.models import ResNet18_Weights

    names = {name for name, _ in (*CIFAR10.train_list, *CIFAR10.test_list)}
    assert {file.name for file in CIFAR10_FILES} == {*names, CIFAR10.meta["filename"]}
    assert CIFAR10.url == CIFAR10_ARCHIVE.urls[-1]
    assert CIFAR10.base_folder == BATCHES
    name, digest = IMAGENET_WEIGHTS.name, IMAGENET_WEIGHTS.sha256
    assert ResNet18_Weights.IMAGENET1K_V1.url.endswith(f"/{name}")
    assert name == f"resnet18-{digest[:8]}.pth" and len(digest) == 64
