"""One known file from whichever of its hosts works: continued, checked, never half there.

``x.part`` holds what has arrived, and another host can continue it: the copies are the same.
"""

import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from http.client import HTTPException, HTTPMessage, HTTPResponse
from pathlib import Path
from queue import Empty, Queue
from threading import Thread
from typing import IO
from urllib.error import HTTPError, URLError
from urllib.parse import urlsplit
from urllib.request import HTTPRedirectHandler, Request, build_opener

from tqdm import tqdm

from mmn13lib.downloads.hosts import HostedFile
from mmn13lib.foundation import storage

BLOCK = 1 << 18

# seconds; bytes a second
PROBE_TIMEOUT = 7.0
OTHER_HOSTS_TIMEOUT = 2.0  # for the rest, once every file has a host
READ_TIMEOUT = 10.0
SPEED_INTERVAL = 20.0
MIN_SPEED = 50_000.0


class Failed(Exception):  # noqa: N818 - it is an outcome that callers plan for
    """A host or all hosts failed; the message says why."""


def part_path(path: Path) -> Path:
    """Name the file that holds what has arrived of `path` so far."""
    return path.with_name(f"{path.name}.part")


def usable(hosted: Sequence[HostedFile]) -> set[str]:
    """Ask every address at once for a byte; give those that answer rightly and in time."""
    answers: Queue[str] = Queue()

    def ask(each: HostedFile, url: str) -> None:
        try:
            _open(each, url, 0, PROBE_TIMEOUT, last="0").close()
            answers.put(url)
        except Failed:
            answers.put("")

    asked = [(each, url) for each in hosted for url in each.urls]
    for question in asked:
        # daemons: one that hangs in a name look-up must not keep the program from ending
        Thread(target=ask, args=question, daemon=True).start()
    found: set[str] = set()
    deadline = time.monotonic() + PROBE_TIMEOUT
    with suppress(Empty):
        for _ in asked:
            found.add(answers.get(timeout=max(0, deadline - time.monotonic())))
            if all(found & {*each.urls} for each in hosted):
                deadline = min(deadline, time.monotonic() + OTHER_HOSTS_TIMEOUT)
    return found - {""}


def download(
    hosted: HostedFile, urls: Sequence[str], folder: Path, progress: Callable[[str], None]
) -> None:
    """Download a file into an existing folder from the first of the addresses that gives all of it.

    Each is tried twice: the fault may lie in what had arrived before. Raises `Failed` if none gave
    the file (what has arrived stays for the next time), `UserError` if the disk is full.
    """
    part = part_path(folder / hosted.file.name)
    reasons: dict[str, str] = {}
    try:
        for url in (*urls, *urls):
            host = urlsplit(url).netloc
            start = part.stat().st_size if part.exists() else 0
            try:
                if start < hosted.file.size:
                    progress(
                        f"{hosted.label}: {'going on' if start else 'downloading'} from {host}"
                    )
                    _receive(hosted, url, part, start, progress)
                if not hosted.file.fault(part):
                    part.replace(folder / hosted.file.name)
                    return
                part.unlink()
                raise Failed("sent something else (the checksum is wrong)")
            except Failed as error:
                reasons[host] = f"{host} {error}"
    except OSError as error:
        with suppress(OSError):
            part.unlink()
        raise storage.disk_error(part, error) from error
    raise Failed("; ".join(reasons.values()) or "no host answered; is there a network?")


def _receive(
    hosted: HostedFile, url: str, part: Path, start: int, progress: Callable[[str], None]
) -> None:
    """Append what is missing to `part`, which has `start` bytes; fail where the host crawls."""
    size = hosted.file.size
    answer = _open(hosted, url, start, READ_TIMEOUT)
    had_already = start if answer.status == 200 else 0  # a host that can't continue sends it all
    since, received = time.monotonic(), 0
    bar = tqdm(total=size, initial=start, unit="B", unit_scale=True, leave=False, disable=None)
    with answer, bar, part.open("ab") as file:
        while file.tell() < size:
            block = _read(answer)
            file.write(block[had_already:])
            had_already = max(0, had_already - len(block))
            bar.update(file.tell() - bar.n)
            received += len(block)
            seconds = time.monotonic() - since
            if seconds > SPEED_INTERVAL:
                if received < MIN_SPEED * seconds:
                    raise Failed(f"was too slow ({received / seconds / 1000:.0f} kB/s)")
                if bar.disable:
                    progress(f"{hosted.label}: {file.tell() / 1e6:.0f} of {size / 1e6:.0f} MB")
                since, received = time.monotonic(), 0


def _read(answer: HTTPResponse) -> bytes:
    try:
        block = answer.read1(BLOCK)  # read() would wait for a whole block, however slow
    except (OSError, HTTPException) as error:
        raise Failed(_explain(error)) from error
    if not block:
        raise Failed("broke off")
    return block


def _open(hosted: HostedFile, url: str, first: int, timeout: float, last: str = "") -> HTTPResponse:
    """Ask for bytes of the file; refuse an answer that is about anything else, such as a page."""
    headers = {"User-Agent": "mmn13lib", "Range": f"bytes={first}-{last}"}
    try:
        opener = build_opener(_NoWayBackToHttp)
        answer: HTTPResponse = opener.open(Request(url, headers=headers), timeout=timeout)
    except (OSError, HTTPException, ValueError) as error:
        raise Failed(_explain(error)) from error
    size = hosted.file.size
    name, value = "Content-Range", f"bytes {first}-{last or size - 1}/{size}"
    if answer.status == 200:
        name, value = "Content-Length", f"{size}"
    found = answer.headers.get(name, "none")
    if found != value:
        answer.close()
        raise Failed(f"sent something else ({name}: {found} instead of {value})")
    return answer


class _NoWayBackToHttp(HTTPRedirectHandler):
    def redirect_request(
        self, req: Request, fp: IO[bytes], code: int, msg: str, headers: HTTPMessage, newurl: str
    ) -> Request | None:
        if req.type == "https" and not newurl.lower().startswith("https:"):
            raise URLError(f"leads away from https, to {newurl}")
        return super().redirect_request(req, fp, code, msg, headers, newurl)


def _explain(error: Exception) -> str:
    if isinstance(error, HTTPError):
        return f"answered {error.code} {error.reason}"
    cause = error.reason if isinstance(error, URLError) else error
    return "did not answer in time" if isinstance(cause, TimeoutError) else f"failed ({cause})"
