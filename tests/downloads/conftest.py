"""What the tests of downloading share: a host, settings that may connect, what is to be had."""

import hashlib
from collections.abc import Callable, Iterator
from dataclasses import replace
from threading import Thread

import pytest
from support.local_host import BATCHES, CONTENT, Host

from mmn13lib.downloads import fetch
from mmn13lib.downloads.hosts import HostedFile
from mmn13lib.foundation.settings import Settings
from mmn13lib.q3_transfer.data import inputs
from mmn13lib.q3_transfer.data.inputs import KnownFile


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
def hosts(host: Host, monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """Let hosts with these manners have the weights and a CIFAR-10 of three small files."""

    def known(name: str, content: bytes) -> KnownFile:
        return KnownFile(name, len(content), hashlib.sha256(content).hexdigest())

    def hosted(name: str, *manners: str) -> HostedFile:
        urls = tuple(host.url(manner, name) for manner in manners)
        return HostedFile(name, known(name, CONTENT[name]), urls)

    def use(*manners: str, weights: tuple[str, ...] = ("good",)) -> None:
        monkeypatch.setattr(fetch, "CIFAR10_ARCHIVE", hosted("archive", *manners))
        monkeypatch.setattr(fetch, "WEIGHTS", hosted("weights", *weights))

    files = tuple(known(name, content) for name, content in BATCHES.items())
    monkeypatch.setattr(inputs, "CIFAR10_FILES", files)
    monkeypatch.setattr(fetch, "TIMEOUTS", (0.6, 0.6))
    return use
