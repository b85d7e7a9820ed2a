"""The benchmark of question 1's layers stores what it measures."""

import json

import pytest

from mmn13lib.benchmarks import convolution as benchmark
from mmn13lib.benchmarks import measurements


@pytest.fixture
def result(monkeypatch, settings):
    small = [
        benchmark.Shape("small", (2, 3, (3, 3), 2, 1), 8),
        benchmark.Shape("1×1", (2, 3, (1, 1), 1, 0), 8),
    ]
    monkeypatch.setattr(benchmark, "SHAPES", small)
    return benchmark.run(settings, quick=True)


def test_the_benchmark_stores_what_it_returns(result, settings, capsys):
    stored = measurements.load(settings, "convolution")
    assert stored["quick"] is True
    assert 0 <= stored["others"] <= 1 and stored["busy"] == (stored["others"] > 0.1)
    assert stored["shapes"] == json.loads(json.dumps(result["shapes"]))
    assert not measurements.is_outdated(settings, "convolution")
    assert all(shape[way][name] > 0 for shape in result["shapes"]
               for way in benchmark.WAYS for name in benchmark.LAYERS)  # fmt: skip


def test_the_table_ends_with_the_geometric_means(result):
    rows = benchmark.table(result).strip().splitlines()
    means = result["geometric_means"]["forward"]
    assert len(rows) == 2 + len(result["shapes"]) + 1
    start = f"| geometric mean |  | {means:.2f} |  |"
    assert rows[-1].startswith(start)


def test_a_ratio_below_one_is_faster_than_nn_conv2d():
    assert benchmark.ratio({"both": {"conv2d": 2.0, "ours": 1.0}}, "both") == 0.5
