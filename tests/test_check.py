"""`mmn13 check` finds what is missing, old or damaged, and says what mends it."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from torchvision.models import resnet18

from mmn13lib import check
from mmn13lib.foundation.settings import Settings
from mmn13lib.submission.inspection import Finding


def raising(error: Exception) -> Callable[..., Any]:
    def fail(*arguments: Any, **options: Any) -> None:
        raise error

    return fail


def of(name: str, settings: Settings) -> Finding:
    return next(found for found in check.check(settings) if found.what.startswith(f"{name}: "))


def test_every_failure_says_what_mends_it(settings: Settings) -> None:
    found = check.check(settings)
    names = [finding.what.split(":")[0] for finding in found]
    assert names == ["PyTorch", "Quarto", "data set", "weights"]
    assert all(finding.fix for finding in found if not finding.ok)


def test_without_data_and_weights_the_report_can_be_made(settings: Settings) -> None:
    data, weights = of("data set", settings), of("weights", settings)
    assert data.ok is weights.ok is None
    assert data.fix == weights.fix == "mmn13 fetch"


def test_a_named_folder_without_data_stops_the_report(settings: Settings, tmp_path: Path) -> None:
    found = of("data set", replace(settings, data=tmp_path))
    assert found.ok is False
    assert "MMN13_DATA" in found.fix


@pytest.mark.parametrize("given", [{"data": Path("/locked")}, {"weights": Path("/locked/x.pth")}])
def test_a_folder_that_may_not_be_searched_is_a_finding(
    given: dict[str, Path], settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    refuse = raising(PermissionError(13, "Permission denied"))
    monkeypatch.setattr(Path, "is_dir", refuse)
    monkeypatch.setattr(Path, "is_file", refuse)
    finding = of("data set" if "data" in given else "weights", replace(settings, **given))
    assert finding.ok is False
    assert "MMN13_" in finding.fix


def test_named_weights_must_be_those_of_a_resnet18(settings: Settings, tmp_path: Path) -> None:
    given = replace(settings, weights=tmp_path / "mine.pth")
    assert of("weights", given).ok is False
    torch.save(resnet18(num_classes=100).state_dict(), tmp_path / "mine.pth")
    assert of("weights", given).ok
    (tmp_path / "mine.pth").write_bytes(b"no weights")
    assert of("weights", given).ok is False


def test_a_pair_of_torch_and_torchvision_that_does_not_fit_is_found(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    broken = raising(RuntimeError("operator torchvision::nms does not exist"))
    monkeypatch.setattr(check, "import_module", broken)
    found = check.check_torch()
    assert found.ok is False
    assert "nms" in found.what and "constraints.txt" in found.fix


@pytest.mark.parametrize("usable", [True, False])
def test_quarto_is_optional(
    settings: Settings, usable: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(check.quarto, "installed", lambda: (usable, "1.10.18"))
    assert of("Quarto", settings).ok is (usable or None)
