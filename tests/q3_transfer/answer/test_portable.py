"""Results that travel in a submission say what they said at home, without data or paths."""

import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from mmn13lib.foundation.settings import Settings
from mmn13lib.q3_transfer.answer import portable, stand_ins
from mmn13lib.q3_transfer.data import datasets
from mmn13lib.q3_transfer.data.preprocessing import per_image

BARE = """
import sys
import psutil  # asks for it on Linux
sys.modules["resource"] = None  # as on Windows
sys.modules["torchvision"] = None  # whose import takes a second
from pathlib import Path
from mmn13lib.foundation.settings import Settings
from mmn13lib.q3_transfer.answer.load import load
print(load(Settings(Path(sys.argv[1]))).inputs.mode)
"""


@pytest.fixture(params=["imagenet", "other-weights"])
def packed(request, tmp_path, made_up_results, monkeypatch):
    labels = np.arange(200) % 10
    images = np.broadcast_to(labels[:, None, None, None], (200, 32, 32, 3)).astype(np.uint8)
    known = SimpleNamespace(data=images, targets=labels.tolist())
    monkeypatch.setattr(datasets, "dataset", lambda inputs, train: known)
    results = made_up_results(mode=request.param)
    home = Path("/home/someone")
    there = replace(results.inputs, data=home, weights=home / "weights.safetensors")
    results = replace(results, inputs=there)
    settings = Settings(tmp_path)
    portable.pack(results, settings)
    return results, settings


def test_they_are_the_same_results_with_the_same_warning(packed):
    results, settings = packed
    found = portable.load(settings)
    assert found is not None
    assert found.inputs.mode == results.inputs.mode
    assert np.array_equal(found.head.test_logits, results.head.test_logits)
    assert [m["index"] for m in found.mistakes] == [m["index"] for m in results.mistakes]
    assert found.inputs.label == results.inputs.label


def test_a_few_images_travel_as_a_data_set(packed):
    _, settings = packed
    found = portable.load(settings)
    stand_in = stand_ins.stand_in(found.inputs)
    dataset = stand_in(found.inputs.data, train=True, transform=per_image())
    assert sorted(dataset.targets) == sorted([*range(10)] * portable.PER_CLASS)
    image, label = dataset[3]
    assert image.shape == (3, 224, 224)
    assert (dataset.data[3] == label).all()
    assert "CIFAR10" in repr(dataset)
    test_set = stand_in(found.inputs.data, train=False)
    assert test_set.targets == [number % 10 for number in range(50)]  # the first fifty, in order
    assert (test_set.data[13] == 3).all()


def test_where_cifar10_is_at_hand_it_is_used(packed, tmp_path):
    _, settings = packed
    data = tmp_path / "elsewhere"
    (data / "cifar-10-batches-py").mkdir(parents=True)
    found = portable.load(replace(settings, data=data, weights=tmp_path / "given.pth"))
    assert found.inputs.data == data and found.inputs.weights == tmp_path / "given.pth"
    assert stand_ins.stand_in(found.inputs) is None
    nowhere = portable.load(replace(settings, data=tmp_path))
    assert stand_ins.stand_in(nowhere.inputs) is stand_ins.PortableCIFAR10


def test_in_a_project_its_own_results_count(packed):
    _, settings = packed
    (settings.root / "_quarto.yml").write_text("project: {type: book}")
    assert portable.load(settings) is None


def test_no_path_travels(packed):
    _, settings = packed
    stored = [file.read_bytes() for file in portable.folder(settings).iterdir()]
    assert len(stored) > 3
    assert not any(b"/home/someone" in content for content in stored)


@pytest.mark.slow
@pytest.mark.parametrize("packed", ["imagenet"], indirect=True)
def test_they_are_read_without_torchvision_and_where_memory_is_not_measured(packed):
    results, settings = packed
    command = [sys.executable, "-c", BARE, str(settings.root)]
    done = subprocess.run(command, capture_output=True, text=True, cwd=Path(__file__).parents[2])
    assert done.stdout.strip() == results.inputs.mode, done.stderr
