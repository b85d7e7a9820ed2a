"""Hosts that are broken, slow, wrong or absent, and downloads that go on where they stopped."""

import socket
import threading
import time
from collections.abc import Callable
from threading import Event
from typing import Any

import pytest
from support.local_host import ARCHIVE, QUICK, Host, assert_all_there, closed_port, names, quiet

from mmn13lib.downloads.fetch import Sources, fetch
from mmn13lib.downloads.resumable import HostedFile, Patience
from mmn13lib.foundation.settings import Settings


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
