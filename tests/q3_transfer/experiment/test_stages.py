"""A step's key is made of all that makes it, and of nothing else."""

import shutil
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from support.tiny_experiment import TINY

from mmn13lib.foundation import provenance
from mmn13lib.foundation.provenance import code_digest, import_closure
from mmn13lib.foundation.settings import Settings
from mmn13lib.q3_transfer.data.inputs import resolve
from mmn13lib.q3_transfer.experiment import stages
from mmn13lib.q3_transfer.experiment.settings import ExperimentSettings
from mmn13lib.q3_transfer.experiment.stages import Stages

MAKES = {
    "features": {"models/backbone", "models/features", "data/preprocessing"},
    "head": {"models/backbone", "training/head", "training/history"},
    "small_resnet": {"models/small_resnet", "training/from_scratch", "training/history"},
    "trap": {"training/batchnorm_trap", "training/head", "models/backbone"},
    "speed": {"data/preprocessing", "models/costs", "models/features"},
}


@pytest.mark.parametrize("step", MAKES)
def test_an_edit_of_what_makes_a_step_changes_its_key(
    step: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    module = f"mmn13lib.q3_transfer.experiment.{step}"
    package = tmp_path / "mmn13lib"
    shutil.copytree(provenance.PACKAGE, package, ignore=shutil.ignore_patterns("__pycache__"))
    monkeypatch.setattr(provenance, "PACKAGE", package)
    monkeypatch.setattr(import_closure, "__defaults__", (package,))
    digest = code_digest.__wrapped__(module)
    for name in {*MAKES[step], f"experiment/{step}"}:
        file = package / "q3_transfer" / f"{name}.py"
        source = file.read_text("utf-8")
        file.write_text(f"{source}\n# a comment\n", "utf-8")
        assert code_digest.__wrapped__(module) == digest
        file.write_text(f"{source}\nANOTHER = 1\n", "utf-8")
        assert code_digest.__wrapped__(module) != digest
        file.write_text(source, "utf-8")


@pytest.mark.parametrize("step", MAKES)
def test_no_key_of_a_step_hangs_on_the_other_steps_or_on_what_is_said(step: str) -> None:
    files = {file.stem for file in import_closure([f"mmn13lib.q3_transfer.experiment.{step}"])[0]}
    said = {"progress", "plan", "stages", "steps", "run", "records", "inputs"}
    assert not files & said


def keys(settings: Settings, config: ExperimentSettings = TINY) -> dict[str, list[str]]:
    found = Stages(settings, resolve(settings), config)
    return {stage.name: [job.task.key for job in stage.jobs] for stage in found.all}


@pytest.mark.parametrize(
    ("what", "changed"),
    [
        ("device", {"features", "heads", "few labels, heads", "small network",
                    "few labels, small networks", "speed of classification"}),
        ("dtype", {"features", "heads", "few labels, heads", "speed of classification"}),
        ("shards", {"features", "heads", "few labels, heads"}),
        ("small_resnet", {"small network", "few labels, small networks"}),
        ("head", {"heads", "few labels, heads"}),
    ],
)  # fmt: skip
def test_a_change_changes_the_steps_that_it_concerns(
    what: str, changed: set[str], settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(stages, "choose_dtype", lambda device: torch.float32)
    before, config = keys(settings), TINY
    if what == "device":
        monkeypatch.setattr(stages, "choose_device", lambda: torch.device("meta"))
    elif what == "dtype":
        monkeypatch.setattr(stages, "choose_dtype", lambda device: torch.bfloat16)
    elif what == "shards":
        monkeypatch.setattr(stages, "SHARD_SIZE", 5)
    elif what == "small_resnet":
        config = replace(TINY, small_resnet=replace(TINY.small_resnet, momentum=0.5))
    else:
        config = replace(TINY, head=replace(TINY.head, weight_decay=0.5))
    after = keys(settings, config)
    assert {name for name in before if before[name] != after[name]} == changed


def test_the_settings_of_each_training_are_in_its_key_alone(settings: Settings) -> None:
    before, after = keys(settings), keys(settings, replace(TINY, label_counts=(5, 8)))
    assert before["heads"] == after["heads"] and before["small network"] == after["small network"]
    assert (
        after["few labels, heads"][: len(before["few labels, heads"])]
        == (before["few labels, heads"])
    )
