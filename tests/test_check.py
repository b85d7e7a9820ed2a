"""`mmn13 check` finds what is missing, old or damaged, and says what mends it."""

import shutil
from collections import namedtuple
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from torchvision.models import resnet18

from mmn13lib import check
from mmn13lib.check import Requirement
from mmn13lib.foundation.settings import Settings

Usage = namedtuple("Usage", "total used free")


def raising(error: Exception) -> Callable[..., Any]:
    def fail(*arguments: Any, **options: Any) -> None:
        raise error

    return fail


def state(requirement: Requirement) -> tuple[bool, bool]:
    return requirement.ok, requirement.needed


def test_every_failure_says_what_mends_it(settings: Settings) -> None:
    found = check.check(settings)
    assert {"Python", "data set", "weights"} <= {requirement.name for requirement in found}
    assert all(requirement.fix for requirement in found if not requirement.ok)


def test_without_data_and_weights_the_report_can_be_made(settings: Settings) -> None:
    data, weights = check.check_data(settings), check.check_weights(settings)
    assert state(data) == state(weights) == (False, False)
    assert data.fix == weights.fix == "mmn13 fetch"


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


def test_named_weights_must_be_those_of_a_resnet18(settings: Settings, tmp_path: Path) -> None:
    given = replace(settings, weights=tmp_path / "mine.pth")
    assert state(check.check_weights(given)) == (False, True)
    torch.save(resnet18(num_classes=100).state_dict(), tmp_path / "mine.pth")
    assert check.check_weights(given).ok
    (tmp_path / "mine.pth").write_bytes(b"no weights")
    assert state(check.check_weights(given)) == (False, True)


def test_a_pair_of_torch_and_torchvision_that_does_not_fit_is_found(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    broken = raising(RuntimeError("operator torchvision::nms does not exist"))
    monkeypatch.setattr(check, "import_module", broken)
    found = check.check_torch()
    assert state(found) == (False, True)
    assert "nms" in found.detail and "constraints.txt" in found.fix


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
