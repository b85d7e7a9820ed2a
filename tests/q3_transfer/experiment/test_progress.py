"""Progress is a bar on a terminal, and a line now and then where there is none."""

import sys

import pytest

from mmn13lib.q3_transfer.experiment import progress


def test_without_a_terminal_progress_is_plain_lines(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = iter([0.0, 10.0, 20.0, 30.0])
    monkeypatch.setattr(progress.time, "perf_counter", lambda: next(clock))
    lines: list[str] = []
    with progress.images_done("Features", 4000, lines.append) as add:
        for _ in range(3):
            add(1000)
    assert lines == ["Features: 2,000 of 4,000 images, 100 images/s, 0.3 min left"]


def test_on_a_terminal_progress_is_a_bar(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True)
    with progress.images_done("Features", 4, print) as add:
        add(4)
    shown = capsys.readouterr().err
    assert "Features: 100%" in shown
    assert "images/s" in shown
