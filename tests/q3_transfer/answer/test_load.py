"""Results come back as they were stored, and what is damaged is never shown."""

import subprocess
import sys
from collections.abc import Callable
from dataclasses import fields, replace
from pathlib import Path

import numpy as np
import pytest
import torch
from support.made_up_results import make_results

from mmn13lib.foundation.settings import SUBMITTED, Settings
from mmn13lib.q3_transfer.answer import load
from mmn13lib.q3_transfer.results import records
from mmn13lib.q3_transfer.results.records import Results

MakeResults = Callable[..., Results]


def test_results_come_back_as_they_were(made_up_results: MakeResults, tmp_path: Path) -> None:
    made = made_up_results()
    records.write(tmp_path, made)
    read = records.read(tmp_path, made.inputs)
    for name in ("head", "small_resnet"):
        np.testing.assert_equal(vars(getattr(read, name)), vars(getattr(made, name)))
    for field in fields(Results):
        if field.name not in ("head", "small_resnet", "small_resnet_arrays"):
            np.testing.assert_equal(getattr(read, field.name), getattr(made, field.name))
    torch.testing.assert_close(read.small_resnet_weights, made.small_resnet_weights, rtol=0, atol=0)


def test_what_finds_says_or_packs_results_needs_no_torch(
    made_up_results: MakeResults, tmp_path: Path
) -> None:
    load.pack(made_up_results(), Settings(tmp_path))
    program = (
        "import sys; from pathlib import Path; from mmn13lib.foundation.settings import Settings\n"
        "from mmn13lib.q3_transfer.answer import comparison, load, words\n"
        "from mmn13lib.submission import inspection, package, script\n"
        "settings = Settings(Path(sys.argv[1]))\n"
        "package.outside(settings)\n"
        "results = load.load(settings)\n"
        "load.pack(results, settings)\n"
        "print(words.outcome(results, comparison.compare(results)), 'torch' in sys.modules)"
    )
    command = [sys.executable, "-c", program, str(tmp_path)]
    said = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    assert said.startswith("I prefer") and said.endswith(" False\n")


@pytest.fixture(params=["imagenet", "sample"])
def submitted(request: pytest.FixtureRequest, tmp_path: Path) -> tuple[Results, Settings]:
    made = make_results(mode=request.param)
    home = Path("/home/someone")
    made = replace(made, inputs=replace(made.inputs, data=home, weights=home / "given.pth"))
    load.pack(made, Settings(tmp_path))
    return made, Settings(tmp_path)


def test_submitted_results_are_the_same_and_no_path_travels(submitted) -> None:
    made, settings = submitted
    found = load.load(settings)
    assert np.array_equal(found.head.test_logits, made.head.test_logits)
    same = replace(found.inputs, data=made.inputs.data, weights=made.inputs.weights)
    assert same == made.inputs
    stored = [file.read_bytes() for file in (settings.root / SUBMITTED).iterdir()]
    assert len(stored) > 1 and not any(b"/home/someone" in content for content in stored)


def test_data_and_weights_are_looked_for_where_the_settings_say(submitted, tmp_path) -> None:
    made, settings = submitted
    sample = made.inputs.mode == "sample"
    found = load.load(settings).inputs
    assert (found.data, found.weights) == (tmp_path, None)
    named = replace(settings, data=tmp_path / "elsewhere", weights=tmp_path / "given.pth")
    found = load.load(named).inputs
    assert found.data == named.data and (found.weights is None) is sample
