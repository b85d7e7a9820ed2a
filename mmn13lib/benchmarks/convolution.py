"""Time our layer beside nn.Conv2d and beside the bare matrix products, on ResNet-18's shapes."""

import math
import os
import time
from collections.abc import Callable, Sequence
from itertools import accumulate
from statistics import median
from typing import Any, NamedTuple

import torch
from torch import Tensor
from torch.profiler import ProfilerActivity, profile

from mmn13lib.benchmarks import measurements
from mmn13lib.foundation.settings import Settings
from mmn13lib.q1_convolution.comparison import reference
from mmn13lib.q1_convolution.layer import Conv2d
from mmn13lib.writing.tables import markdown_table


class Shape(NamedTuple):
    """A layer and the side of the square image that comes into it."""

    name: str
    in_channels: int
    out_channels: int
    kernel_size: tuple[int, int]
    stride: int
    padding: int
    side: int

    @property
    def arguments(self) -> dict[str, Any]:
        """The layer's constructor arguments."""
        fields = self._asdict()
        return {name: fields[name] for name in fields if name not in ("name", "side")}


SHAPES = [
    Shape("7×7/2, 3→64, 224²", 3, 64, (7, 7), 2, 3, 224),
    Shape("3×3, 64→64, 56²", 64, 64, (3, 3), 1, 1, 56),
    Shape("3×3/2, 64→128, 56²", 64, 128, (3, 3), 2, 1, 56),
    Shape("3×3, 256→256, 14²", 256, 256, (3, 3), 1, 1, 14),
    Shape("1×1/2, 128→256, 28²", 128, 256, (1, 1), 2, 0, 28),
    Shape("2×1, 64→64, 28²", 64, 64, (2, 1), 1, 0, 28),
]
WAYS = ("forward", "both")
NAMES = ("conv2d", "ours", "bare")


def run(settings: Settings, quick: bool = False) -> dict[str, Any]:
    """Measure every shape, print the table and store the result.

    Parameters
    ----------
    settings
        Where to store it.
    quick
        A quarter of the batch and fewer rounds: about 30 seconds.

    Returns
    -------
    dict
        ``shapes``: for each its name, median seconds (``forward``, ``both``) and peak memory
        in bytes (``memory``); ``geometric_means``: of our time over nn.Conv2d's and over the
        bare products'; ``quick``, ``batch``, ``rounds``, ``threads``, ``load``.
    """
    batch, rounds = (8, 5) if quick else (32, 15)
    load = os.getloadavg()[0] if hasattr(os, "getloadavg") else None
    shapes = [measure(shape, batch, rounds) for shape in SHAPES]
    result = {
        "quick": quick,
        "batch": batch,
        "rounds": rounds,
        "threads": torch.get_num_threads(),
        "load": load,
        "shapes": shapes,
        "geometric_means": {
            way: {
                base: geometric_mean([ratio(shape, way, base) for shape in shapes])
                for base in ("conv2d", "bare")
            }
            for way in WAYS
        },
    }
    measurements.save(settings, "convolution", result, modules=["mmn13lib.q1_convolution.layer"])
    print(table(result))
    return result


def measure(shape: Shape, batch: int, rounds: int) -> dict[str, Any]:
    """Time one shape, the contenders taking turns, so that a busy moment meets them all.

    Parameters
    ----------
    shape
        Layer and image.
    batch
        Number of images.
    rounds
        Number of turns, after one to warm up.

    Returns
    -------
    dict
        ``name``, ``forward`` and ``both`` (median seconds of each contender), ``memory`` (peak
        bytes of the two layers, forward and backward).
    """
    contenders = {way: _contenders(shape, batch, way) for way in WAYS}
    times = {way: _medians(list(contenders[way].values()), rounds) for way in WAYS}
    layers = {name: contenders["both"][name] for name in ("conv2d", "ours")}
    return {
        "name": shape.name,
        **{way: dict(zip(NAMES, times[way], strict=True)) for way in WAYS},
        "memory": {name: peak_memory(call) for name, call in layers.items()},
    }


