"""Steps are made once, found by what makes them, and survive damage, kills and a full disk."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

from mmn13lib.foundation import steps
from mmn13lib.foundation.steps import Task

calls: list[str] = []


@dataclass(frozen=True)
class Choice:
    """A step's settings."""

    rate: float = 0.1


def doubled(tensor: Tensor, choice: Choice, seed: int) -> Any:
    calls.append("doubled")
    return {"made": seed}, {"logits": 2 * tensor}


def summed(parts: tuple[steps.Step, ...], *, on_images: Any, checkpoint: Path) -> Any:
    on_images(3)
    checkpoint.parent.mkdir(parents=True, exist_ok=True)
    checkpoint.write_text("unfinished")
    return {}, {"sum": sum(part.tensors["logits"].sum() for part in parts)}


@pytest.fixture(autouse=True)
def a_module_of_the_package(monkeypatch: pytest.MonkeyPatch) -> None:
    """Keys take the code of the function's module, which must be the package's."""
    for function in (doubled, summed):
        monkeypatch.setattr(function, "__module__", "mmn13lib.foundation.steps")
    calls.clear()


def task(folder: Path, seed: int = 0) -> Task:
    return Task(folder, doubled, torch.arange(3.0), Choice(), seed)


def test_a_step_is_made_once_and_found_as_it_was_made_and_where(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = task(tmp_path).do()
    monkeypatch.setattr(steps, "hardware", lambda: {"cpu": "another"})
    found = task(tmp_path).find()
    assert found is not None and calls == ["doubled"]
    assert (found.values, found.made) == (made.values, made.made)
    assert torch.equal(found.tensors["logits"], 2 * torch.arange(3.0))
    assert found.seconds > 0 and "T" in found.made["date"] and "torch" in found.made["hardware"]


def test_what_another_task_makes_is_handed_on(tmp_path: Path) -> None:
    counted: list[int] = []
    parts = task(tmp_path, 1), task(tmp_path, 2)
    whole = Task(tmp_path, summed, parts)
    assert whole.do(on_images=counted.append).tensors["sum"] == 12
    assert (calls, counted) == (["doubled", "doubled"], [3])
    assert [file.suffix for file in (tmp_path / "summed").iterdir()] == [".safetensors"]
    assert whole.key != Task(tmp_path, summed, (parts[0], task(tmp_path, 3))).key


def test_other_arguments_are_another_step(tmp_path: Path) -> None:
    file = tmp_path / "weights"
    file.write_bytes(b"1")
    other = tmp_path / "renamed"
    other.write_bytes(b"1")
    (tmp_path / "changed").write_bytes(b"2")
    zeros = torch.zeros(2, 3)
    arguments = [
        zeros, torch.ones(2, 3), zeros.reshape(3, 2), zeros.bfloat16(), zeros.int(),
        Choice(), Choice(rate=0.2), (zeros, zeros), None, 1, "1", file, tmp_path / "changed",
    ]  # fmt: skip
    assert len({Task(tmp_path, doubled, one).key for one in arguments}) == len(arguments)
    assert Task(tmp_path, doubled, file).key == Task(tmp_path, doubled, other).key
    view = torch.zeros(3, 2).T
    assert Task(tmp_path, doubled, zeros).key == Task(tmp_path, doubled, view).key


def test_other_versions_or_other_code_are_another_step(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = task(tmp_path).key
    monkeypatch.setattr(doubled, "__module__", "mmn13lib.foundation.errors")
    second = task(tmp_path).key
    monkeypatch.setattr(steps, "versions", lambda: {"torch": "9.9"})
    assert len({first, second, task(tmp_path).key}) == 3


@pytest.mark.parametrize("spoil", [lambda whole: whole[:-1], lambda whole: whole[:-1] + b"?"])
def test_a_damaged_step_is_made_again_with_a_line_that_says_so(spoil, tmp_path: Path) -> None:
    lines: list[str] = []
    path = task(tmp_path).path
    task(tmp_path).do()
    path.write_bytes(spoil(path.read_bytes()))
    damaged = task(tmp_path)
    assert damaged.find(lines.append) is None
    assert [f"({path.name} was truncated or altered)" in line for line in lines] == [True]
    damaged.do()
    assert task(tmp_path).find() is not None and calls == ["doubled", "doubled"]


def test_a_training_took_what_its_epochs_took_whichever_process_did_them(tmp_path: Path) -> None:
    values = {"history": [{"seconds": 1800.0}, {"seconds": 1800.0}]}
    assert steps.Step(values, {}, {"seconds": 1.0}).seconds == 3600
