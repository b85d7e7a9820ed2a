"""One known file from whichever of its hosts works: continued, checked, never half there.

Hosts go away, crawl, cut the connection or answer with a page of their own. What has arrived is
kept in ``x.part``, which another host can continue, since the copies are the same to the byte;
only a file whose checksum is right gets its name.
"""

import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from http.client import HTTPException, HTTPResponse
from pathlib import Path
from queue import Empty, Queue
from socket import gaierror
from threading import Thread
from urllib.error import HTTPError, URLError
from urllib.parse import urlsplit
from urllib.request import Request, urlopen

from tqdm import tqdm

from mmn13lib.foundation import storage
from mmn13lib.foundation.provenance import file_digest

BLOCK = 1 << 18


@dataclass(frozen=True)
class HostedFile:
    """A file that others keep for us.

    Parameters
    ----------
    label
        What it is, for people.
    name
        The file's name.
    urls
        Where it is, best first.
    algorithm
        The checksum's, as `hashlib` calls it.
    digest
        The checksum, hexadecimal, or its beginning.
    """

    label: str
    name: str
    urls: tuple[str, ...]
    algorithm: str
    digest: str

    def matches(self, path: Path, memory: Path | None = None) -> bool:
        """Say whether `path` is this file, whole; `memory` as in `provenance.file_digest`."""
        if not path.is_file():
            return False
        return file_digest(path, memory, self.algorithm).startswith(self.digest)


@dataclass(frozen=True)
class Patience:
    """How long to wait for hosts, in seconds, and what is too slow, in bytes a second."""

    probe: float = 7.0
    others: float = 2.0
    silence: float = 10.0
    window: float = 20.0
    slowest: float = 50_000.0


class Failed(Exception):  # noqa: N818 - it is an outcome that callers plan for
    """A host or all hosts failed; the message says why."""


def part_path(path: Path) -> Path:
    """Name the file that holds what has arrived of `path` so far."""
    return path.with_name(f"{path.name}.part")


def probe(groups: Iterable[Iterable[str]], patience: Patience = Patience()) -> dict[str, str]:
    """Ask every host at once for a byte, so that having no network shows within seconds.

    Parameters
    ----------
    groups
        The addresses of each file. As soon as every file has a host, the rest get little time.
    patience
        Its ``probe`` is the most that this takes.

    Returns
    -------
    dict
        For every address why it can't be used, or an empty text.
    """
    groups = [tuple(group) for group in groups]
    reasons = {url: "did not answer in time" for group in groups for url in group}
    answers: Queue[tuple[str, str]] = Queue()

    def ask(url: str) -> None:
        try:
            _open(url, "0-0", patience.probe).close()
            answers.put((url, ""))
        except Failed as error:
            answers.put((url, str(error)))

    for url in reasons:
        # daemons: one that hangs in a name look-up must not keep the program from ending
        Thread(target=ask, args=(url,), daemon=True).start()
    deadline = time.monotonic() + patience.probe
    for _ in reasons:
        try:
            url, reason = answers.get(timeout=max(0, deadline - time.monotonic()))
        except Empty:
            break
        reasons[url] = reason
        if all(any(not reasons[url] for url in group) for group in groups):
            deadline = min(deadline, time.monotonic() + patience.others)
    return reasons


def download(
    file: HostedFile,
    urls: Iterable[str],
    folder: Path,
    progress: Callable[[str], None] = print,
    patience: Patience = Patience(),
) -> Path:
    """Download a file, continuing what is there, from the first host that gives all of it.

    Parameters
    ----------
    file
        What to get.
    urls
        The hosts to try, in this order, each twice; one that sends something else only once.
    folder
        Where to put it; it exists.
    progress
        Is given lines of text; on a terminal a bar is shown besides.
    patience
        When a host is too slow.

    Returns
    -------
    Path
        The file, its checksum right.

    Raises
    ------
    Failed
        If no host gave it; what has arrived stays in ``.part`` for the next time.
    UserError
        If the disk is full or the folder can't be written to.
    """
    part = part_path(folder / file.name)
    waiting = deque([*urls] * 2)
    reasons: dict[str, str] = {}
    try:
        while waiting:
            url = waiting.popleft()
            host = urlsplit(url).netloc
            start = part.stat().st_size if part.exists() else 0
            verb = "going on" if start else "downloading"
            progress(f"{file.label}: {verb} from {host}")
            try:
                _receive(url, part, start, lambda text: progress(f"{file.label}: {text}"), patience)
            except Failed as error:
                reasons[host] = str(error)
                continue
            if file.matches(part):
                return part.replace(folder / file.name)
            part.unlink(missing_ok=True)
            reasons[host] = "sent something else (the checksum is wrong)"
            if not start:  # otherwise the fault may lie in what an earlier host sent
                waiting = deque(other for other in waiting if other != url)
    except OSError as error:
        part.unlink(missing_ok=True)
        raise storage.disk_error(part, error) from error
    raise Failed("; ".join(f"{host} {reason}" for host, reason in reasons.items()))


def _receive(
    url: str, part: Path, start: int, progress: Callable[[str], None], patience: Patience
) -> None:
    """Append to `part` what is missing of it, or fill it anew where the host can't continue."""
    try:
        answer = _open(url, f"{start}-", patience.silence)
    except Failed as error:
        if isinstance(error.__cause__, HTTPError) and error.__cause__.code == 416:
            return  # nothing is missing
        raise
    continues = answer.status == 206
    start = start if continues else 0
    total = None if answer.length is None else answer.length + start
    bar = tqdm(total=total, initial=start, unit="B", unit_scale=True, leave=False, disable=None)
    with answer, bar, part.open("ab" if continues else "wb") as file:
        for block in _blocks(answer, patience):
            if block:
                file.write(block)
                bar.update(len(block))
            elif bar.disable:
                progress(f"{file.tell() / 1e6:.0f} of {(total or 0) / 1e6:.0f} MB")
    if total is not None and part.stat().st_size < total:
        raise Failed("broke off")


def _blocks(answer: HTTPResponse, patience: Patience) -> Iterator[bytes]:
    """Give what arrives, and after each window of time an empty block; fail where it crawls."""
    since, received = time.monotonic(), 0
    while True:
        try:
            block = answer.read1(BLOCK)  # read() would wait for a whole block, however slow
        except (OSError, HTTPException) as error:
            raise Failed(_reason(error)) from error
        if not block:
            return
        yield block
        received += len(block)
        seconds = time.monotonic() - since
        if seconds > patience.window:
            if received < patience.slowest * seconds:
                raise Failed(f"was too slow ({received / seconds / 1000:.0f} kB/s)")
            since, received = time.monotonic(), 0
            yield b""


def _open(url: str, span: str, timeout: float) -> HTTPResponse:
    headers = {"User-Agent": "mmn13lib", "Range": f"bytes={span}"}
    try:
        return urlopen(Request(url, headers=headers), timeout=timeout)
    except (OSError, HTTPException, ValueError) as error:
        raise Failed(_reason(error)) from error


def _reason(error: Exception) -> str:
    if isinstance(error, HTTPError):
        return f"answered {error.code} {error.reason}"
    cause = error.reason if isinstance(error, URLError) else error
    if isinstance(cause, gaierror):
        return "was not found (its name could not be looked up)"
    if isinstance(cause, TimeoutError):
        return "did not answer in time"
    if isinstance(cause, ConnectionRefusedError):
        return "refused the connection"
    return f"failed ({cause})"
