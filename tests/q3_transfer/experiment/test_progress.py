"""Progress is a bar on a terminal, and a line now and then where there is none."""

import pytest

from mmn13lib.q3_transfer.experiment import progress


@pytest.mark.parametrize(
    ("later", "left_in_all"), [(None, ""), (0.0, ", 2 min left in all"), (4000.0, ", 1 h 9 min")]
)
def test_without_a_terminal_progress_is_plain_lines(
    later: float | None, left_in_all: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = iter([0.0, 10.0, 20.0, 30.0])
    monkeypatch.setattr(progress.time, "perf_counter", lambda: next(clock))
    lines: list[str] = []
    with progress.images_done("Step 3 of 9", 16_000, lines.append, later) as add:
        for _ in range(3):
            add(1000)
    (line,) = lines
    assert line.startswith(
        f"Step 3 of 9: 2,000 of 16,000 images, 100 images/s, 2 min left{left_in_all}"
    )
    assert line.endswith("left in all" if left_in_all else "left")
