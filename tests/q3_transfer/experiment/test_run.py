"""The experiment loses nothing, shows nothing stale, and two of them do not meet."""

import os
import random
import shutil
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from threading import Thread

import pytest
import torch
from support.tiny_experiment import TINY, content

from mmn13lib.foundation import provenance, storage
from mmn13lib.foundation.errors import UserError
from mmn13lib.foundation.settings import Settings
from mmn13lib.q3_transfer.answer import load as report
from mmn13lib.q3_transfer.data.inputs import resolve
from mmn13lib.q3_transfer.experiment import run as experiment
from mmn13lib.q3_transfer.experiment import stages, trap
from mmn13lib.q3_transfer.experiment.find import find
from mmn13lib.q3_transfer.experiment.run import ExperimentSettings, all_features, run
from mmn13lib.q3_transfer.experiment.stages import Stages
from mmn13lib.q3_transfer.results import records
from mmn13lib.q3_transfer.results.records import Results

pytestmark = pytest.mark.slow  # most of it trains networks


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory: pytest.TempPathFactory) -> Settings:
    """A finished experiment."""
    settings = Settings(tmp_path_factory.mktemp("undisturbed"), offline=True)
    found_by(settings)
    return settings


@pytest.fixture
def finished(undisturbed: Settings, tmp_path: Path) -> Settings:
    """A copy of it, to be damaged."""
    shutil.copytree(undisturbed.root, tmp_path / "copy")
    return replace(undisturbed, root=tmp_path / "copy")


def found_by(settings: Settings, progress: Callable[[str], None] = print) -> Results:
    return run(settings, resolve(settings), progress, TINY)


def test_the_results_hold_every_part(undisturbed: Settings) -> None:
    found = found_by(undisturbed)
    assert found.inputs.mode == "sample"
    assert found.counts == {"train": 10, "validation": 6, "test": 6}
    for model in (found.head, found.small_resnet):
        assert model.test_logits.shape == (6, 10)
        assert str(model.test_logits.dtype) == "float32"
    right = found.head.test_logits.argmax(axis=1) == found.head.test_labels
    assert found.head_seeds[0] == right.mean()
    assert found.head.trained_parameters == 5130
    assert found.head.total_parameters == 11_181_642
    assert found.small_resnet.trained_parameters == found.small_resnet.total_parameters
    counts = {(record["model"], record["count"]) for record in found.label_study}
    assert counts == {("head", 5), ("head", 10), ("small_resnet", 5), ("small_resnet", 10)}


def test_a_second_call_finds_the_results_and_says_nothing(undisturbed: Settings) -> None:
    lines: list[str] = []
    found_by(undisturbed, lines.append)
    assert lines == []


def test_the_head_s_features_can_be_read_again(undisturbed: Settings) -> None:
    parts = all_features(undisturbed, resolve(undisturbed), TINY, pytest.fail)
    assert {name: len(labels) for name, (_, labels) in parts.items()} == {
        "train": 10, "validation": 6, "test": 6,
    }  # fmt: skip
    stages = Stages(undisturbed, resolve(undisturbed), TINY)
    shard, head = (stages.all[n].jobs[0].task.find() for n in (0, 1))
    assert shard is not None and head is not None
    assert torch.equal(parts["validation"][0], shard.tensors["features"][stages.validation])
    logits = parts["test"][0] @ head.tensors["weight"].T + head.tensors["bias"]
    assert torch.allclose(logits, head.tensors["test_logits"], atol=1e-5)
    # of the time that the features took, the training's part is the head's
    seconds = shard.seconds * 10 / 16 + head.seconds
    assert found_by(undisturbed).head.training_seconds == pytest.approx(seconds)


