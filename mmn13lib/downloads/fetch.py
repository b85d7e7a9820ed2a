"""The real inputs, ``mmn13 fetch``: CIFAR-10 and the ImageNet weights of ResNet-18."""

import shutil
import tarfile
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from mmn13lib.downloads import resumable
from mmn13lib.downloads.hosts import CIFAR10_ARCHIVE, WEIGHTS, HostedFile
from mmn13lib.downloads.resumable import Limits
from mmn13lib.foundation import locks, storage
from mmn13lib.foundation.settings import Settings
from mmn13lib.q3_transfer.data.inputs import BATCHES, CIFAR10_FILES, KnownFile, faults, memory

REMEMBERED_SECONDS = 3600


@dataclass(frozen=True)
class Sources:
    """What is downloaded from where; tests name their own."""

    archive: HostedFile = CIFAR10_ARCHIVE
    batches: tuple[KnownFile, ...] = CIFAR10_FILES
    weights: HostedFile = WEIGHTS
    limits: Limits = field(default_factory=Limits)


@dataclass(frozen=True)
class Fetched:
    """What there is.

    Attributes
    ----------
    data
        The folder that holds ``cifar-10-batches-py``, or None.
    weights
        The state dict's file, or None.
    missing
        For each of the two that could not be had: which, and the reason.
    """

    data: Path | None
    weights: Path | None
    missing: tuple[str, ...] = ()


def fetch(
    settings: Settings,
    progress: Callable[[str], None] = print,
    retry: bool = True,
    sources: Sources = Sources(),
) -> Fetched:
    """Download the data set and the weights, each only where it is neither named nor there.

    An archive that somebody put into the downloads folder is unpacked. Without `retry`, what
    failed within the last hour is left alone: without a network no render waits for it again.
    Raises `UserError` if the disk is full, or another process is downloading.
    """
    fetched = _found(settings, sources)
    if fetched.data and fetched.weights:
        if retry:
            progress(f"There already: {fetched.data} and {fetched.weights}")
        return fetched
    archive = settings.downloads / sources.archive.file.name
    with locks.exclusive(settings.locks / "downloads.lock", fail=True):
        try:
            settings.downloads.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise storage.disk_error(archive, error) from error
        for leftover in settings.downloads.glob(".unpacking-*"):
            shutil.rmtree(leftover, ignore_errors=True)
        if not fetched.data and archive.exists():
            if fault := sources.archive.file.fault(archive):
                progress(f"{archive.name} {fault}: it is not used as it is")
                archive.replace(resumable.part_path(archive))  # a download may go on from there
            else:
                _unpack(archive, sources)
                fetched = _found(settings, sources)
        absent = [(fetched.data, sources.archive), (fetched.weights, sources.weights)]
        failures = _download(settings, [each for there, each in absent if not there],
                             sources.limits, progress, retry)  # fmt: skip
        if archive.exists() and not fetched.data:
            _unpack(archive, sources)
    fetched = _found(settings, sources)
    missing = tuple(
        f"{each.label} could not be had ({failures.get(each.label, 'its archive lacks batches')})"
        for there, each in ((fetched.data, sources.archive), (fetched.weights, sources.weights))
        if not there
    )
    return Fetched(fetched.data, fetched.weights, missing)


def _found(settings: Settings, sources: Sources) -> Fetched:
    data, weights, folder = settings.data, settings.weights, settings.downloads
    remembered = memory(settings)
    if data is None and not faults(folder / BATCHES, sources.batches, remembered):
        data = folder
    if weights is None and not sources.weights.file.fault(
        folder / sources.weights.file.name, remembered
    ):
        weights = folder / sources.weights.file.name
    return Fetched(data, weights)


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
        now = {label: {"time": time.time(), "reason": fresh[label]} for label in fresh}
        storage.write_json(_failures_file(settings), {**_failures(settings), **now})
    return {**failures, **fresh}


def _failures_file(settings: Settings) -> Path:
    return settings.cache / "offline.json"


def _failures(settings: Settings) -> Mapping[str, Any]:
    try:
        return dict(storage.read_json(_failures_file(settings)))
    except storage.Damaged:
        return {}


def _recent_failures(settings: Settings) -> dict[str, str]:
    ages = {label: (time.time() - one["time"], one["reason"])
            for label, one in _failures(settings).items()}  # fmt: skip
    return {
        label: f"{reason}, tried {age / 60:.0f} minutes ago"
        for label, (age, reason) in ages.items()
        if 0 <= age < REMEMBERED_SECONDS
    }


def _unpack(archive: Path, sources: Sources) -> None:
    """Turn the archive, whose digest was right, into the folder of batches; the archive goes."""
    target = archive.parent / BATCHES
    expected = {file.name for file in sources.batches}
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
