"""The real inputs, ``mmn13 fetch``: CIFAR-10 and the ImageNet weights of ResNet-18."""

import shutil
import tarfile
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from mmn13lib.downloads import resumable
from mmn13lib.downloads.hosts import CIFAR10_ARCHIVE, WEIGHTS, HostedFile
from mmn13lib.foundation import locks, storage
from mmn13lib.foundation.settings import Settings
from mmn13lib.q3_transfer.data import inputs
from mmn13lib.q3_transfer.data.inputs import BATCHES

REMEMBERED_SECONDS = 3600


def fetch(
    settings: Settings, progress: Callable[[str], None] = print, retry: bool = True
) -> list[str]:
    """Download the data set and the weights, each only where it is neither named nor there.

    Gives the reason for each that could not be had. Without `retry`, what failed within the last
    hour is left alone, so that without a network no render waits again. Raises `UserError` if the
    disk is full, or another process is downloading.
    """
    if not _absent(settings):
        if retry:
            progress("CIFAR-10 and the weights are there already.")
        return []
    archive = settings.downloads / CIFAR10_ARCHIVE.file.name
    with locks.exclusive(settings.locks / "downloads.lock"):
        try:
            settings.downloads.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise storage.disk_error(archive, error) from error
        absent = _absent(settings)
        for each in absent:
            path = settings.downloads / each.file.name
            if path.exists() and (fault := each.file.fault(path)):
                progress(f"{path.name} {fault}: it is not used as it is")
                path.replace(resumable.part_path(path))  # a download may go on from there
        wanted = [each for each in absent if not (settings.downloads / each.file.name).exists()]
        failures = _download(settings, wanted, progress, retry)
        if archive.exists() and CIFAR10_ARCHIVE in absent:
            _unpack(archive)
    return [
        f"{each.label} not downloaded ({failures.get(each.label, 'its archive lacks batches')})"
        for each in _absent(settings)
    ]


def _absent(settings: Settings) -> list[HostedFile]:
    absent = []
    if not settings.data and inputs.faults(settings.downloads / BATCHES, settings):
        absent.append(CIFAR10_ARCHIVE)
    path = settings.downloads / WEIGHTS.file.name
    if not settings.weights and WEIGHTS.file.fault(path, inputs.memory(settings)):
        absent.append(WEIGHTS)
    return absent


def _download(
    settings: Settings, wanted: list[HostedFile], progress: Callable[[str], None], retry: bool
) -> dict[str, str]:
    """Download what is wanted; give the reason for each that failed."""
    if settings.offline:
        return {each.label: "offline: connections are forbidden" for each in wanted}
    memory = settings.cache / "failed-downloads.json"
    failed: dict[str, tuple[float, str]] = {}  # when, in seconds, and why
    with suppress(storage.Damaged):
        failed = storage.read_json(memory)
    failures = {}
    for label, (moment, reason) in () if retry else failed.items():
        age = time.time() - moment
        if 0 <= age < REMEMBERED_SECONDS:
            failures[label] = f"{reason}, tried {age / 60:.0f} minutes ago"
    untried = [each for each in wanted if each.label not in failures]
    if not untried:
        return failures
    progress(f"Looking for {' and '.join(each.label for each in untried)} …")
    usable = resumable.usable(untried)
    for each in untried:
        urls = [url for url in each.urls if url in usable]
        try:
            resumable.download(each, urls, settings.downloads, progress)
            progress(f"{each.label}: there, its checksum is right")
        except resumable.Failed as error:
            failures[each.label] = str(error)
            failed[each.label] = time.time(), str(error)
            storage.write_json(memory, failed)
    return failures


def _unpack(archive: Path) -> None:
    """Turn the archive, whose digest was right, into the folder of batches; the archive goes."""
    target, unpacking = archive.with_name(BATCHES), archive.with_name(".unpacking")
    expected = {file.name for file in inputs.CIFAR10_FILES}
    shutil.rmtree(unpacking, ignore_errors=True)  # of a process that was killed
    try:
        unpacking.mkdir()
        with tarfile.open(archive, "r|gz") as tar:
            # only the files that are expected: an archive can't write anywhere else
            for member in tar:
                name = member.name.rpartition("/")[2]
                content = tar.extractfile(member) if member.isfile() else None
                if content and name in expected:
                    (unpacking / name).write_bytes(content.read())
        shutil.rmtree(target, ignore_errors=True)
        unpacking.replace(target)
        archive.unlink()
    except OSError as error:
        shutil.rmtree(unpacking, ignore_errors=True)
        raise storage.disk_error(target, error) from error
