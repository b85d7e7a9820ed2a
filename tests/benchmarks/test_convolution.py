"""The benchmark of question 1's layers stores what it measures."""

import json

import pytest
import torch

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
               for way in (*benchmark.WAYS, "memory") for name in benchmark.LAYERS)  # fmt: skip


def test_the_table_ends_with_the_geometric_means(result):
    rows = benchmark.table(result).strip().splitlines()
    means = result["geometric_means"]["forward"]
    assert means["conv2d"] == 1
    assert len(rows) == 2 + len(result["shapes"]) + 1
    start = f"| geometric mean |  | {means['plain']:.2f} | {means['fast']:.2f} |  |"
    assert rows[-1].startswith(start)


def test_a_ratio_below_one_is_faster_than_nn_conv2d():
    assert benchmark.ratio({"both": {"conv2d": 2.0, "fast": 1.0}}, "both", "fast") == 0.5


def test_peak_memory_counts_what_is_held_at_once():
    def call():
        for _ in range(5):
            torch.empty(2**18)

    assert 2**20 <= benchmark.peak_memory(call) < 2 * 2**20
