"""The real inputs, ``mmn13 fetch``: CIFAR-10 and the ImageNet weights of ResNet-18."""

import shutil
import tarfile
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path

from mmn13lib.downloads import mirrors
from mmn13lib.downloads.hosts import CIFAR10_ARCHIVE, WEIGHTS, HostedFile
from mmn13lib.foundation import locks, storage
from mmn13lib.foundation.errors import UserError
from mmn13lib.foundation.settings import Settings
from mmn13lib.q3_transfer.data import inputs
from mmn13lib.q3_transfer.data.inputs import BATCHES

REMEMBERED_SECONDS = 3600


def fetch(
    settings: Settings, progress: Callable[[str], None] = print, retry: bool = True
) -> list[str]:
    """Download the data set and the weights, each only where it is neither named nor there.

    Returns the reason for each that could not be had. Without `retry`, what failed within the last
    hour is left alone, so that without a network no render waits again. Raises `UserError` if the
    disk is full, or another process is downloading.
    """
    if not _absent(settings):
        if retry:
            progress("CIFAR-10 and the weights are there already.")
        return []
    with locks.exclusive(settings.locks / "downloads.lock"):
        wanted = []
        for each in _absent(settings):
            path = settings.downloads / each.file.name
            if fault := each.file.fault(path):
                wanted.append(each)
                if path.exists():
                    progress(f"{path} {fault}: it is not used")
        failures = _download(settings, wanted, progress, retry)
        if CIFAR10_ARCHIVE in _absent(settings) and CIFAR10_ARCHIVE.label not in failures:
            _extract(settings.downloads / CIFAR10_ARCHIVE.file.name)
    return [
        f"{each.label} not downloaded ({failures.get(each.label, 'its archive lacks batches')})"
        for each in _absent(settings)
    ]


def unpack(settings: Settings) -> None:
    """Unpack the data set's archive where somebody put it among the downloads.

    Raises `UserError` if it is not the published one.
    """
    archive = settings.downloads / CIFAR10_ARCHIVE.file.name
    if not archive.exists() or CIFAR10_ARCHIVE not in _absent(settings):
        return
    if fault := CIFAR10_ARCHIVE.file.fault(archive):
        raise UserError(f"{archive} {fault}: delete it and run `mmn13 fetch`.")
    with locks.exclusive(settings.locks / "downloads.lock"):
        _extract(archive)


def _absent(settings: Settings) -> list[HostedFile]:
    absent = []
    if not settings.data and inputs.faults(settings.downloads / BATCHES, settings):
        absent.append(CIFAR10_ARCHIVE)
    path = settings.downloads / WEIGHTS.file.name
    if not settings.weights and WEIGHTS.file.fault(path, inputs.memory(settings)):
        absent.append(WEIGHTS)
    return absent


def _download(
    settings: Settings, wanted: Sequence[HostedFile], progress: Callable[[str], None], retry: bool
) -> dict[str, str]:
    """Download what is wanted; return the reason for each that failed."""
    if settings.offline:
        return {each.label: "offline: connections are forbidden" for each in wanted}
    record = settings.cache / "failed-downloads.json"
    failed: dict[str, tuple[float, str]] = {}  # when, in seconds, and why
    with suppress(storage.Damaged):
        failed = storage.read_json(record)
    failures = {}
    for each in () if retry else wanted:
        moment, reason = failed.get(each.label, (0.0, ""))
        age = time.time() - moment
        if 0 <= age < REMEMBERED_SECONDS:
            failures[each.label] = f"{reason}, tried {age / 60:.0f} minutes ago"
    untried = [each for each in wanted if each.label not in failures]
    if not untried:
        return failures
    progress(f"Looking for {' and '.join(each.label for each in untried)} …")
    answering = mirrors.answering([url for each in untried for url in each.urls])
    # a folder of their own: what a killed process leaves there goes with it
    arriving = settings.downloads / ".arriving"
    try:
        shutil.rmtree(arriving, ignore_errors=True)
        arriving.mkdir(parents=True)
        for each in untried:
            urls = [url for url in each.urls if url in answering]
            try:
                path = mirrors.download(each, urls, arriving, progress)
                path.replace(settings.downloads / path.name)
                progress(f"{each.label}: there, its checksum is right")
            except mirrors.Failed as error:
                failures[each.label] = str(error)
                failed[each.label] = time.time(), str(error)
                storage.write_json(record, failed)
    except BrokenPipeError:  # of whoever listens to `progress`
        raise
    except OSError as error:
        raise storage.disk_error(arriving, error) from error
    finally:
        shutil.rmtree(arriving, ignore_errors=True)
    return failures


def _extract(archive: Path) -> None:
    """Turn the archive, whose digest is right, into the folder of batches; the archive goes."""
    target, unpacking = archive.with_name(BATCHES), archive.with_name(".unpacking")
    expected = {file.name for file in inputs.CIFAR10_FILES}
    shutil.rmtree(unpacking, ignore_errors=True)  # of a process that was killed
    try:
        unpacking.mkdir()
        with tarfile.open(archive, "r|gz") as tar:
            for member in tar:
                name = member.name.rpartition("/")[2]
                content = tar.extractfile(member) if name in expected else None
                if content:
                    (unpacking / name).write_bytes(content.read())
        shutil.rmtree(target, ignore_errors=True)
        unpacking.replace(target)
        archive.unlink()
    except OSError as error:
        shutil.rmtree(unpacking, ignore_errors=True)
        raise storage.disk_error(target, error) from error
