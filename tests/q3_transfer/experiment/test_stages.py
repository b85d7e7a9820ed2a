"""A step's key is made of all that makes it, and of nothing else."""

from dataclasses import replace

import pytest
import torch
from support.tiny_experiment import TINY

from mmn13lib.foundation import provenance
from mmn13lib.foundation.provenance import import_closure
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
def test_a_step_s_key_holds_what_makes_it_and_not_the_other_steps_or_what_is_said(
    step: str,
) -> None:
    files = import_closure([f"mmn13lib.q3_transfer.experiment.{step}"])[0]
    package = provenance.PACKAGE / "q3_transfer"
    assert {package / f"{name}.py" for name in (*MAKES[step], f"experiment/{step}")} <= {*files}
    said = {"progress", "plan", "stages", "steps", "run", "records", "inputs"}
    assert not {file.stem for file in files} & said


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
