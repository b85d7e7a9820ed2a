"""Hosts that are broken, slow, wrong or absent, and downloads that go on where they stopped."""

import re
import socket
import threading
from collections.abc import Callable
from http.client import HTTPMessage
from io import BytesIO
from threading import Event
from typing import Any
from urllib.error import URLError
from urllib.request import Request

import pytest
from support.local_host import (
    ARCHIVE,
    Host,
    Sources,
    assert_all_there,
    closed_port,
    fetch,
    known,
    names,
    quiet,
)

from mmn13lib.downloads import resumable
from mmn13lib.downloads.hosts import HostedFile
from mmn13lib.foundation.errors import UserError
from mmn13lib.foundation.settings import Settings

HALF = len(ARCHIVE) // 2


def have(settings: Settings, part: bytes) -> None:
    settings.downloads.mkdir(parents=True)
    (settings.downloads / "archive.part").write_bytes(part)


@pytest.mark.parametrize(
    "manner", ["gone", "wrong", "cut", "crawl", "stall", "mute", "login", "login later"]
)
def test_a_bad_host_is_left_for_the_next(
    manner: str, online: Settings, sources: Callable[..., Sources]
) -> None:
    assert not fetch(online, quiet, sources=sources(manner, "good"))
    assert_all_there(online)


def test_what_a_broken_download_gave_is_not_fetched_again(
    online: Settings, host: Host, sources: Callable[..., Sources]
) -> None:
    said: list[str] = []
    fetch(online, said.append, sources=sources("cut", "good"))
    assert any("going on from" in line for line in said)
    spans = [span for _, name, span in host.asked if name == "archive" and span != "0-0"]
    assert spans == ["0-", f"{HALF}-"]


def test_a_host_that_cannot_continue_is_read_past_what_is_there(
    online: Settings, host: Host, sources: Callable[..., Sources]
) -> None:
    fetch(online, quiet, sources=sources("cut", "no ranges"))
    assert host.manners("archive") == ["cut", "no ranges"]
    assert_all_there(online)


@pytest.mark.parametrize(
    ("manner", "words"),
    [
        ("login", "network"),
        ("login later", "sent something else"),
        ("another range", "sent something else"),
        ("no ranges, cut", "broke off|IncompleteRead"),
    ],
)
def test_whatever_a_host_answers_the_part_is_kept(
    manner: str, words: str, online: Settings, sources: Callable[..., Sources]
) -> None:
    have(online, ARCHIVE[:HALF])
    (reason,) = fetch(online, quiet, sources=sources(manner))
    assert re.search(words, reason)
    assert (online.downloads / "archive.part").read_bytes() == ARCHIVE[:HALF]


def test_a_part_that_is_whole_already_is_used(
    online: Settings, host: Host, sources: Callable[..., Sources]
) -> None:
    have(online, ARCHIVE)
    assert not fetch(online, quiet, sources=sources("good"))
    assert host.manners("archive") == []
    assert_all_there(online)


def test_a_folder_in_the_part_s_place_is_an_error(
    online: Settings, sources: Callable[..., Sources]
) -> None:
    (online.downloads / "archive.part").mkdir(parents=True)
    with pytest.raises(UserError, match="could not be written"):
        fetch(online, quiet, sources=sources("good"))


@pytest.mark.parametrize(("length", "asked"), [(1000, 2), (len(ARCHIVE), 1), (2 * len(ARCHIVE), 1)])
def test_a_part_of_something_else_costs_one_more_try(
    length: int, asked: int, online: Settings, host: Host, sources: Callable[..., Sources]
) -> None:
    have(online, b"x" * length)
    assert not fetch(online, quiet, sources=sources("good"))
    assert host.manners("archive") == ["good"] * asked
    assert_all_there(online)


def test_a_host_that_only_crawls_is_given_up_and_its_part_is_kept(
    online: Settings, sources: Callable[..., Sources]
) -> None:
    (reason,) = fetch(online, quiet, sources=sources("crawl"))
    assert "too slow" in reason
    assert names(online.downloads) == {"archive.part", "weights"}


def test_no_redirect_leads_from_https_to_http() -> None:
    def redirect(url: str) -> Request | None:
        asked = Request("https://example.org/x")
        handler = resumable._NoWayBackToHttp()
        return handler.redirect_request(asked, BytesIO(), 302, "Found", HTTPMessage(), url)

    assert redirect("https://example.org/y") is not None
    with pytest.raises(URLError, match="leads away from https"):
        redirect("http://example.org/y")


def test_no_network_is_found_out_while_hosts_are_silent(online: Settings, host: Host) -> None:
    def nowhere(name: str) -> HostedFile:
        urls = (f"http://127.0.0.1:{closed_port()}/{name}", *host.urls(name, "mute"))
        return HostedFile(name, known(name, b""), urls)

    sources = Sources(archive=nowhere("archive"), weights=nowhere("weights"))
    reasons = fetch(online, quiet, sources=sources)
    assert host.waited_out == []
    assert len(reasons) == 2 and "network" in reasons[0]


def test_the_real_limits_keep_the_promise_of_ten_seconds() -> None:
    assert resumable.PROBE_TIMEOUT + resumable.OTHER_HOSTS_TIMEOUT < 10


def test_a_name_look_up_that_hangs_does_not_hang_the_program(
    online: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    ended = Event()
    waited_out: list[bool] = []

    def hang(*arguments: Any, **options: Any) -> None:
        waited_out.append(not ended.wait(60))
        raise socket.gaierror

    monkeypatch.setattr(socket, "getaddrinfo", hang)
    before = set(threading.enumerate())
    assert len(fetch(online, quiet, sources=Sources())) == 2
    assert waited_out == []
    # Python waits at its end for threads that are not
    assert all(thread.daemon for thread in set(threading.enumerate()) - before)
    ended.set()