@pytest.mark.parametrize("what", ["all of them", "a shard", "shards of this size"])
def test_features_that_are_not_stored_are_computed(
    what: str, finished: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    inputs, folder = resolve(finished), finished.results / "features"
    before = all_features(finished, inputs, TINY)
    files = {*folder.iterdir()}
    if what == "shards of this size":  # they do not mix with the old ones
        monkeypatch.setattr(stages, "SHARD_SIZE", 5)
    else:
        shutil.rmtree(folder) if what == "all of them" else files.pop().unlink()
    after = all_features(finished, inputs, TINY)
    assert {*folder.iterdir()} > files or what == "all of them"
    for name, (features, labels) in before.items():
        assert torch.allclose(features, after[name][0], atol=0.1)
        assert torch.equal(labels, after[name][1])


def test_stopped_at_any_write_it_ends_with_the_same_bits(
    undisturbed: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As if killed: what the process had not yet written is lost."""
    replacing, seed = storage.write_bytes, random.randrange(2**32)
    print(f"seed {seed}")
    moments = random.Random(seed)
    settings = Settings(tmp_path, offline=True)
    for _ in range(3):
        left = moments.randrange(5)  # three times it is less than all writes

        def stopping(*arguments: object) -> None:
            nonlocal left
            left -= 1
            if left < 0:
                raise KeyboardInterrupt
            replacing(*arguments)

        with monkeypatch.context() as patched:
            patched.setattr(storage, "write_bytes", stopping)
            with pytest.raises(KeyboardInterrupt):
                found_by(settings)
    assert content(found_by(settings)) == content(found_by(undisturbed))


def test_damaged_results_and_steps_are_noticed_and_made_again(finished: Settings) -> None:
    before = content(found_by(finished))
    (stored,) = finished.results.glob(f"experiment/*/{records.FILE}")
    stored.write_bytes(stored.read_bytes()[:-20])
    (step,) = (finished.results / "trap").glob("*.safetensors")
    step.write_bytes(step.read_bytes().replace(b"0.", b"1."))
    lines: list[str] = []
    after = content(found_by(finished, lines.append))
    assert any(f"are damaged ({records.FILE} was truncated or altered)" in line for line in lines)
    assert any(f"is damaged ({step.name} was truncated or altered)" in line for line in lines)
    assert after == before


def test_a_second_one_waits_and_finds_what_the_first_has_made(
    undisturbed: Settings, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    lines, found = list[str](), list[Results]()
    second = Thread(target=lambda: found.append(found_by(settings, lines.append)), daemon=True)
    train = trap.train_classifier

    def meeting(*arguments: object) -> object:
        """In the middle of the first: the second is started and has to wait."""
        if second.ident is None:
            second.start()
        while second.is_alive() and not lines:
            time.sleep(0.01)
        return train(*arguments)  # type: ignore[arg-type]

    monkeypatch.setattr(trap, "train_classifier", meeting)
    first = found_by(settings)
    second.join()
    (line,) = lines  # and it has computed nothing
    assert f"running in process {os.getpid()}, since" in line
    assert content(first) == content(found[0]) == content(found_by(undisturbed))


def test_code_that_is_edited_meanwhile_does_not_lend_its_key_to_the_old(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A process that has imported the old code waits for the lock; then a file is edited."""
    inputs, keys = resolve(settings), list[set[str]]()

    @contextmanager
    def edited_meanwhile(*given: object) -> Iterator[None]:
        with monkeypatch.context() as patch:
            patch.setattr(provenance, "code_digest", lambda *modules: "edited")
            yield

    def look(stages: Stages, progress: object) -> None:
        keys.append({job.task.key for stage in stages.all for job in stage.jobs})
        raise KeyboardInterrupt

    monkeypatch.setattr(experiment, "exclusive", edited_meanwhile)
    monkeypatch.setattr(experiment.Plan, "of", look)
    with pytest.raises(KeyboardInterrupt):
        found_by(settings)
    stages = Stages(settings, inputs, TINY)
    assert keys == [{job.task.key for stage in stages.all for job in stage.jobs}]


def test_a_finished_experiment_is_found_for_the_code_that_ran(
    finished: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    inputs = resolve(finished)
    monkeypatch.setattr(ExperimentSettings, "for_mode", lambda mode: TINY)
    assert find(finished, inputs) is None
    run(finished, inputs)
    assert find(finished, inputs) is not None


def test_reading_results_that_are_not_there_says_what_to_run(settings: Settings) -> None:
    with pytest.raises(UserError, match="mmn13 experiment"):
        report.load(settings)
