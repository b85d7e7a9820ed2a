"""Time our two layers beside nn.Conv2d, on ResNet-18's shapes: `mmn13 bench convolution`."""

import os
import time
from collections.abc import Callable, Mapping
from functools import partial
from itertools import accumulate
from statistics import geometric_mean, median
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn
from torch.profiler import ProfilerActivity, profile

from mmn13lib.benchmarks import measurements
from mmn13lib.foundation.hardware import load_watch
from mmn13lib.foundation.settings import Settings
from mmn13lib.q1_convolution.fast import FastConv2d
from mmn13lib.q1_convolution.layer import Conv2d
from mmn13lib.writing.tables import markdown_table


class Shape(NamedTuple):
    """A layer's arguments, from the channels to the padding, and the side of the square image."""

    name: str
    arguments: tuple[int, int, tuple[int, int], int, int]
    side: int


SHAPES = [
    Shape("7×7/2, 3→64, 224²", (3, 64, (7, 7), 2, 3), 224),
    Shape("3×3, 64→64, 56²", (64, 64, (3, 3), 1, 1), 56),
    Shape("3×3/2, 64→128, 56²", (64, 128, (3, 3), 2, 1), 56),
    Shape("3×3, 256→256, 14²", (256, 256, (3, 3), 1, 1), 14),
    Shape("1×1/2, 128→256, 28²", (128, 256, (1, 1), 2, 0), 28),
    Shape("2×1, 64→64, 28²", (64, 64, (2, 1), 1, 0), 28),
]
LAYERS: dict[str, type[nn.Module]] = {"conv2d": nn.Conv2d, "plain": Conv2d, "fast": FastConv2d}
MODULES = ["mmn13lib.q1_convolution.layer", "mmn13lib.q1_convolution.fast"]


def run(settings: Settings, quick: bool = False) -> dict[str, Any]:
    """Measure every shape, print the table and store the result; the quick way in a few seconds.

    ``geometric_means`` are those of a layer's time over nn.Conv2d's, by way and layer.
    """
    batch, rounds = (8, 4) if quick else (32, 15)
    with load_watch() as load:
        shapes = [measure(shape, batch, rounds) for shape in SHAPES]
    result = {
        "quick": quick,
        "batch": batch,
        "rounds": rounds,
        "threads": torch.get_num_threads(),
        "shapes": shapes,
        "geometric_means": {
            way: {name: geometric_mean([ratio(s, way, name) for s in shapes]) for name in LAYERS}
            for way in WAYS
        },
    }
    measurements.save(settings, "convolution", result, modules=MODULES, load=load)
    print(table(result))
    return result


def _forward(layer: nn.Module, images: Tensor, gradient: Tensor) -> None:
    with torch.no_grad():
        layer(images)


def _both(layer: nn.Module, images: Tensor, gradient: Tensor) -> None:
    leaf = images.detach().requires_grad_()
    torch.autograd.grad(layer(leaf), (leaf, *layer.parameters()), gradient)


WAYS = {"forward": _forward, "both": _both}


def measure(shape: Shape, batch: int, rounds: int) -> dict[str, Any]:
    """Time one shape, the layers taking turns, so that a busy moment meets them all.

    Gives the median seconds of each layer, and as ``memory`` the most bytes that it held.
    """
    images = torch.randn(batch, shape.arguments[0], shape.side, shape.side)
    layers = {name: make(*shape.arguments) for name, make in LAYERS.items()}
    for layer in layers.values():
        layer.load_state_dict(layers["conv2d"].state_dict())
    gradient = torch.randn_like(layers["conv2d"](images))
    calls = {
        way: {name: partial(run, layer, images, gradient) for name, layer in layers.items()}
        for way, run in WAYS.items()
    }
    return {
        "name": shape.name,
        **{way: _medians(calls[way], rounds) for way in WAYS},
        "memory": {name: peak_memory(call) for name, call in calls["both"].items()},
    }


def _medians(calls: Mapping[str, Callable[[], Any]], rounds: int) -> dict[str, float]:
    times: dict[str, list[float]] = {name: [] for name in calls}
    for turn in range(rounds + 1):
        for name, call in calls.items():
            start = time.perf_counter()
            call()
            if turn > 0:  # the first one warms up
                times[name].append(time.perf_counter() - start)
    return {name: median(its_times) for name, its_times in times.items()}


def peak_memory(call: Callable[[], Any]) -> int:
    """Find the most bytes that PyTorch's allocator held at once during a call, beyond before.

    Scratch memory that a library takes for itself is not seen.
    """
    os.environ.setdefault("KINETO_LOG_LEVEL", "99")  # the profiler's own lines say nothing here
    with profile(activities=[ProfilerActivity.CPU], profile_memory=True) as profiled:
        call()
    # the raw events: profiled.events() hides what is allocated inside an operator
    events = [e for e in profiled.profiler.kineto_results.events() if e.name() == "[memory]"]
    changes = [event.nbytes() for event in sorted(events, key=lambda event: event.start_ns())]
    return max(accumulate(changes))


def ratio(shape: dict[str, Any], way: str, name: str) -> float:
    """Divide a layer's time for one of the result's shapes by nn.Conv2d's."""
    return float(shape[way][name] / shape[way]["conv2d"])


def table(result: dict[str, Any]) -> str:
    """Write nn.Conv2d's milliseconds and ours as multiples, by way; then the memory of each."""
    headers = ["layer", "forward, ms", "ours", "fast"]
    headers += ["both, ms", "ours", "fast", "memory, MiB", "ours", "fast"]
    rows = [
        [
            shape["name"],
            *(cell for way in WAYS for cell in _cells(shape, way)),
            *(round(shape["memory"][name] / 2**20) for name in LAYERS),
        ]
        for shape in result["shapes"]
    ]
    means = result["geometric_means"]
    averages = [f"{means[way][name]:.2f}" for way in WAYS for name in LAYERS]
    averages[0] = averages[len(LAYERS)] = ""
    return markdown_table(headers, [*rows, ["geometric mean", *averages, "", "", ""]])


def _cells(shape: dict[str, Any], way: str) -> list[str]:
    ours = [f"{ratio(shape, way, name):.2f}" for name in LAYERS if name != "conv2d"]
    return [f"{1000 * shape[way]['conv2d']:.1f}", *ours]
