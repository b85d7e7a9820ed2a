"""Question 1's figures and benchmark: what they draw and store is what came in."""

import json

import numpy as np
import pytest
import torch

from mmn13lib.benchmarks import convolution as benchmark
from mmn13lib.benchmarks import measurements
from mmn13lib.foundation.settings import Settings
from mmn13lib.q1_convolution.figures import filters_figure, speed_figure, window_figure


def texts(axes):
    return [text.get_text() for text in axes.texts]


def test_the_output_has_a_number_for_each_window_drawn():
    image, output = window_figure(4, 3, stride=2, padding=1).axes
    assert texts(image) == texts(output) == ["1", "2", "3", "4"]
    assert "output 2×2" in output.get_title()


def test_a_picture_with_both_signs_shows_zero_as_grey():
    figure = filters_figure({"blur": np.ones((2, 2)), "edge": np.array([[-2.0, 1.0]])})
    assert [panel.images[0].get_clim() for panel in figure.axes] == [(0, 1), (-2, 2)]


@pytest.fixture
def settings(tmp_path):
    return Settings(root=tmp_path, data=None, weights=None, offline=True)


@pytest.fixture
def result(monkeypatch, settings):
    small = [
        benchmark.Shape("small", 2, 3, (3, 3), 2, 1, 8),
        benchmark.Shape("1×1", 2, 3, (1, 1), 1, 0, 8),
    ]
    monkeypatch.setattr(benchmark, "SHAPES", small)
    return benchmark.run(settings, quick=True)


def test_the_benchmark_stores_what_it_returns(result, settings, capsys):
    stored = measurements.load(settings, "convolution")
    assert stored["quick"] is True
    assert stored["shapes"] == json.loads(json.dumps(result["shapes"]))
    assert not measurements.is_outdated(settings, "convolution")
    assert all(shape[way][name] > 0 for shape in result["shapes"]
               for way in benchmark.WAYS for name in benchmark.NAMES)  # fmt: skip


def test_the_table_ends_with_the_geometric_means(result):
    rows = benchmark.table(result).strip().splitlines()
    mean = result["geometric_means"]["forward"]["conv2d"]
    assert len(rows) == 2 + len(result["shapes"]) + 1
    assert rows[-1].startswith(f"| geometric mean | {mean:.2f} |")


def test_the_speed_figure_draws_two_bars_for_each_shape_and_way(result):
    for panel in speed_figure(result).axes:
        assert len(panel.patches) == 2 * len(result["shapes"])


def test_peak_memory_counts_what_is_held_at_once():
    def call():
        for _ in range(5):
            torch.empty(2**18)

    assert 2**20 <= benchmark.peak_memory(call) < 2 * 2**20
