"""The benchmark of question 1's layer stores what it measures, and is found again."""

from typing import Any

import pytest

from mmn13lib.benchmarks import convolution as benchmark
from mmn13lib.foundation.settings import Settings


@pytest.fixture
def result(monkeypatch: pytest.MonkeyPatch, settings: Settings) -> dict[str, Any]:
    small = [
        benchmark.Shape("small", (2, 3, (3, 3), 2, 1), 8),
        benchmark.Shape("1×1", (2, 3, (1, 1), 1, 0), 8),
    ]
    monkeypatch.setattr(benchmark, "SHAPES", small)
    return benchmark.load(settings)


def test_it_is_measured_once_the_quick_way(
    result: dict[str, Any], settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert all(shape[way][name] > 0 for shape in result["shapes"]
               for way in benchmark.WAYS for name in benchmark.LAYERS)  # fmt: skip
    with monkeypatch.context() as patch:
        patch.setattr(benchmark, "measure", lambda *arguments: pytest.fail("measured again"))
        assert benchmark.load(settings) == result
    benchmark.measurement_path(settings).write_bytes(b"{")
    assert len(benchmark.load(settings)["shapes"]) == 2


def test_the_least_of_all_rounds_counts(monkeypatch: pytest.MonkeyPatch) -> None:
    """Another process made the last round slow."""
    times = iter([3.0, 2.0, 5.0])
    monkeypatch.setattr(benchmark, "timeit", lambda call, number: next(times))
    assert benchmark._least({"ours": lambda: None}, rounds=3) == {"ours": 2.0}
