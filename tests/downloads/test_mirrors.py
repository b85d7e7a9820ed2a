"""Hosts that are broken, slow, wrong or absent are left for the next, and named."""

import re
import socket
import threading
from collections.abc import Callable
from typing import Any

import pytest

from mmn13lib.downloads.fetch import fetch
from mmn13lib.foundation.settings import Settings

BAD = {
    "404": "answered 404",
    "429": "answered 429",
    "wrong": "checksum is wrong",
    "page": "checksum is wrong",
    "endless": "more than the file",
    "cut": "broke off",
    "stall": "did not answer in time",
    "crawl": "too slow",
    "mute": "no host answered",
}


@pytest.mark.parametrize("manner", BAD)
def test_a_bad_host_is_left_for_the_next_and_what_it_did_is_said(
    manner: str, online: Settings, hosts: Callable[..., None]
) -> None:
    hosts(manner)
    (reason,) = fetch(online)
    assert re.search(BAD[manner], reason)
    assert {path.name for path in online.downloads.iterdir()} == {"weights"}
    hosts(manner, "good")
    assert not fetch(online)


def test_a_name_look_up_that_hangs_does_not_hang_the_program(
    online: Settings, hosts: Callable[..., None], monkeypatch: pytest.MonkeyPatch
) -> None:
    hosts("good")
    ended = threading.Event()

    def hang(*arguments: Any, **options: Any) -> None:
        ended.wait(60)
        raise socket.gaierror

    monkeypatch.setattr(socket, "getaddrinfo", hang)
    before = set(threading.enumerate())
    assert len(fetch(online)) == 2
    # Python waits at its end for threads that are no daemons
    assert all(thread.daemon for thread in set(threading.enumerate()) - before)
    ended.set()
