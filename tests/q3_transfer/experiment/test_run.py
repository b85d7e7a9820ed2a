"""The experiment loses nothing, shows nothing stale, and two of them do not meet."""

import errno
import os
import random
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from mmn13lib.foundation import storage
from mmn13lib.foundation.errors import UserError
from mmn13lib.foundation.settings import Settings
from mmn13lib.q3_transfer.answer import load as report
from mmn13lib.q3_transfer.experiment.run import results_folder, run
from mmn13lib.q3_transfer.experiment.settings import ExperimentSettings
from mmn13lib.q3_transfer.results.records import Results
from mmn13lib.q3_transfer.training.from_scratch import SmallResNetSettings
from mmn13lib.q3_transfer.training.head import HeadSettings

TINY = ExperimentSettings(
    num_validation=10,
    head=HeadSettings(num_epochs=2, batch_size=10),
    small_resnet=SmallResNetSettings(channels=(4, 4, 4), num_epochs=3, batch_size=10),
    num_head_seeds=2,
    label_counts=(10,),
    num_study_seeds=1,
    study_epochs=2,
    trap_images=10,
    trap_validation=10,
    trap_batch_size=5,
    precision_images=10,
    num_train=40,
    num_test=20,
)

# a fixed number of threads, so that sums are added in the same order every time
PROGRAM = f"""
import sys, torch
from pathlib import Path
from mmn13lib.foundation.settings import Settings
from mmn13lib.q3_transfer.experiment.settings import ExperimentSettings
from mmn13lib.q3_transfer.experiment.run import results_folder, run
from mmn13lib.q3_transfer.training.head import HeadSettings
from mmn13lib.q3_transfer.training.from_scratch import SmallResNetSettings
torch.set_num_threads(1)
run(Settings(Path(sys.argv[1])), lambda line: print(line, flush=True), {TINY!r})
"""


def start(root: Path) -> subprocess.Popen[str]:
    command = [sys.executable, "-c", PROGRAM, str(root)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)


def finish(process: subprocess.Popen[str]) -> str:
    output, _ = process.communicate(timeout=300)
    assert process.returncode == 0, output
    return output


def content(found: Results) -> dict[str, Any]:
    """Take what must be the same every time: everything but times."""
    untimed = ("seconds", "images_per_second")
    kept: dict[str, Any] = {
        name: getattr(found, name)
        for name in ("classes", "counts", "head_seeds", "trap", "precision")
    }
    for name in ("head", "small_resnet"):
        model = getattr(found, name)
        kept[f"{name} logits"] = model.test_logits.tobytes()
        kept[f"{name} history"] = [
            {key: value for key, value in epoch.items() if key not in untimed}
            for epoch in model.history
        ]
    kept["study"] = [
        {key: value for key, value in record.items() if key not in untimed}
        for record in found.label_study
    ]
    kept["mistakes"] = [
        {k: v.tobytes() if isinstance(v, np.ndarray) else v for k, v in mistake.items()}
        for mistake in found.mistakes
    ]
    return kept


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory: pytest.TempPathFactory) -> tuple[Settings, float]:
    """A finished experiment, and the seconds that it took."""
    root = tmp_path_factory.mktemp("undisturbed")
    begin = time.perf_counter()
    finish(start(root))
    return Settings(root), time.perf_counter() - begin


def found_by(settings: Settings) -> Results:
    return run(settings, print, TINY)


def test_the_results_hold_every_part(undisturbed: tuple[Settings, float]) -> None:
    found = found_by(undisturbed[0])
    assert found.inputs.mode == "sample"
    assert found.counts == {"train": 30, "validation": 10, "test": 20}
    assert found.head.test_logits.shape == (20, 10)
    assert found.head_seeds[0] == found.head.test_accuracy
    assert found.head.trained_parameters == 5130
    assert found.head.total_parameters == 11_181_642
    assert found.small_resnet.trained_parameters == found.small_resnet.total_parameters
    assert [len(found.head.history), len(found.small_resnet.history)] == [2, 3]
    counts = {(record["model"], record["count"]) for record in found.label_study}
    assert counts == {("head", 10), ("head", 30), ("small_resnet", 10), ("small_resnet", 30)}
    assert (found.trap["moved_buffers"], found.trap["moved_buffers_frozen"]) == (60, 0)
    certainty = [mistake["predicted_probability"] for mistake in found.mistakes]
    assert certainty == sorted(certainty, reverse=True)
    assert all(mistake["predicted"] != mistake["true"] for mistake in found.mistakes)
    assert found.mistakes[0]["gradcam"].shape == (7, 7)
    assert found.peak_memory_bytes > 0


def test_a_second_call_finds_the_results_at_once(undisturbed: tuple[Settings, float]) -> None:
    begin = time.perf_counter()
    lines: list[str] = []
    run(undisturbed[0], lines.append, TINY)
    assert time.perf_counter() - begin < 5
    assert lines == []


def test_other_settings_and_other_inputs_are_other_results(
    undisturbed: tuple[Settings, float],
) -> None:
    settings, _ = undisturbed
    stored = results_folder(settings, TINY)
    other = results_folder(settings, replace(TINY, num_head_seeds=3))
    assert stored.is_dir()
    assert not other.exists()


def test_killed_at_random_moments_it_ends_with_the_same_bits(
    undisturbed: tuple[Settings, float], tmp_path: Path
) -> None:
    settings, seconds = undisturbed
    moments = random.Random(int(time.time()))
    for _ in range(3):
        process = start(tmp_path)
        try:
            process.wait(timeout=moments.uniform(0.25, 0.9) * seconds)
        except subprocess.TimeoutExpired:
            process.send_signal(signal.SIGKILL)
        process.communicate()
    finish(start(tmp_path))
    assert content(found_by(Settings(tmp_path))) == content(found_by(settings))


def test_damaged_results_and_steps_are_noticed_and_made_again(
    undisturbed: tuple[Settings, float],
) -> None:
    settings, _ = undisturbed
    before = content(found_by(settings))
    stored = results_folder(settings, TINY) / "results.json"
    stored.write_bytes(stored.read_bytes()[:-20])
    (step,) = (settings.results / "trap").glob("*.json")
    step.write_text(step.read_text().replace("60", "59"))
    lines = finish(start(settings.root))
    assert "The stored results are damaged (results.json was truncated or altered)" in lines
    assert f"The stored step trap is damaged ({step.name} was truncated or altered)" in lines
    assert content(found_by(settings)) == before


def test_two_at_once_wait_for_each_other_and_agree(
    undisturbed: tuple[Settings, float], tmp_path: Path
) -> None:
    processes = [start(tmp_path), start(tmp_path)]
    outputs = [finish(process) for process in processes]
    waited = ["waiting for it to finish" in output for output in outputs]
    assert sorted(waited) == [False, True]
    assert content(found_by(Settings(tmp_path))) == content(found_by(undisturbed[0]))


def test_a_full_disk_ends_it_with_a_clear_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(storage, "_replace", full)
    with pytest.raises(UserError, match="disk is full"):
        found_by(Settings(tmp_path))


def test_a_missing_results_folder_that_cannot_be_made_is_a_clear_error(tmp_path: Path) -> None:
    (tmp_path / "artifacts").write_text("a file where the folder should be")
    with pytest.raises(UserError, match="could not be written"):
        found_by(Settings(tmp_path))


def test_reading_results_that_are_not_there_says_what_to_run(settings: Settings) -> None:
    with pytest.raises(UserError, match="mmn13 experiment"):
        report.load(settings)
