"""Results come back as they were stored, and what is damaged is never shown."""

from collections.abc import Callable
from dataclasses import fields
from pathlib import Path

import numpy as np
import pytest
import torch

from mmn13lib.foundation.settings import Settings
from mmn13lib.foundation.storage import Damaged
from mmn13lib.q3_transfer.answer import load
from mmn13lib.q3_transfer.experiment import progress
from mmn13lib.q3_transfer.experiment.store import Step, Steps
from mmn13lib.q3_transfer.results import records
from mmn13lib.q3_transfer.results.records import Results

MakeResults = Callable[..., Results]


def test_results_come_back_as_they_were(made_up_results: MakeResults, tmp_path: Path) -> None:
    made = made_up_results()
    records.write(tmp_path, made)
    read = records.read(tmp_path, made.inputs)
    for name in ("head", "small_resnet"):
        np.testing.assert_equal(vars(getattr(read, name)), vars(getattr(made, name)))
    for field in fields(Results):
        if field.name not in ("head", "small_resnet"):
            np.testing.assert_equal(getattr(read, field.name), getattr(made, field.name))


@pytest.mark.parametrize("name", ["results.json", "results.safetensors"])
def test_altered_results_are_not_read(
    name: str, made_up_results: MakeResults, tmp_path: Path
) -> None:
    made = made_up_results()
    records.write(tmp_path, made)
    content = bytearray((tmp_path / name).read_bytes())
    content[len(content) // 2] ^= 1
    (tmp_path / name).write_bytes(content)
    with pytest.raises(Damaged, match=name):
        records.read(tmp_path, made.inputs)


def test_the_summary_is_computed_from_the_stored_results(
    made_up_results: MakeResults, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(load, "load", lambda _: made_up_results(head=0.87, small_resnet=0.80))
    summary = load.summary(settings)
    assert set(summary) == {"question", "answer", "numbers"}
    assert "87.0%" in summary["answer"]
    assert "80.0%" in summary["answer"]


def test_a_step_is_made_once(tmp_path: Path) -> None:
    steps, calls = Steps(tmp_path, print), []

    def make() -> Step:
        calls.append(1)
        return Step({"accuracy": 0.5}, {"logits": torch.arange(3.0)})

    for _ in range(2):
        step = steps.get("head", "0123", make)
        assert step.values == {"accuracy": 0.5}
        assert torch.equal(step.tensors["logits"], torch.arange(3.0))
        assert step.seconds > 0
    assert len(calls) == 1


@pytest.mark.parametrize("suffix", [".json", ".safetensors"])
def test_a_damaged_step_is_made_again_with_a_line_that_says_so(suffix: str, tmp_path: Path) -> None:
    lines: list[str] = []
    steps = Steps(tmp_path, lines.append)
    steps.get("head", "0123", lambda: Step({"made": 1}))
    path = steps.path("head", "0123", suffix)
    path.write_bytes(path.read_bytes()[:-1])
    assert steps.get("head", "0123", lambda: Step({"made": 2})).values == {"made": 2}
    (line,) = lines
    assert "The stored step head is damaged" in line
    assert f"{path.name} was truncated or altered" in line


def test_without_a_terminal_progress_is_plain_lines(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = iter([0.0, 10.0, 20.0, 30.0])
    monkeypatch.setattr(progress.time, "perf_counter", lambda: next(clock))
    lines: list[str] = []
    with progress.images_done("Features", 4000, lines.append, terminal=False) as add:
        for _ in range(3):
            add(1000)
    assert lines == ["Features: 2,000 of 4,000 images, 100 images/s, 0.3 min left"]


def test_on_a_terminal_progress_is_a_bar(capsys: pytest.CaptureFixture[str]) -> None:
    with progress.images_done("Features", 4, print, terminal=True) as add:
        add(4)
    shown = capsys.readouterr().err
    assert "Features: 100%" in shown
    assert "images/s" in shown
