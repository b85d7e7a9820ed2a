"""The real inputs, ``mmn13 fetch``: CIFAR-10 and the ImageNet weights of ResNet-18."""

import sys
from collections.abc import Callable
from pathlib import Path
from urllib.parse import urlsplit

from mmn13lib.downloads.hosts import CIFAR10_ARCHIVE, WEIGHTS, HostedFile
from mmn13lib.foundation.errors import UserError
from mmn13lib.foundation.locks import exclusive
from mmn13lib.foundation.settings import Settings
from mmn13lib.q3_transfer.data import inputs
from mmn13lib.q3_transfer.data.inputs import BATCHES

TIMEOUTS = 5.0, 10.0
"""Seconds to connect, and between two pieces of an answer: then the next host is asked."""


def fetch(settings: Settings, progress: Callable[[str], None] = print) -> list[str]:
    """Download the data set and the weights, each only where it is neither named nor there.

    An archive that somebody put there is unpacked. Returns the reason for each that could not be
    had. Raises `UserError` if, offline, what is there is not what was published.
    """
    failures = []
    with exclusive(settings.artifacts / "download.lock", progress):
        for hosted in _absent(settings):
            path = settings.downloads / hosted.file.name
            fault = hosted.file.fault(path)
            if fault and settings.offline and path.exists():
                raise UserError(f"{path} {fault}: delete it and run `mmn13 fetch`.")
            if fault and (reason := _download(hosted, path, settings.offline, progress)):
                failures.append(f"{hosted.label} not downloaded ({reason})")
            elif hosted is CIFAR10_ARCHIVE:
                import pooch

                pooch.Untar(extract_dir=".")(str(path), "download", None)
                path.unlink()
    return failures


def _absent(settings: Settings) -> list[HostedFile]:
    absent = []
    if not settings.data and inputs.faults(settings.downloads / BATCHES):
        absent.append(CIFAR10_ARCHIVE)
    path = settings.downloads / WEIGHTS.file.name
    if not settings.weights and WEIGHTS.file.fault(path):
        absent.append(WEIGHTS)
    return absent


def _download(
    hosted: HostedFile, path: Path, offline: bool, progress: Callable[[str], None]
) -> str:
    """Download a file from the first host that gives all of it; return why none did, if so."""
    if offline:
        return "offline: connections are forbidden"
    import pooch
    import requests

    pooch.get_logger().setLevel("WARNING")
    get = pooch.HTTPDownloader(
        progressbar=sys.stderr.isatty(), timeout=TIMEOUTS, headers={"User-Agent": "mmn13lib"}
    )
    reasons = []
    for url in hosted.urls:
        host = urlsplit(url).netloc
        progress(f"{hosted.label}: downloading from {host}")
        try:
            pooch.retrieve(url, hosted.file.sha256, path.name, path.parent, downloader=get)
        except requests.RequestException as error:  # an OSError, too
            answer = f"answered {error.response.status_code}" if error.response is not None else ""
            reasons.append(f"{host} {answer or f'broke off or is silent, {type(error).__name__}'}")
        except ValueError:
            reasons.append(f"{host} sent something else, the checksum is wrong")
        else:
            path.chmod(0o644)  # pooch's files are readable by their owner alone
            return ""
    return "; ".join(reasons)
