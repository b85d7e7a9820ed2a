"""Time our layer beside nn.Conv2d, on ResNet-18's shapes: `mmn13 bench convolution`."""

from collections.abc import Callable, Mapping
from functools import partial
from statistics import geometric_mean
from timeit import timeit
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn

from mmn13lib.benchmarks.measurements import measurement_path
from mmn13lib.foundation import storage
from mmn13lib.foundation.settings import Settings
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
LAYERS: dict[str, type[nn.Module]] = {"conv2d": nn.Conv2d, "ours": Conv2d}


def run(settings: Settings, quick: bool = False) -> dict[str, Any]:
    """Measure every shape and store the result; the quick way in a few seconds.

    ``geometric_means`` are those of our layer's time over nn.Conv2d's, by way.
    """
    batch, rounds = (8, 3) if quick else (32, 16)
    shapes = [measure(shape, batch, rounds) for shape in SHAPES]
    means = {way: geometric_mean([ratio(shape, way) for shape in shapes]) for way in WAYS}
    result = {"shapes": shapes, "geometric_means": means}
    storage.write_json(measurement_path(settings), result)
    return result


def _forward(layer: nn.Module, images: Tensor, gradient: Tensor) -> None:
    with torch.no_grad():
        layer(images)


def _both(layer: nn.Module, images: Tensor, gradient: Tensor) -> None:
    leaf = images.detach().requires_grad_()
    torch.autograd.grad(layer(leaf), (leaf, *layer.parameters()), gradient)


WAYS = {"forward": _forward, "both": _both}


def measure(shape: Shape, batch: int, rounds: int) -> dict[str, Any]:
    """Time one shape, the layers taking turns.

    Return the least seconds of each layer, by way: another process can only add to them.
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
    return {"name": shape.name, **{way: _least(calls[way], rounds) for way in WAYS}}


def _least(calls: Mapping[str, Callable[[], Any]], rounds: int) -> dict[str, float]:
    turns = [{name: timeit(call, number=1) for name, call in calls.items()} for _ in range(rounds)]
    return {name: min(turn[name] for turn in turns) for name in calls}


def ratio(shape: dict[str, Any], way: str) -> float:
    """Return our layer's time for one of the result's shapes over nn.Conv2d's."""
    return float(shape[way]["ours"] / shape[way]["conv2d"])


def load(settings: Settings) -> dict[str, Any]:
    """Return what was measured of this code on this machine, or else measure it the quick way."""
    try:
        return dict(storage.read_json(measurement_path(settings)))
    except storage.Damaged:
        return run(settings, quick=True)


def table(result: dict[str, Any]) -> str:
    """Return a table of nn.Conv2d's milliseconds and our layer's as multiples, by way."""
    rows = [
        [shape["name"], *(cell for way in WAYS for cell in _cells(shape, way))]
        for shape in result["shapes"]
    ]
    averages = [cell for way in WAYS for cell in ("", f"{result['geometric_means'][way]:.2f}")]
    headers = ["layer", "forward, ms", "ours", "both, ms", "ours"]
    return markdown_table(headers, [*rows, ["geometric mean", *averages]])


def _cells(shape: dict[str, Any], way: str) -> list[str]:
    return [f"{1000 * shape[way]['conv2d']:.1f}", f"{ratio(shape, way):.2f}"]
