"""`mmn13 fetch` against hosts on this machine: good, broken, slow, wrong and absent ones."""

import hashlib
import io
import socket
import tarfile
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Event, Thread
from typing import IO, Any

import pytest

from mmn13lib import downloads, mirrors
from mmn13lib.downloads import Sources, fetch
from mmn13lib.errors import UserError
from mmn13lib.mirrors import HostedFile, Patience
from mmn13lib.settings import Settings

QUICK = Patience(probe=1.0, others=0.2, silence=0.5, window=0.3, slowest=50_000)
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


def md5(content: bytes) -> str:
    return hashlib.md5(content).hexdigest()


class Handler(BaseHTTPRequestHandler):
    """Behave as the first part of the path says."""

    server: "Host"

    def do_GET(self) -> None:
        _, manner, name = self.path.split("/")
        span = self.headers["Range"].removeprefix("bytes=")
        start, _, end = span.partition("-")
        self.server.asked.append((manner, name, span))
        content = {"archive": ARCHIVE, "weights": WEIGHTS}.get(name, b"")
        if manner == "gone":
            return self.send_error(404)
        if manner == "wrong":
            content = content[:-1] + b"?"
        if manner == "mute":
            self.server.ended.wait(30)
            return None
        first = 0 if manner == "norange" else int(start)
        if first >= len(content):
            return self.send_error(416)
        body = content[first : int(end) + 1 if end else None]
        self.send_response(200 if manner == "norange" else 206)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if manner == "cut":
            body = body[: max(1, len(body) // 2)]
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

    def handle_error(self, *arguments: Any) -> None:
        """Keep quiet about clients that hang up, as they should on a slow host."""

    def urls(self, name: str, *manners: str) -> tuple[str, ...]:
        return tuple(f"http://127.0.0.1:{self.server_port}/{manner}/{name}" for manner in manners)

    def manners(self, name: str) -> list[str]:
        """List who was asked for the file itself, not only for its first byte."""
        return [m for m, asked, span in self.asked if asked == name and span != "0-0"]


@pytest.fixture
def host(monkeypatch: pytest.MonkeyPatch) -> Iterator[Host]:
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    server = Host()
    Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()
    yield server
    server.ended.set()
    server.shutdown()
    server.server_close()


@pytest.fixture
def online(settings: Settings) -> Settings:
    return replace(settings, offline=False)


@pytest.fixture
def sources(host: Host) -> Callable[..., Sources]:
    def make(*manners: str, weights: tuple[str, ...] = ("good",)) -> Sources:
        return Sources(
            archive=HostedFile("data", "archive", host.urls("archive", *manners), "md5",
                               md5(ARCHIVE)),
            batches={name: md5(content) for name, content in BATCHES.items()},
            weights=HostedFile("weights", "weights", host.urls("weights", *weights), "sha256",
                               hashlib.sha256(WEIGHTS).hexdigest()[:8]),
            patience=QUICK,
        )  # fmt: skip

    return make


def quiet(text: str) -> None:
    pass


def names(folder: Path) -> set[str]:
    return {path.name for path in folder.iterdir()} - {".lock"}


def closed_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def assert_all_there(settings: Settings) -> None:
    assert names(settings.downloads) == {"cifar-10-batches-py", "weights"}
    unpacked = (settings.downloads / "cifar-10-batches-py").iterdir()
    assert {file.name: file.read_bytes() for file in unpacked} == BATCHES
    assert (settings.downloads / "weights").read_bytes() == WEIGHTS


def test_data_are_unpacked_and_weights_stand_beside_them(
    online: Settings, sources: Callable[..., Sources]
) -> None:
    fetched = fetch(online, quiet, sources=sources("good"))
    assert fetched == downloads.Fetched(online.downloads, online.downloads / "weights", ())
    assert_all_there(online)


def test_a_second_fetch_asks_nobody(
    online: Settings, host: Host, sources: Callable[..., Sources]
) -> None:
    fetch(online, quiet, sources=sources("good"))
    host.asked.clear()
    assert not fetch(online, quiet, sources=sources("good")).missing
    assert not host.asked


@pytest.mark.parametrize("manner", ["gone", "wrong", "cut", "crawl", "stall", "mute"])
def test_a_bad_host_is_left_for_the_next(
    manner: str, online: Settings, sources: Callable[..., Sources]
) -> None:
    assert not fetch(online, quiet, sources=sources(manner, "good")).missing
    assert_all_there(online)


def test_what_a_broken_download_gave_is_not_fetched_again(
    online: Settings, host: Host, sources: Callable[..., Sources]
) -> None:
    said: list[str] = []
    fetch(online, said.append, sources=sources("cut", "good"))
    assert any("going on from" in line for line in said)
    spans = [span for _, name, span in host.asked if name == "archive" and span != "0-0"]
    assert spans == ["0-", f"{len(ARCHIVE) // 2}-"]


def test_a_host_that_ignores_ranges_starts_the_file_anew(
    online: Settings, host: Host, sources: Callable[..., Sources]
) -> None:
    fetch(online, quiet, sources=sources("cut", "norange"))
    assert host.manners("archive") == ["cut", "norange"]
    assert_all_there(online)


def test_a_part_that_is_whole_already_is_used(
    online: Settings, sources: Callable[..., Sources]
) -> None:
    online.downloads.mkdir(parents=True)
    (online.downloads / "archive.part").write_bytes(ARCHIVE)
    assert not fetch(online, quiet, sources=sources("good")).missing
    assert_all_there(online)


@pytest.mark.parametrize("length", [1000, len(ARCHIVE), 2 * len(ARCHIVE)])
def test_a_part_of_something_else_costs_one_more_try(
    length: int, online: Settings, host: Host, sources: Callable[..., Sources]
) -> None:
    online.downloads.mkdir(parents=True)
    (online.downloads / "archive.part").write_bytes(b"x" * length)
    assert not fetch(online, quiet, sources=sources("good")).missing
    assert host.manners("archive") == ["good", "good"]
    assert_all_there(online)


def test_a_file_with_a_wrong_checksum_never_gets_its_name(
    online: Settings, sources: Callable[..., Sources]
) -> None:
    fetched = fetch(online, quiet, sources=sources("wrong", weights=("wrong",)))
    assert fetched.data is None and fetched.weights is None
    assert all("checksum" in reason for reason in fetched.missing)
    assert names(online.downloads) == set()


def test_a_host_that_only_crawls_is_given_up_and_its_part_is_kept(
    online: Settings, sources: Callable[..., Sources]
) -> None:
    begun = time.monotonic()
    (reason,) = fetch(online, quiet, sources=sources("crawl")).missing
    assert time.monotonic() - begun < 5
    assert "too slow" in reason
    assert names(online.downloads) == {"archive.part", "weights"}


@pytest.mark.timeout(30)
def test_no_network_is_found_out_within_the_time_for_asking(online: Settings, host: Host) -> None:
    port = closed_port()
    urls = (f"http://127.0.0.1:{port}/x", *host.urls("archive", "mute"))
    nowhere = Sources(
        archive=HostedFile("data", "archive", urls, "md5", "0"),
        weights=HostedFile("weights", "weights", urls, "md5", "0"),
        patience=QUICK,
    )
    begun = time.monotonic()
    fetched = fetch(online, quiet, sources=nowhere)
    assert time.monotonic() - begun < QUICK.probe + 1
    assert len(fetched.missing) == 2 and "network" in fetched.missing[0]


def test_the_real_patience_keeps_the_promise_of_ten_seconds() -> None:
    assert Patience().probe + Patience().others < 10


def test_a_name_look_up_that_hangs_does_not_hang_the_program(
    online: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    ended = Event()

    def hang(*arguments: Any, **options: Any) -> None:
        ended.wait(10)
        raise socket.gaierror

    monkeypatch.setattr(socket, "getaddrinfo", hang)
    before = set(threading.enumerate())
    begun = time.monotonic()
    assert len(fetch(online, quiet, sources=Sources(patience=QUICK)).missing) == 2
    # Python waits at its end for threads that are not
    assert all(thread.daemon for thread in set(threading.enumerate()) - before)
    ended.set()
    assert time.monotonic() - begun < QUICK.probe + 1


def test_failure_is_remembered_for_an_hour_except_by_fetch_itself(
    online: Settings, host: Host, sources: Callable[..., Sources], monkeypatch: pytest.MonkeyPatch
) -> None:
    fetch(online, quiet, patient=False, sources=sources("gone"))
    host.asked.clear()
    (reason,) = fetch(online, quiet, patient=False, sources=sources("good")).missing
    assert "minutes ago" in reason and not host.asked

    now = time.time()
    monkeypatch.setattr(time, "time", lambda: now + 3700)
    assert not fetch(online, quiet, patient=False, sources=sources("good")).missing


def test_fetch_itself_tries_whatever_is_remembered(
    online: Settings, sources: Callable[..., Sources]
) -> None:
    fetch(online, quiet, patient=False, sources=sources("gone"))
    assert not fetch(online, quiet, sources=sources("good")).missing


def test_a_damaged_memory_of_failures_is_ignored(
    online: Settings, sources: Callable[..., Sources]
) -> None:
    fetch(online, quiet, sources=sources("gone"))
    (online.cache / "offline.json").write_text("{")
    assert not fetch(online, quiet, patient=False, sources=sources("good")).missing


def test_offline_makes_no_connection(
    settings: Settings, sources: Callable[..., Sources], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(mirrors, "urlopen", lambda *a, **k: pytest.fail("connected"))
    fetched = fetch(settings, quiet, sources=sources("good"))
    assert len(fetched.missing) == 2 and "offline" in fetched.missing[0]


def test_what_the_settings_name_is_not_downloaded(
    online: Settings, host: Host, sources: Callable[..., Sources], tmp_path: Path
) -> None:
    given = replace(online, data=tmp_path / "mine", weights=tmp_path / "mine.pth")
    fetched = fetch(given, quiet, sources=sources("good"))
    assert (fetched.data, fetched.weights) == (given.data, given.weights)
    assert not host.asked and not online.downloads.exists()


def test_an_archive_put_there_by_hand_is_unpacked_offline(
    settings: Settings, sources: Callable[..., Sources]
) -> None:
    settings.downloads.mkdir(parents=True)
    (settings.downloads / "archive").write_bytes(ARCHIVE)
    fetched = fetch(settings, quiet, sources=sources("good"))
    assert fetched.data == settings.downloads
    assert names(settings.downloads) == {"cifar-10-batches-py"}


def test_a_truncated_archive_is_noticed_and_continued(
    online: Settings, host: Host, sources: Callable[..., Sources]
) -> None:
    online.downloads.mkdir(parents=True)
    (online.downloads / "archive").write_bytes(ARCHIVE[:5000])
    said: list[str] = []
    assert not fetch(online, said.append, sources=sources("good")).missing
    assert any("truncated" in line for line in said)
    assert ("good", "archive", "5000-") in host.asked
    assert_all_there(online)


def test_a_corrupted_batch_is_fetched_again(
    online: Settings, sources: Callable[..., Sources]
) -> None:
    fetch(online, quiet, sources=sources("good"))
    (online.downloads / "cifar-10-batches-py" / "test_batch").write_bytes(b"x")
    fetch(online, quiet, sources=sources("good"))
    assert_all_there(online)


def test_an_archive_can_write_nothing_but_the_batches(
    settings: Settings, sources: Callable[..., Sources], tmp_path: Path
) -> None:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz") as tar:
        for name in ("../../evil", "/tmp/evil", "cifar-10-batches-py/../../evil"):
            member = tarfile.TarInfo(name)
            member.size = 4
            tar.addfile(member, io.BytesIO(b"evil"))
        link = tarfile.TarInfo("cifar-10-batches-py/test_batch")
        link.type, link.linkname = tarfile.SYMTYPE, "/etc/hostname"
        tar.addfile(link)
    settings.downloads.mkdir(parents=True)
    (settings.downloads / "archive").write_bytes(buffer.getvalue())
    evil = sources("good")
    evil = replace(evil, archive=replace(evil.archive, digest=md5(buffer.getvalue())))
    before = {path for path in tmp_path.rglob("*") if "downloads" not in path.parts}
    assert fetch(settings, quiet, sources=evil).data is None
    assert {path for path in tmp_path.rglob("*") if "downloads" not in path.parts} == before
    assert names(settings.downloads) == set()


class FullDisk(io.FileIO):
    def write(self, content: Any) -> int:
        super().write(content[:10])
        raise OSError(28, "No space left on device")


@pytest.mark.parametrize("victim", ["archive.part", "test_batch"])
def test_a_full_disk_is_an_error_and_leaves_nothing_half(
    victim: str,
    online: Settings,
    sources: Callable[..., Sources],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    original = Path.open

    def limited(path: Path, mode: str = "r", *arguments: Any, **options: Any) -> IO[Any]:
        if path.name == victim and mode != "rb":
            return FullDisk(path, mode)
        return original(path, mode, *arguments, **options)

    monkeypatch.setattr(Path, "open", limited)
    with pytest.raises(UserError, match="disk is full"):
        fetch(online, quiet, sources=sources("good"))
    # an archive that is whole may stay for the next try; nothing else has a final name
    assert names(online.downloads) <= {"archive", "weights"}


def test_a_folder_that_cannot_be_written_is_an_error(
    online: Settings, sources: Callable[..., Sources], monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(path: Path, *arguments: Any, **options: Any) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "mkdir", refuse)
    with pytest.raises(UserError, match="can't be written"):
        fetch(online, quiet, sources=sources("good"))


def test_two_downloads_at_once_are_refused(
    online: Settings, sources: Callable[..., Sources]
) -> None:
    with (
        downloads._alone(online.downloads),
        pytest.raises(UserError, match="Another mmn13"),
    ):
        fetch(online, quiet, sources=sources("good"))


def test_leftovers_of_a_killed_process_are_swept(
    online: Settings, sources: Callable[..., Sources]
) -> None:
    leftover = online.downloads / ".unpacking-abc"
    leftover.mkdir(parents=True)
    (leftover / "half").write_text("")
    fetch(online, quiet, sources=sources("good"))
    assert_all_there(online)


def test_the_checksums_are_those_that_torchvision_checks() -> None:
    from torchvision.datasets import CIFAR10

    genuine = dict([*CIFAR10.train_list, *CIFAR10.test_list])
    genuine[CIFAR10.meta["filename"]] = CIFAR10.meta["md5"]
    assert genuine == downloads.BATCHES
    assert CIFAR10.tgz_md5 == downloads.ARCHIVE.digest
    assert CIFAR10.url == downloads.ARCHIVE.urls[-1]
    assert CIFAR10.base_folder == downloads.BATCHES_FOLDER
