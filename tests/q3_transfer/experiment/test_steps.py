"""A step's key is made of all that makes it: code, device, precision and versions."""

import shutil
from dataclasses import replace
from pathlib import Path

import pytest

from mmn13lib.foundation import provenance
from mmn13lib.foundation.provenance import code_digest, import_closure
from mmn13lib.foundation.settings import Settings
from mmn13lib.q3_transfer.experiment import steps
from mmn13lib.q3_transfer.experiment.run import results_folder
from mmn13lib.q3_transfer.experiment.steps import Steps
from mmn13lib.q3_transfer.models.small_resnet import SmallResNet

MAKES = {
    "features": {"models/backbone", "models/features", "data/preprocessing"},
    "head": {"models/backbone", "training/head", "training/history"},
    "small_resnet": {"models/small_resnet", "training/from_scratch", "training/schedule"},
    "trap": {"training/batchnorm_trap", "training/head", "models/backbone"},
    "speed": {"data/preprocessing", "models/costs", "models/features"},
}


def makers(step: str) -> list[str]:
    return [f"mmn13lib.q3_transfer.{module}" for module in steps.MAKERS[step]]


@pytest.mark.parametrize(
    ("step", "module"), [(s, m) for s, ms in MAKES.items() for m in sorted(ms)]
)
def test_an_edit_of_what_makes_a_step_changes_its_key(
    step: str, module: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    package = tmp_path / "mmn13lib"
    shutil.copytree(provenance.PACKAGE, package, ignore=shutil.ignore_patterns("__pycache__"))
    monkeypatch.setattr(provenance, "PACKAGE", package)
    monkeypatch.setattr(import_closure, "__defaults__", (package,))
    digest = code_digest.__wrapped__(*makers(step))
    assert digest == steps.CODE[step]
    file = package / "q3_transfer" / f"{module}.py"
    source = file.read_text("utf-8")
    file.write_text(f"{source}\n# a comment\n", "utf-8")
    assert code_digest.__wrapped__(*makers(step)) == digest
    file.write_text(f"{source}\nANOTHER = 1\n", "utf-8")
    assert code_digest.__wrapped__(*makers(step)) != digest


@pytest.mark.parametrize("step", MAKES)
def test_no_key_of_a_step_hangs_on_the_other_steps_or_on_what_is_said(step: str) -> None:
    files = {file.stem for file in import_closure(makers(step))[0]}
    assert not files & {"progress", "store", "steps", "run", "metrics", "records"}


def test_what_a_step_takes_and_keeps_is_part_of_its_key(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert steps.METHODS.keys() == steps.MAKERS.keys()
    assert "test_logits" in steps.METHODS["head"] and "trap_images" in steps.METHODS["trap"]
    run = Steps(settings, None, print)
    for step in steps.MAKERS:
        before = run._path(step)
        monkeypatch.setitem(steps.METHODS, step, "other code")
        assert run._path(step) != before


@pytest.mark.parametrize("what", ["device", "dtype", "torch", "torchvision"])
def test_another_device_precision_or_version_is_another_step(
    what: str, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    def files() -> list[Path]:
        run = Steps(settings, None, print)
        speed = run.speed(SmallResNet(channels=(1, 1, 1)))
        assert speed.values["images_per_second"] > 0
        return [*settings.results.rglob("*.safetensors"), results_folder(settings)]

    small = replace(steps.ExperimentSettings(), speed_batches=1, speed_batch_size=1)
    monkeypatch.setattr(steps.ExperimentSettings, "for_mode", lambda mode: small)
    *_, results = files()
    real = steps.environment()
    monkeypatch.setattr(steps, "environment", lambda: real | {what: "another"})
    monkeypatch.setattr("mmn13lib.q3_transfer.experiment.run.environment", steps.environment)
    assert len(files()) == 3
    assert results_folder(settings) != results
