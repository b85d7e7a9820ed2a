"""Results come back as they were stored, and what is damaged is never shown."""

from collections.abc import Callable
from dataclasses import fields
from pathlib import Path

import numpy as np
import pytest
import torch

from mmn13lib.foundation.storage import Damaged
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
        if field.name not in ("head", "small_resnet", "small_resnet_weights"):
            np.testing.assert_equal(getattr(read, field.name), getattr(made, field.name))
    made_weights = made.small_resnet_weights
    torch.testing.assert_close(read.small_resnet_weights, made_weights, rtol=0, atol=0)


def test_altered_results_are_not_read(made_up_results: MakeResults, tmp_path: Path) -> None:
    made = made_up_results()
    records.write(tmp_path, made)
    content = bytearray((tmp_path / records.FILE).read_bytes())
    content[len(content) // 2] ^= 1
    (tmp_path / records.FILE).write_bytes(content)
    with pytest.raises(Damaged, match=records.FILE):
        records.read(tmp_path, made.inputs)
