"""What the tests of downloading share: a host, settings that may connect, made-up sources."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from threading import Thread

import pytest
from support.local_host import ARCHIVE, BATCHES, WEIGHTS, Host, Sources, known

from mmn13lib.foundation.settings import Settings
from mmn13lib.q3_transfer.data import inputs


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
def sources(host: Host, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Sources]:
    """Make sources whose hosts have these manners, of a CIFAR-10 of three small files."""
    files = tuple(known(name, content) for name, content in BATCHES.items())
    monkeypatch.setattr(inputs, "CIFAR10_FILES", files)

    def make(*manners: str, weights: tuple[str, ...] = ("good",)) -> Sources:
        return Sources(
            archive=host.hosts("archive", ARCHIVE, *manners),
            weights=host.hosts("weights", WEIGHTS, *weights),
        )

    return make
