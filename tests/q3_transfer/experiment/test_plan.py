"""What an experiment will do is said before, and what is kept when it is stopped."""

from dataclasses import dataclass
from types import SimpleNamespace
from typing import Any

import pytest

from mmn13lib.q3_transfer.experiment import plan
from mmn13lib.q3_transfer.experiment.plan import Plan
from mmn13lib.q3_transfer.experiment.stages import Job, Stage


@dataclass
class Fake:
    """Stands in for a task: done or not, and what happens when it is."""

    name: str
    done: bool = False
    error: BaseException | None = None

    def find(self, progress: Any = None) -> Any:
        return self.done or None

    def do(self, on_images: Any) -> None:
        if self.error:
            raise self.error
        self.done = True


def stages(*stages: Stage) -> Any:
    return SimpleNamespace(all=stages)


@pytest.fixture(autouse=True)
def rates(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(
        plan, "measured_rates", lambda stages: {"backbone": 100.0, "SmallResNet": 50.0}
    )


FEATURES = Stage("features", "backbone", [Job(n, Fake(f"f{n}", n < 2), 20_000) for n in range(5)])
HEADS = Stage("heads", "", [Job(0, Fake("h"))])
SMALL = Stage("small network", "SmallResNet", [Job(0, Fake("s"), 180_000)])
DONE = Stage("speed", "", [Job(0, Fake("d", done=True))])


def test_only_what_is_missing_is_planned_and_timed() -> None:
    found = Plan.of(stages(FEATURES, HEADS, DONE, SMALL))
    assert [stage.name for stage in found.stages] == ["features", "heads", "small network"]
    assert [found.seconds(number) for number in range(4)] == [4200, 3600, 3600, 0]
    assert str(found) == "Question 3's experiment: 3 steps, about 1 h 10 min on this machine."


def test_when_it_is_stopped_it_says_what_is_kept_and_how_to_go_on() -> None:
    stopped = Stage("few labels", "", [Job(0, Fake("few", error=KeyboardInterrupt()))])
    lines: list[str] = []
    with pytest.raises(KeyboardInterrupt):
        Plan.of(stages(stopped)).do(lines.append)
    assert lines[-1].startswith("Stopped. What is finished is stored")
    assert "the same command goes on" in lines[-1]
