"""`mmn13 check` finds what is missing, old or damaged, and says what mends it."""

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


def raising(error: Exception) -> Callable[..., Any]:
    def fail(*arguments: Any, **options: Any) -> None:
        raise error

    return fail


def state(requirement: Requirement) -> tuple[bool, bool]:
    return requirement.ok, requirement.needed


def of(name: str, settings: Settings) -> Requirement:
    return next(found for found in check.check(settings) if found.name == name)


def test_every_failure_says_what_mends_it(settings: Settings) -> None:
    found = check.check(settings)
    assert {requirement.name for requirement in found} >= {
        "PyTorch", "Quarto", "data set", "weights",
    }  # fmt: skip
    assert all(requirement.fix for requirement in found if not requirement.ok)


def test_without_data_and_weights_the_report_can_be_made(settings: Settings) -> None:
    data, weights = of("data set", settings), of("weights", settings)
    assert state(data) == state(weights) == (False, False)
    assert data.fix == weights.fix == "mmn13 fetch"


def test_a_named_folder_without_data_stops_the_report(settings: Settings, tmp_path: Path) -> None:
    found = of("data set", replace(settings, data=tmp_path))
    assert state(found) == (False, True)
    assert "MMN13_DATA" in found.fix


@pytest.mark.parametrize("given", [{"data": Path("/locked")}, {"weights": Path("/locked/x.pth")}])
def test_a_folder_that_may_not_be_searched_is_a_finding(
    given: dict[str, Path], settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    refuse = raising(PermissionError(13, "Permission denied"))
    monkeypatch.setattr(Path, "is_dir", refuse)
    monkeypatch.setattr(Path, "is_file", refuse)
    requirement = of("data set" if "data" in given else "weights", replace(settings, **given))
    assert state(requirement) == (False, True)
    assert "MMN13_" in requirement.fix


def test_named_weights_must_be_those_of_a_resnet18(settings: Settings, tmp_path: Path) -> None:
    given = replace(settings, weights=tmp_path / "mine.pth")
    assert state(of("weights", given)) == (False, True)
    torch.save(resnet18(num_classes=100).state_dict(), tmp_path / "mine.pth")
    assert of("weights", given).ok
    (tmp_path / "mine.pth").write_bytes(b"no weights")
    assert state(of("weights", given)) == (False, True)


def test_a_pair_of_torch_and_torchvision_that_does_not_fit_is_found(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    broken = raising(RuntimeError("operator torchvision::nms does not exist"))
    monkeypatch.setattr(check, "import_module", broken)
    found = check.check_torch()
    assert state(found) == (False, True)
    assert "nms" in found.detail and "constraints.txt" in found.fix


@pytest.mark.parametrize("usable", [True, False])
def test_quarto_is_optional(
    settings: Settings, usable: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(check.quarto, "installed", lambda: (usable, "1.10.18"))
    assert state(of("Quarto", settings)) == (usable, False)
