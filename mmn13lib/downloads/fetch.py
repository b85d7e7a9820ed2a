"""The real inputs, ``mmn13 fetch``: CIFAR-10 and the ImageNet weights of ResNet-18."""

import shutil
import tarfile
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory

from mmn13lib.downloads import resumable
from mmn13lib.downloads.hosts import CIFAR10_ARCHIVE, WEIGHTS, HostedFile
from mmn13lib.downloads.resumable import Limits
from mmn13lib.foundation import locks, storage
from mmn13lib.foundation.settings import Settings
from mmn13lib.q3_transfer.data import inputs
from mmn13lib.q3_transfer.data.inputs import BATCHES

REMEMBERED_SECONDS = 3600


@dataclass(frozen=True)
class Sources:
    """What is downloaded from where; tests name their own."""

    archive: HostedFile = CIFAR10_ARCHIVE
    weights: HostedFile = WEIGHTS
    limits: Limits = field(default_factory=Limits)


def fetch(
    settings: Settings,
    progress: Callable[[str], None] = print,
    retry: bool = True,
    sources: Sources = Sources(),
) -> list[str]:
    """Download the data set and the weights, each only where it is neither named nor there.

    Says of each that could not be had the reason. An archive that somebody put into the downloads
    folder is unpacked. Without `retry`, what failed within the last hour is left alone: without a
    network no render waits for it again. Raises `UserError` if the disk is full, or another
    process is downloading.
    """
    if not _absent(settings, sources):
        if retry:
            progress("CIFAR-10 and the weights are there already.")
        return []
    archive = settings.downloads / sources.archive.file.name
    with locks.exclusive(settings.locks / "downloads.lock"):
        try:
            settings.downloads.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise storage.disk_error(archive, error) from error
        for leftover in settings.downloads.glob(".unpacking-*"):
            shutil.rmtree(leftover, ignore_errors=True)
        if archive.exists() and sources.archive in _absent(settings, sources):
            if fault := sources.archive.file.fault(archive):
                progress(f"{archive.name} {fault}: it is not used as it is")
                archive.replace(resumable.part_path(archive))  # a download may go on from there
            else:
                _unpack(archive)
        wanted = _absent(settings, sources)
        failures = _download(settings, wanted, sources.limits, progress, retry)
        if archive.exists() and sources.archive in wanted:
            _unpack(archive)
    return [
        f"{each.label} could not be had ({failures.get(each.label, 'its archive lacks batches')})"
        for each in _absent(settings, sources)
    ]


def _absent(settings: Settings, sources: Sources) -> list[HostedFile]:
    absent = []
    if not settings.data and inputs.faults(settings.downloads / BATCHES, settings):
        absent.append(sources.archive)
    weights = sources.weights.file
    path = settings.downloads / weights.name
    if not settings.weights and weights.fault(path, inputs.memory(settings)):
        absent.append(sources.weights)
    return absent


def _download(
    settings: Settings,
    wanted: list[HostedFile],
    limits: Limits,
    progress: Callable[[str], None],
    retry: bool,
) -> dict[str, str]:
    """Download what is wanted; give the reason for each that failed."""
    if settings.offline:
        return {each.label: "offline: connections are forbidden" for each in wanted}
    recent = {} if retry else _recent_failures(settings)
    failures = {each.label: recent[each.label] for each in wanted if each.label in recent}
    untried = [each for each in wanted if each.label not in failures]
    if not untried:
        return failures
    progress(f"Looking for {' and '.join(each.label for each in untried)} …")
    unusable = resumable.probe(untried, limits)
    fresh = {}
    for each in untried:
        urls = [url for url in each.urls if not unusable[url]]
        try:
            if not urls:
                raise resumable.Failed("no host answered; is there a network?")
            resumable.download(each, urls, settings.downloads, progress, limits)
            progress(f"{each.label}: there, its checksum is right")
        except resumable.Failed as error:
            fresh[each.label] = str(error)
    if fresh:
        told = {label: [time.time(), reason] for label, reason in fresh.items()}
        storage.write_json(_failures_file(settings), {**_told_failures(settings), **told})
    return {**failures, **fresh}


def _failures_file(settings: Settings) -> Path:
    return settings.cache / "failed-downloads.json"


def _told_failures(settings: Settings) -> dict[str, tuple[float, str]]:
    """Read when each file could not be had, in seconds, and the reason."""
    try:
        return dict(storage.read_json(_failures_file(settings)))
    except storage.Damaged:
        return {}


def _recent_failures(settings: Settings) -> dict[str, str]:
    told = _told_failures(settings).items()
    ages = [(label, time.time() - moment, reason) for label, (moment, reason) in told]
    return {
        label: f"{reason}, tried {age / 60:.0f} minutes ago"
        for label, age, reason in ages
        if 0 <= age < REMEMBERED_SECONDS
    }


def _unpack(archive: Path) -> None:
    """Turn the archive, whose digest was right, into the folder of batches; the archive goes."""
    target = archive.parent / BATCHES
    expected = {file.name for file in inputs.CIFAR10_FILES}
    try:
        with TemporaryDirectory(prefix=".unpacking-", dir=archive.parent) as temporary:
            unpacked = Path(temporary) / BATCHES
            unpacked.mkdir()
            with tarfile.open(archive, "r|gz") as tar:
                # only the files that are expected: an archive can't write anywhere else
                for member in tar:
                    name = member.name.rpartition("/")[2]
                    content = tar.extractfile(member) if member.isfile() else None
                    if content and name in expected:
                        with (unpacked / name).open("wb") as file:
                            shutil.copyfileobj(content, file)
            shutil.rmtree(target, ignore_errors=True)
            unpacked.replace(target)
        archive.unlink()
    except OSError as error:
        raise storage.disk_error(target, error) from error
