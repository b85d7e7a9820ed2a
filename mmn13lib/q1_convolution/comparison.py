"""Question 1: our layer beside ``torch.nn.Conv2d``, with equal weights on equal inputs."""

import ast
import inspect
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from mmn13lib.q1_convolution.layer import Conv2d


@dataclass(frozen=True)
class Comparison:
    """How far our layer is from PyTorch's, on one input.

    The differences are relative: the largest absolute difference, divided by the largest
    absolute value that ``torch.nn.Conv2d`` has there (by 1 if it has only zeros).
    """

    input_shape: tuple[int, ...]
    output_shape: tuple[int, ...]
    layer: str
    output: float
    images: float
    weight: float
    bias: float

    @property
    def largest(self) -> float:
        """The largest of the four differences."""
        return max(self.output, self.images, self.weight, self.bias)


def compare(
    input_shape: tuple[int, ...],
    seed: int = 0,
    dtype: torch.dtype = torch.float64,
    **arguments: Any,
) -> Comparison:
    """Run our layer and PyTorch's forward and backward, and measure the differences.

    Parameters
    ----------
    input_shape
        ($N$, $C$, $H$, $W$) or ($C$, $H$, $W$); the input is standard normal, and so is the
        gradient that comes back to the output.
    seed
        Of the input, the parameters and that gradient.
    dtype
        Number type of everything.
    **arguments
        The layer's constructor arguments.

    Returns
    -------
    Comparison

    Examples
    --------
    >>> compare((2, 1, 5, 5), kernel_size=3, padding=1).largest < 1e-12
    True
    """
    generator = torch.Generator().manual_seed(seed)
    ours, theirs = Conv2d(**arguments).to(dtype), reference(**arguments).to(dtype)
    with torch.no_grad():
        for parameter in ours.parameters():
            parameter.normal_(generator=generator)
    theirs.load_state_dict(ours.state_dict())
    images = torch.randn(input_shape, generator=generator, dtype=dtype)
    output = theirs(images)
    gradient = torch.randn(output.shape, generator=generator, dtype=dtype)
    pairs = zip(_results(ours, images, gradient), _results(theirs, images, gradient), strict=True)
    differences = [_relative_difference(*pair) for pair in pairs]
    layer = ours.extra_repr()
    return Comparison(input_shape, tuple(output.shape), layer, *differences)


def reference(**arguments: Any) -> nn.Conv2d:
    """Make PyTorch's layer from our layer's arguments, defaults included.

    Parameters
    ----------
    **arguments
        As for `mmn13lib.q1_convolution.layer.Conv2d`.

    Returns
    -------
    torch.nn.Conv2d
    """
    defaults: dict[str, Any] = {"in_channels": 1, "out_channels": 1, "kernel_size": (1, 1)}
    return nn.Conv2d(**(defaults | arguments))


def _results(layer: Any, images: Tensor, gradient: Tensor) -> list[Tensor]:
    images = images.clone().requires_grad_()
    output = layer(images)
    gradients = torch.autograd.grad(output, (images, layer.weight, layer.bias), gradient)
    return [output.detach(), *gradients]


def _relative_difference(ours: Tensor, theirs: Tensor) -> float:
    if not theirs.numel():
        return 0.0
    scale = float(theirs.abs().max())
    return float((ours - theirs).abs().max()) / (scale or 1.0)


def samples() -> list[Comparison]:
    """Compare on a handful of configurations, each of which asks for something else.

    Returns
    -------
    list of Comparison
        In float64: the defaults; a square kernel; padding; a stride that leaves rows over; a
        kernel that is not square; ResNet's first layer; padding beyond the kernel; no batch.
    """
    return [
        compare((1, 1, 4, 4)),
        compare((2, 3, 8, 8), in_channels=3, out_channels=4, kernel_size=(3, 3)),
        compare((2, 3, 8, 8), in_channels=3, out_channels=4, kernel_size=(3, 3), padding=1),
        compare((2, 3, 10, 9), in_channels=3, out_channels=4, kernel_size=(3, 3), stride=4),
        compare((3, 1, 3, 3), kernel_size=(2, 1)),
        compare((2, 3, 64, 64), in_channels=3, out_channels=64, kernel_size=(7, 7), stride=2,
                padding=3),
        compare((2, 2, 5, 6), in_channels=2, kernel_size=(2, 5), stride=3, padding=4),
        compare((3, 8, 8), in_channels=3, out_channels=4, kernel_size=(3, 3), padding=1),
    ]  # fmt: skip


def count_code_lines(source: str) -> int:
    r"""Count the lines of Python that are neither blank, comment nor docstring.

    Parameters
    ----------
    source
        Python text.

    Returns
    -------
    int

    Examples
    --------
    >>> count_code_lines("def f():\n    'Say it.'\n\n    return 1  # why\n")
    2
    """
    tree, documentation = ast.parse(source), set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant):
            documentation |= set(range(node.lineno, (node.end_lineno or node.lineno) + 1))
    lines = enumerate(source.splitlines(), start=1)
    return sum(
        number not in documentation and bool(line.split("#")[0].strip()) for number, line in lines
    )


def summary() -> dict[str, Any]:
    """Say the question, the answer and its key numbers, computed now.

    Returns
    -------
    dict
        ``question`` and ``answer`` (Markdown) and ``numbers``: pairs of a label and a value.
    """
    comparisons = samples()
    largest = max(comparison.largest for comparison in comparisons)
    close = largest < 1e-10
    verdict = "agrees with `nn.Conv2d`" if close else "**does not agree** with `nn.Conv2d`"
    return {
        "question": "Can a convolution layer be written with none of `torch.nn`'s functions?",
        "answer": (
            "Yes: lay the window's patches out as columns and multiply them by the weights. "
            f"`Conv2d` does so and {verdict} in output and gradients: on {len(comparisons)} "
            f"configurations the largest relative difference is {largest:.0e}."
        ),
        "numbers": [
            ("Largest relative difference from `nn.Conv2d`, float64", f"{largest:.0e}"),
            ("Configurations compared here", str(len(comparisons))),
            (
                "Lines of code of the class `Conv2d`, without the functions it calls",
                str(layer_lines()),
            ),
        ],
    }


def layer_lines() -> int:
    """Count the lines of code of the class `Conv2d` without its docstrings.

    Returns
    -------
    int
    """
    return count_code_lines(inspect.getsource(Conv2d))
