"""The speed that was measured is shown with how it was measured."""

import pytest

from mmn13lib.q3_transfer.answer.speed import speed_table, speed_text


@pytest.mark.parametrize("quick", [True, False])
def test_the_speed_is_shown_with_how_it_was_measured(quick):
    measured = {
        "quick": quick,
        "date": "2026-11-23",
        "hardware": {"cpu": "some processor", "cores": 2},
        "device": "cpu",
        "precision": "bfloat16",
        "images": 1024,
        "extraction_images_per_second": 148.0,
        "ready_images_per_second": 160.0,
        "peak_memory": [1.0e9, 1.01e9],
        "feature_bytes": 122_880_000,
        "head_seconds": 11.0,
        "usual_seconds": 36_000.0,
        "our_seconds": 320.0,
        "speedup": 112.5,
    }
    table, text = speed_table(measured), speed_text(measured)
    assert "| features, from 32 x 32 images | 148 images/s |" in table
    assert "| memory at most, 1,024 and 4,096 images | 1.00 GB and 1.01 GB |" in table
    assert "| 20 epochs the usual way (scaled up) | 10.0 h |" in table
    assert "**112 times**" in text
    assert ("short run" in text) == quick
