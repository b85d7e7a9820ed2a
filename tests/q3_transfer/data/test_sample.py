"""The embedded sample is what its checksums say, in CIFAR-10's own format."""

import errno
import hashlib
import os
import pickle
from pathlib import Path

import numpy as np
import pytest

from mmn13lib.foundation import storage
from mmn13lib.foundation.errors import UserError
from mmn13lib.q3_transfer.data.sample import (
    CLASSES,
    NUM_TEST,
    NUM_TRAIN,
    SampleCIFAR10,
    batch_files,
)


def test_the_drawing_gives_the_bytes_that_the_checksums_hold() -> None:
    drawn = {name: hashlib.md5(content).hexdigest() for name, content in batch_files().items()}
    listed = [*SampleCIFAR10.train_list, *SampleCIFAR10.test_list]
    assert drawn == dict(listed) | {"batches.meta": SampleCIFAR10.meta["md5"]}


def test_the_files_have_the_keys_and_types_of_cifar10() -> None:
    files = {name: pickle.loads(content) for name, content in batch_files().items()}
    batch = files["data_batch_1"]
    assert set(batch) == {"batch_label", "labels", "data", "filenames"}
    assert batch["data"].shape == (NUM_TRAIN, 3072)
    assert batch["data"].dtype == np.uint8
    assert isinstance(batch["labels"], list)
    assert files["batches.meta"]["label_names"] == list(CLASSES)


def test_it_is_read_like_cifar10(tmp_path: Path) -> None:
    train, test = SampleCIFAR10(tmp_path, train=True), SampleCIFAR10(tmp_path, train=False)
    assert (len(train), len(test)) == (NUM_TRAIN, NUM_TEST)
    assert train.data.shape == (NUM_TRAIN, 32, 32, 3)
    assert tuple(train.classes) == CLASSES
    assert set(np.bincount(train.targets)) == {NUM_TRAIN // 10}
    image, label = test[3]
    assert image.size == (32, 32)
    assert label == 3


@pytest.mark.parametrize("name", ["data_batch_1", "test_batch", "batches.meta"])
def test_a_damaged_or_missing_file_is_drawn_again(name: str, tmp_path: Path) -> None:
    SampleCIFAR10(tmp_path)
    file = tmp_path / SampleCIFAR10.base_folder / name
    whole = file.read_bytes()
    for spoil in (lambda: file.write_bytes(whole[:-100]), file.unlink):
        spoil()
        SampleCIFAR10(tmp_path)
        assert file.read_bytes() == whole


def test_a_full_disk_is_a_clear_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(storage, "_replace", full)
    with pytest.raises(UserError, match="disk is full"):
        SampleCIFAR10(tmp_path)
