"""One known file from the first of its mirrors that gives all of it, checked before it is there."""

import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path
from threading import Thread
from typing import Any
from urllib.parse import urlsplit

from tqdm import tqdm

from mmn13lib.downloads.hosts import HostedFile

HEADERS = {"User-Agent": "mmn13lib"}

# seconds; bytes a second
ANSWER_TIMEOUT = 7.0
READ_TIMEOUT = 10.0
SPEED_INTERVAL = 20.0
MIN_SPEED = 50_000.0


class Failed(Exception):  # noqa: N818 - it is an outcome that callers plan for
    """A host or all hosts failed; the message says why."""


def answering(urls: Sequence[str]) -> list[str]:
    """Return the addresses that answer anything in a few seconds; all are asked at once."""
    import requests

    answered: set[str] = set()

    def ask(url: str) -> None:
        with (
            suppress(requests.RequestException),
            requests.get(url, headers=HEADERS, stream=True, timeout=ANSWER_TIMEOUT),
        ):
            answered.add(url)

    # daemons: one that hangs in a name look-up must not keep the program from ending
    threads = [Thread(target=ask, args=(url,), daemon=True) for url in urls]
    for thread in threads:
        thread.start()
    deadline = time.monotonic() + ANSWER_TIMEOUT
    for thread in threads:
        thread.join(max(0.0, deadline - time.monotonic()))
    return [url for url in urls if url in answered]


def download(
    hosted: HostedFile, urls: Sequence[str], folder: Path, progress: Callable[[str], None]
) -> Path:
    """Download a file into a folder from the first of the addresses that gives all of it.

    Raises `Failed` if none did, `OSError` if the disk is full.
    """
    import pooch
    import requests

    pooch.get_logger().setLevel("WARNING")
    path = folder / hosted.file.name
    reasons = []
    for url in urls:
        host = urlsplit(url).netloc
        progress(f"{hosted.label}: downloading from {host}")
        try:
            with _Bar(hosted, progress) as bar:
                get = pooch.HTTPDownloader(
                    bar, timeout=(ANSWER_TIMEOUT, READ_TIMEOUT), headers=HEADERS
                )
                pooch.retrieve(url, hosted.file.sha256, path.name, folder, downloader=get)
            path.chmod(0o644)  # pooch's files are readable by their owner alone
            return path
        except Failed as error:
            reasons.append(f"{host} {error}")
        except requests.RequestException as error:  # an OSError, too
            reasons.append(f"{host} {_explain(error)}")
        except ValueError:
            reasons.append(f"{host} sent something else (the checksum is wrong)")
    raise Failed("; ".join(reasons) or "no host answered; is there a network?")


class _Bar(tqdm):
    """A progress bar, lines where there is no terminal; gives up on a host that crawls."""

    def __init__(self, hosted: HostedFile, progress: Callable[[str], None]) -> None:
        super().__init__(unit="B", unit_scale=True, leave=False, disable=None)
        self.hosted, self.say = hosted, progress
        self.arrived = self.earlier = 0
        self.since = time.monotonic()

    def __bool__(self) -> bool:
        return True  # pooch asks whether there is a bar; tqdm answers whether it has a length

    def update(self, n: float | None = 1) -> bool | None:
        size = int(n or 0)
        self.arrived += size
        if self.arrived > self.hosted.file.size + size:  # the last of them may be smaller
            raise Failed("sent something else (more than the file)")
        seconds = time.monotonic() - self.since
        if seconds > SPEED_INTERVAL:
            speed = (self.arrived - self.earlier) / seconds
            if speed < MIN_SPEED:
                raise Failed(f"was too slow ({speed / 1000:.0f} kB/s)")
            if self.disable:
                whole = self.hosted.file.size / 1e6
                self.say(f"{self.hosted.label}: {self.arrived / 1e6:.0f} of {whole:.0f} MB")
            self.since, self.earlier = time.monotonic(), self.arrived
        return super().update(n)

    def reset(self, total: float | None = None) -> None:
        self.arrived = self.earlier = 0  # pooch resets a bar that it then fills
        super().reset(total)


def _explain(error: Any) -> str:
    import requests

    if error.response is not None:
        return f"answered {error.response.status_code} {error.response.reason}"
    if isinstance(error, requests.Timeout) or "timed out" in str(error):
        return "did not answer in time"
    if isinstance(error, requests.exceptions.ChunkedEncodingError):
        return "broke off"
    return f"failed ({str(error).rpartition(': ')[2]})"