def _contenders(shape: Shape, batch: int, way: str) -> dict[str, Callable[[], Any]]:
    ours, theirs = Conv2d(**shape.arguments), reference(**shape.arguments)
    theirs.load_state_dict(ours.state_dict())
    images = torch.randn(batch, shape.in_channels, shape.side, shape.side)
    gradient = torch.randn_like(theirs(images))
    layers = [_layer_call(layer, images, gradient, way) for layer in (theirs, ours)]
    bare = _bare_products(ours.weight.detach().flatten(1), batch, gradient.flatten(2), way)
    return dict(zip(NAMES, [*layers, bare], strict=True))


def _layer_call(layer: Any, images: Tensor, gradient: Tensor, way: str) -> Callable[[], Any]:
    def forward() -> None:
        with torch.no_grad():
            layer(images)

    def both() -> None:
        leaf = images.detach().requires_grad_()
        torch.autograd.grad(layer(leaf), (leaf, *layer.parameters()), gradient)

    return forward if way == "forward" else both


def _bare_products(matrix: Tensor, batch: int, gradient: Tensor, way: str) -> Callable[[], Any]:
    """Make the matrix products that such a layer cannot do without, and nothing else."""
    weights = matrix.expand(batch, *matrix.shape)
    columns = torch.randn(batch, matrix.shape[1], gradient.shape[2])

    def forward() -> None:
        torch.bmm(weights, columns)

    def both() -> None:
        torch.bmm(weights, columns)
        torch.bmm(gradient, columns.mT)
        torch.bmm(weights.mT, gradient)

    return forward if way == "forward" else both


def _medians(calls: Sequence[Callable[[], Any]], rounds: int) -> list[float]:
    times: list[list[float]] = [[] for _ in calls]
    for turn in range(rounds + 1):
        for call, its_times in zip(calls, times, strict=True):
            start = time.perf_counter()
            call()
            if turn > 0:
                its_times.append(time.perf_counter() - start)
    return [median(its_times) for its_times in times]


def peak_memory(call: Callable[[], Any]) -> int:
    """Find the most that PyTorch's allocator held at once during a call, beyond what it held.

    Parameters
    ----------
    call
        What to run. Scratch memory that a library takes for itself is not seen.

    Returns
    -------
    int
        Bytes.
    """
    os.environ.setdefault("KINETO_LOG_LEVEL", "99")  # the profiler's own lines say nothing here
    with profile(activities=[ProfilerActivity.CPU], profile_memory=True) as profiled:
        call()
    # the raw events: profiled.events() hides what is allocated inside an operator
    events = [e for e in profiled.profiler.kineto_results.events() if e.name() == "[memory]"]
    changes = [event.nbytes() for event in sorted(events, key=lambda event: event.start_ns())]
    return max(accumulate(changes))


def ratio(shape: dict[str, Any], way: str, base: str) -> float:
    """Divide our layer's time by another contender's.

    Parameters
    ----------
    shape
        One of the result's shapes.
    way
        ``forward`` or ``both``.
    base
        ``conv2d`` or ``bare``.

    Returns
    -------
    float
    """
    return float(shape[way]["ours"] / shape[way][base])


def geometric_mean(values: Sequence[float]) -> float:
    """Average ratios.

    Parameters
    ----------
    values
        Positive numbers.

    Returns
    -------
    float

    Examples
    --------
    >>> geometric_mean([0.5, 2.0])
    1.0
    """
    return math.exp(sum(map(math.log, values)) / len(values))


def table(result: dict[str, Any]) -> str:
    """Write the result as a Markdown table, ratios of our time to the others'.

    Parameters
    ----------
    result
        What `run` returns.

    Returns
    -------
    str
    """
    headers = [
        "layer",
        "forward / Conv2d",
        "/ product",
        "both / Conv2d",
        "/ products",
        "MiB",
        "Conv2d's MiB",
    ]
    rows = [
        [
            shape["name"],
            *(f"{ratio(shape, way, base):.2f}" for way in WAYS for base in ("conv2d", "bare")),
            *(round(shape["memory"][name] / 2**20) for name in ("ours", "conv2d")),
        ]
        for shape in result["shapes"]
    ]
    means = result["geometric_means"]
    averages = [f"{means[way][base]:.2f}" for way in WAYS for base in ("conv2d", "bare")]
    return markdown_table(headers, [*rows, ["geometric mean", *averages, "", ""]])


def main() -> None:
    """Run the whole benchmark in this project's folder."""
    run(Settings.from_environment())


if __name__ == "__main__":
    main()
