"""The load of other processes is told from one's own."""

from collections import namedtuple
from collections.abc import Iterator

import pytest

from mmn13lib.foundation import hardware
from mmn13lib.foundation.hardware import load_watch

Times = namedtuple("Times", "user system idle iowait guest")


@pytest.fixture
def passes(monkeypatch: pytest.MonkeyPatch) -> Iterator[dict[str, float]]:
    """A machine of two cores on which ten seconds pass, with what the cores did meanwhile."""
    did = {"own": 0.0, "others": 0.0}
    clock = iter([0.0, 10.0])
    before = iter([0.0, 1.0])
    own = iter([0.0, 1.0])

    def cores(percpu: bool) -> list[Times]:
        assert percpu
        now = next(before)
        used = now * (did["own"] + did["others"]) / 2
        core = Times(used, 0.0, now * 10 - used, 0.0, 0.0)
        return [core, core, Times(9.0 * now, 0.0, now, 0.0, 0.0)]  # a third is not ours

    monkeypatch.setattr(hardware, "_cores", lambda: {0, 1})
    monkeypatch.setattr(hardware.time, "perf_counter", lambda: next(clock))
    monkeypatch.setattr(hardware.psutil, "cpu_times", cores)
    monkeypatch.setattr(hardware.os, "times", lambda: (next(own) * did["own"], 0.0, 0.0, 0.0, 0.0))
    yield did


@pytest.mark.parametrize(
    ("own", "others", "busy"), [(20.0, 0.0, False), (1.0, 1.0, False), (1.0, 3.0, True)]
)
def test_only_what_others_use_makes_a_machine_busy(
    own: float, others: float, busy: bool, passes: dict[str, float]
) -> None:
    passes |= {"own": own, "others": others}
    with load_watch() as load:
        pass
    assert load.others == pytest.approx(others / 20, abs=0.002)
    assert load.busy is busy


def test_the_machine_is_described() -> None:
    found = hardware.hardware()
    assert found["cores"] >= 1 and found["memory"] >= 0
    assert {"cpu", "system", "python", "torch", "torchvision"} <= found.keys()


def test_a_real_watch_gives_a_share() -> None:
    with load_watch() as load:
        sum(range(10**6))
    assert 0 <= load.others <= 1.1
