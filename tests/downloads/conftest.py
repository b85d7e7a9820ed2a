"""What the tests of downloading share: a host, settings that may connect, made-up sources."""

import hashlib
from collections.abc import Callable, Iterator
from dataclasses import replace
from threading import Thread

import pytest
from support.local_host import ARCHIVE, BATCHES, QUICK, WEIGHTS, Host, md5

from mmn13lib.downloads.fetch import Sources
from mmn13lib.downloads.resumable import HostedFile
from mmn13lib.foundation.settings import Settings


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
