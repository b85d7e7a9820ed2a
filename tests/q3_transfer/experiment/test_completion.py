"""A complete experiment is remembered, and only for the very results that it made."""

from pathlib import Path

import pytest

from mmn13lib.foundation import storage
from mmn13lib.foundation.settings import Settings
from mmn13lib.q3_transfer.experiment import completion


def results(settings: Settings) -> Path:
    return settings.results / "experiment" / "0" / "results.safetensors"


@pytest.fixture
def complete(settings: Settings) -> Settings:
    storage.write_json(results(settings), {"numbers": 1})
    completion.remember(settings, results(settings), accuracy=0.875)
    return settings


def test_nothing_is_recalled_before_an_experiment(settings: Settings) -> None:
    assert completion.recall(settings) is None


def test_a_complete_experiment_is_recalled(complete: Settings) -> None:
    known = completion.recall(complete)
    assert known is not None
    assert known["accuracy"] == 0.875


@pytest.mark.parametrize("what", ["altered", "deleted"])
def test_other_results_are_not_taken_for_these(complete: Settings, what: str) -> None:
    if what == "deleted":
        results(complete).unlink()
    else:
        results(complete).write_text("{}")
    assert completion.recall(complete) is None


@pytest.mark.parametrize(
    ("function", "other"),
    [
        ("fingerprint", {"data": "other"}),
        ("hardware", {"cpu": "one without bfloat16"}),
        ("hardware", {"torch": "9.9"}),
        ("computes_with", {"bfloat16": "other"}),
        ("computes_with", {"nvidia": "other"}),
    ],
)
def test_other_inputs_and_other_machines_have_results_of_their_own(
    function: str, other: dict[str, str], complete: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = getattr(completion, function)
    monkeypatch.setattr(completion, function, lambda *settings: real(*settings) | other)
    assert completion.recall(complete) is None
