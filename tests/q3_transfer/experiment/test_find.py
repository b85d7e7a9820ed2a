"""A finished experiment is found quickly, for its inputs and its code, on whatever machine."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from mmn13lib.foundation import provenance, storage
from mmn13lib.foundation.settings import Settings
from mmn13lib.q3_transfer.data.inputs import Inputs, resolve
from mmn13lib.q3_transfer.experiment import find as finished
from mmn13lib.q3_transfer.experiment.find import find, results_folder


@pytest.fixture
def inputs(settings: Settings) -> Inputs:
    return resolve(settings)


@pytest.fixture
def results(settings: Settings, inputs: Inputs) -> Path:
    path = results_folder(settings, inputs) / finished.FILE
    storage.write_arrays(path, {"logits": np.ones(3)}, {"head_seeds": [0.875, 0.75]})
    return path


def test_a_finished_experiment_is_found(results: Path, settings: Settings, inputs: Inputs) -> None:
    assert find(settings, inputs) == storage.read_values(results)[1]
    results.unlink()
    assert find(settings, inputs) is None


@pytest.mark.parametrize("content", [None, b"", b"other"])
def test_damaged_results_are_not_found(
    content: bytes | None, results: Path, settings: Settings, inputs: Inputs
) -> None:
    results.write_bytes(results.read_bytes()[:-1] if content is None else content)
    assert find(settings, inputs) is None


@pytest.mark.parametrize("what", ["data", "weights", "versions", "code"])
def test_other_inputs_versions_or_code_have_results_of_their_own(
    what: str,
    results: Path,
    settings: Settings,
    inputs: Inputs,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    if what == "versions":
        monkeypatch.setattr(finished, "versions", lambda: {"torch": "9.9"})
    elif what == "code":
        monkeypatch.setattr(provenance, "code_digest", lambda *names: "other" if names else "")
    else:
        inputs = replace(inputs, fingerprint=inputs.fingerprint | {what: "other"})
    assert find(settings, inputs) is None


@pytest.mark.parametrize("change", ["fewer cores", "no visible GPU", "a renamed weights file"])
def test_results_are_found_whatever_the_machine_lends(
    change: str,
    results: Path,
    settings: Settings,
    inputs: Inputs,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    if change == "fewer cores":
        monkeypatch.setattr("os.sched_getaffinity", lambda process: {0}, raising=False)
    elif change == "no visible GPU":
        monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "")
    else:
        inputs = replace(inputs, weights=Path("renamed.pth"), weights_words="other")
    assert find(settings, inputs) is not None
