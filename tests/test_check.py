"""`mmn13 check` finds what is missing, old or damaged, and says what mends it."""

import hashlib
import os
import shutil
import sys
from collections import namedtuple
from collections.abc import Callable
from dataclasses import replace
from importlib.metadata import PackageNotFoundError
from pathlib import Path
from typing import Any

import pytest
import torch
from torchvision.models import resnet18

from mmn13lib import check
from mmn13lib.check import Requirement
from mmn13lib.foundation.settings import Settings
from mmn13lib.q3_transfer.data import inputs

BATCHES = (inputs.KnownFile("test_batch", 5, hashlib.sha256(b"batch").hexdigest()),)
Usage = namedtuple("Usage", "total used free")


def unpack(folder: Path, content: bytes = b"batch") -> Path:
    (folder / "cifar-10-batches-py").mkdir(parents=True)
    (folder / "cifar-10-batches-py" / "test_batch").write_bytes(content)
    return folder


def raising(error: Exception) -> Callable[..., Any]:
    def fail(*arguments: Any, **options: Any) -> None:
        raise error

    return fail


def state(requirement: Requirement) -> tuple[bool, bool]:
    return requirement.ok, requirement.needed


def test_every_failure_says_what_mends_it(settings: Settings) -> None:
    found = check.check(settings)
    assert {requirement.name for requirement in found} >= {
        "Python", "torch, torchvision", "device", "Quarto", "data set", "weights", "free disk",
    }  # fmt: skip
    assert all(requirement.fix for requirement in found if not requirement.ok)


def test_without_data_and_weights_the_report_can_be_made(settings: Settings) -> None:
    data, weights = check.check_data(settings), check.check_weights(settings)
    assert state(data) == state(weights) == (False, False)
    assert data.fix == weights.fix == "mmn13 fetch"


@pytest.fixture
def one_batch(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(inputs, "CIFAR10_FILES", BATCHES)


@pytest.mark.usefixtures("one_batch")
def test_good_data_are_ok_wherever_they_are(settings: Settings, tmp_path: Path) -> None:
    unpack(settings.downloads)
    assert check.check_data(settings).ok
    given = replace(settings, data=unpack(tmp_path / "mine"))
    assert check.check_data(given).ok


@pytest.mark.usefixtures("one_batch")
def test_a_corrupted_batch_is_named(settings: Settings) -> None:
    unpack(settings.downloads, b"other")
    found = check.check_data(settings)
    assert state(found) == (False, True)
    assert "test_batch" in found.detail


def test_a_named_folder_without_data_stops_the_report(settings: Settings, tmp_path: Path) -> None:
    found = check.check_data(replace(settings, data=tmp_path))
    assert state(found) == (False, True)
    assert "MMN13_DATA" in found.fix


@pytest.mark.parametrize("given", [{"data": Path("/locked")}, {"weights": Path("/locked/x.pth")}])
def test_a_folder_that_may_not_be_searched_is_a_finding(
    given: dict[str, Path], settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    refuse = raising(PermissionError(13, "Permission denied"))
    monkeypatch.setattr(Path, "is_dir", refuse)
    monkeypatch.setattr(Path, "is_file", refuse)
    found = check.check_data if "data" in given else check.check_weights
    requirement = found(replace(settings, **given))
    assert state(requirement) == (False, True)
    assert "MMN13_" in requirement.fix


def test_named_weights_must_exist(settings: Settings, tmp_path: Path) -> None:
    given = replace(settings, weights=tmp_path / "mine.pth")
    assert state(check.check_weights(given)) == (False, True)


def test_named_weights_must_be_those_of_a_resnet18(settings: Settings, tmp_path: Path) -> None:
    given = replace(settings, weights=tmp_path / "mine.pth")
    torch.save(resnet18(num_classes=100).state_dict(), tmp_path / "mine.pth")
    assert check.check_weights(given).ok
    impossible = {"bn1.running_var": torch.full((64,), -1.0)}
    torch.save(resnet18().state_dict() | impossible, tmp_path / "mine.pth")
    assert state(check.check_weights(given)) == (False, True)
    torch.save({"fc.weight": torch.zeros(10, 512)}, tmp_path / "mine.pth")
    assert state(check.check_weights(given)) == (False, True)
    (tmp_path / "mine.pth").write_bytes(b"no weights")
    assert state(check.check_weights(given)) == (False, True)


def test_downloaded_weights_must_be_the_genuine_ones(settings: Settings) -> None:
    settings.downloads.mkdir(parents=True)
    (settings.downloads / "resnet18-f37072fd.pth").write_bytes(b"half")
    found = check.check_weights(settings)
    assert state(found) == (False, True) and "corrupted" in found.detail


@pytest.mark.parametrize(("found", "ok"), [((3, 10, 14), False), ((3, 11, 0), True), ((4,), True)])
def test_an_old_python_is_refused(
    found: tuple[int, ...], ok: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "version_info", found)
    assert check.check_python().ok is ok


def test_a_pair_of_torch_and_torchvision_that_does_not_fit_is_found(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    broken = raising(RuntimeError("operator torchvision::nms does not exist"))
    monkeypatch.setattr(check, "import_module", broken)
    found = check.check_torch()
    assert state(found) == (False, True)
    assert "nms" in found.detail and "constraints.txt" in found.fix


def test_a_missing_torch_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(check, "version", raising(PackageNotFoundError("torch")))
    found = check.check_torch()
    assert not found.ok and "torch is not installed" in found.detail


@pytest.mark.parametrize("usable", [True, False])
def test_quarto_is_optional(usable: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(check.quarto, "installed", lambda: (usable, "1.10.18"))
    assert state(check.check_quarto()) == (usable, False)


def test_the_pandoc_that_makes_the_report_is_named_whatever_the_path_has(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = tmp_path / "pandoc"
    other.write_text("#!/bin/sh\necho pandoc 99.0\n")
    other.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    found = check.check_built_in_engine(needed=True)
    assert found.ok and found.detail.startswith("pandoc ") and "99.0" not in found.detail


def test_without_quarto_the_built_in_engine_is_needed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(check, "import_module", raising(ImportError("no pypandoc")))
    assert state(check.check_built_in_engine(needed=True)) == (False, True)
    assert state(check.check_built_in_engine(needed=False)) == (False, False)


@pytest.mark.parametrize(
    ("free", "expected"), [(5e9, (True, False)), (1e9, (False, False)), (1e8, (False, True))]
)
def test_little_disk_is_a_warning_and_none_an_end(
    free: float, expected: tuple[bool, bool], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(shutil, "disk_usage", lambda path: Usage(0, 0, free))
    assert state(check.check_disk(tmp_path)) == expected
