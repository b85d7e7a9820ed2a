"""A step's key is made of all that makes it, and of nothing else."""

from dataclasses import replace

import pytest
import torch
from support.tiny_experiment import TINY

from mmn13lib.foundation.provenance import import_closure
from mmn13lib.foundation.settings import Settings
from mmn13lib.q3_transfer.data.inputs import resolve
from mmn13lib.q3_transfer.experiment import stages
from mmn13lib.q3_transfer.experiment.settings import ExperimentSettings
from mmn13lib.q3_transfer.experiment.stages import Stages


@pytest.mark.parametrize("step", ["features", "head", "small_resnet", "trap", "speed"])
def test_what_is_said_and_planned_is_in_no_step_s_key(step: str) -> None:
    files = import_closure([f"mmn13lib.q3_transfer.experiment.{step}"])[0]
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


def test_no_step_learns_from_validation_or_test_images(settings: Settings) -> None:
    found = Stages(settings, resolve(settings), TINY)

    def content(images: torch.Tensor) -> set[bytes]:
        return {image.numpy().tobytes() for image in images}

    validation, test = content(found.images[found.validation]), content(found.test_images)
    given = [(job.task.make.__name__, job.task.arguments) for s in found.all for job in s.jobs]
    learned = [found.images[arguments[3]] for name, arguments in given if name == "head"]
    learned += [arguments[0][0] for name, arguments in given if name == "small_resnet"]
    (trap,) = (arguments for name, arguments in given if name == "trap")
    assert len(learned) == 2 + 1 + 1 + 1
    assert not any(content(images) & (validation | test) for images in [*learned, trap[1][0]])
    assert content(trap[2][0]) <= validation
