"""A complete experiment is remembered, and only for the very results that it made."""

from dataclasses import replace

import pytest

from mmn13lib.foundation import storage
from mmn13lib.foundation.settings import Settings
from mmn13lib.q3_transfer.experiment import completion


@pytest.fixture
def complete(settings: Settings) -> Settings:
    results = settings.results / "experiment" / "0" / "results.json"
    storage.write_json(results, {"numbers": 1})
    completion.remember(settings, results, accuracy=0.875)
    return settings


def test_nothing_is_recalled_before_an_experiment(settings: Settings) -> None:
    assert completion.recall(settings) is None


def test_a_complete_experiment_is_recalled(complete: Settings) -> None:
    known = completion.recall(complete)
    assert known is not None
    assert known["accuracy"] == 0.875


@pytest.mark.parametrize("what", ["altered", "deleted"])
def test_other_results_are_not_taken_for_these(complete: Settings, what: str) -> None:
    file = complete.results / "experiment" / "0" / "results.json"
    if what == "deleted":
        file.unlink()
    else:
        file.write_text("{}")
    assert completion.recall(complete) is None


def test_other_inputs_have_results_of_their_own(
    complete: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(completion, "fingerprint", lambda settings: {"data": "other"})
    assert completion.recall(replace(complete)) is None
