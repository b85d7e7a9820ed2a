"""A host on this machine that behaves well or badly, and what it has to give."""

import hashlib
import io
import socket
import tarfile
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Event
from typing import Any, NamedTuple
from urllib.parse import quote, unquote

import pytest

from mmn13lib.downloads import fetch as fetching
from mmn13lib.downloads import resumable
from mmn13lib.downloads.hosts import CIFAR10_ARCHIVE, HostedFile
from mmn13lib.downloads.hosts import WEIGHTS as IMAGENET
from mmn13lib.foundation.settings import Settings
from mmn13lib.q3_transfer.data.inputs import KnownFile

QUICK = {
    "PROBE_TIMEOUT": 1.0, "OTHER_HOSTS_TIMEOUT": 0.2, "READ_TIMEOUT": 0.5, "SPEED_INTERVAL": 0.2,
}  # fmt: skip
BATCHES = {name: (name * 9000).encode() for name in ("batches.meta", "data_batch_1", "test_batch")}
WEIGHTS = bytes(range(256)) * 2000


def pack(files: dict[str, bytes]) -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz", compresslevel=0) as tar:
        for name, content in files.items():
            member = tarfile.TarInfo(f"cifar-10-batches-py/{name}")
            member.size = len(content)
            tar.addfile(member, io.BytesIO(content))
    return buffer.getvalue()


ARCHIVE = pack({"readme.html": b"CIFAR-10", **BATCHES})


PAGE = b"<html>Please log in to this network</html>"


def known(name: str, content: bytes) -> KnownFile:
    return KnownFile(name, len(content), hashlib.sha256(content).hexdigest())


class Handler(BaseHTTPRequestHandler):
    """Behave as the first part of the path says."""

    server: "Host"

    def do_GET(self) -> None:
        _, manner, name = unquote(self.path).split("/")
        span = self.headers["Range"].removeprefix("bytes=")
        start, _, end = span.partition("-")
        self.server.asked.append((manner, name, span))
        content = {"archive": ARCHIVE, "weights": WEIGHTS}.get(name, b"")
        if manner == "gone":
            return self.send_error(404)
        if manner == "mute":
            self.server.ended.wait(30)
            self.server.waited_out.append(name)
            return None
        if manner == "wrong":
            content = content[:-1] + b"?"
        if manner == "login" or (manner == "login later" and span != "0-0"):
            content, ranges = PAGE, False
        else:
            ranges = not manner.startswith("no ranges")
        first = int(start) if ranges else 0
        if manner == "another range" and first:
            first = 0
        body = content[first : int(end) + 1 if end and ranges else None]
        self.send_response(206 if ranges else 200)
        self.send_header("Content-Length", str(len(body)))
        if ranges:
            last = first + len(body) - 1
            self.send_header("Content-Range", f"bytes {first}-{last}/{len(content)}")
        self.end_headers()
        if manner == "cut":
            body = body[: max(1, len(body) // 2)]
        if manner == "no ranges, cut":
            body = body[:1000]
        if manner == "stall":
            self.wfile.write(body[: len(body) // 2])
            self.server.ended.wait(30)
            return None
        if manner == "crawl":
            for position in range(len(body)):
                if self.server.ended.wait(0.05):
                    return None
                self.wfile.write(body[position : position + 1])
        self.wfile.write(body)
        return None

    def log_message(self, *arguments: Any) -> None:
        pass


class Host(ThreadingHTTPServer):
    """A host on this machine that remembers what it was asked for."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.asked: list[tuple[str, str, str]] = []
        self.ended = Event()
        self.waited_out: list[str] = []

    def handle_error(self, *arguments: Any) -> None:
        """Keep quiet about clients that hang up, as they should on a slow host."""

    def urls(self, name: str, *manners: str) -> tuple[str, ...]:
        base = f"http://127.0.0.1:{self.server_port}"
        return tuple(f"{base}/{quote(manner)}/{name}" for manner in manners)

    def hosts(self, name: str, content: bytes, *manners: str) -> HostedFile:
        return HostedFile(name, known(name, content), self.urls(name, *manners))

    def manners(self, name: str) -> list[str]:
        """List who was asked for the file itself, not only for its first byte."""
        return [m for m, asked, span in self.asked if asked == name and span != "0-0"]


class Sources(NamedTuple):
    """What is downloaded from where."""

    archive: HostedFile = CIFAR10_ARCHIVE
    weights: HostedFile = IMAGENET


def fetch(
    settings: Settings, progress: Callable[[str], None], *, sources: Sources, retry: bool = True
) -> list[str]:
    """Fetch from other sources, and with less patience."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(fetching, "CIFAR10_ARCHIVE", sources.archive)
        patch.setattr(fetching, "WEIGHTS", sources.weights)
        for name, value in QUICK.items():
            patch.setattr(resumable, name, value)
        return fetching.fetch(settings, progress, retry)


def quiet(text: str) -> None:
    pass


def names(folder: Path) -> set[str]:
    return {path.name for path in folder.iterdir()}


def closed_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def assert_all_there(settings: Settings) -> None:
    assert names(settings.downloads) == {"cifar-10-batches-py", "weights"}
    unpacked = (settings.downloads / "cifar-10-batches-py").iterdir()
    assert {file.name: file.read_bytes() for file in unpacked} == BATCHES
    assert (settings.downloads / "weights").read_bytes() == WEIGHTS
