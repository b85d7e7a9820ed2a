"""Question 3's benchmark splits the gain into what one pass saves and what a quicker pass does."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mmn13lib.benchmarks import transfer
from mmn13lib.foundation.settings import Settings

RATES = st.floats(1, 10_000)


@given(usual=RATES, extraction=RATES, head=st.floats(0.001, 100))
def test_the_two_gains_are_the_whole_and_a_pass_saves_no_more_than_the_epochs(
    usual: float, extraction: float, head: float
) -> None:
    found = transfer.computed(
        {
            "usual_seconds_per_image": 1 / usual,
            "extraction_images_per_second": extraction,
            "head_seconds_per_epoch": head,
        }
    )
    assert found["gain"] == pytest.approx(found["epochs_gain"] * found["pass_gain"])
    assert found["epochs_gain"] <= transfer.NUM_EPOCHS
    assert (found["pass_gain"] > 1) == (extraction > usual) or extraction == usual


@pytest.mark.slow
def test_what_is_measured_and_what_is_computed_are_told_apart(
    settings: Settings, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(transfer, "BATCH_SIZE", 8)
    monkeypatch.setattr(transfer, "NUM_TRAIN", 100)
    result = transfer.run(settings, quick=True)
    assert result["images"] == 2
    first, second = result["peak_memory"]
    assert 0 < first <= second
    lines = capsys.readouterr().out.splitlines()
    assert sum("measured" in line for line in lines) == 4
    assert sum("computed" in line for line in lines) == 4
