"""Results come back as they were stored, and what is damaged is never shown."""

from collections.abc import Callable
from dataclasses import fields
from pathlib import Path

import numpy as np
import pytest

from mmn13lib.foundation.settings import Settings
from mmn13lib.foundation.storage import Damaged
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
        if field.name not in ("head", "small_resnet"):
            np.testing.assert_equal(getattr(read, field.name), getattr(made, field.name))


def test_altered_results_are_not_read(made_up_results: MakeResults, tmp_path: Path) -> None:
    made = made_up_results()
    records.write(tmp_path, made)
    content = bytearray((tmp_path / records.FILE).read_bytes())
    content[len(content) // 2] ^= 1
    (tmp_path / records.FILE).write_bytes(content)
    with pytest.raises(Damaged, match=records.FILE):
        records.read(tmp_path, made.inputs)


def test_the_summary_is_computed_from_the_stored_results(
    made_up_results: MakeResults, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(load, "load", lambda _: made_up_results(head=0.87, small_resnet=0.80))
    summary = load.summary(settings)
    assert set(summary) == {"question", "answer", "numbers"}
    assert "87.0%" in summary["answer"]
    assert "80.0%" in summary["answer"]
