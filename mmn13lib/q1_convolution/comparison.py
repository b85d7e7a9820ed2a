"""Question 1: our layer beside ``torch.nn.Conv2d``, with equal weights."""

import os
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.profiler import ProfilerActivity, profile

from mmn13lib.q1_convolution.layer import Conv2d


@dataclass(frozen=True)
class LayerDifference:
    """How far our layer is from PyTorch's, on one input.

    The differences are relative: the largest absolute difference, divided by
    the largest absolute value that ``torch.nn.Conv2d`` has there (by 1 if it
    has only zeros).

    Attributes
    ----------
    layer
        The layer's arguments, as its repr shows them.
    output, images, weight, bias
        The difference in the output, and in the gradients with respect to
        the input, the weights and the bias.
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
    make: type[Conv2d] = Conv2d,
    **arguments: Any,
) -> LayerDifference:
    """Run our layer and PyTorch's forward and backward on the same numbers.

    The input, ($N$, $C$, $H$, $W$) or ($C$, $H$, $W$), the parameters and the gradient that comes
    back to the output are standard normal; `arguments` are the layer's.

    >>> compare((2, 1, 5, 5), kernel_size=3, padding=1).largest < 1e-12
    True
    """
    generator = torch.Generator().manual_seed(seed)
    ours = make(**arguments).to(dtype)
    theirs = reference(**arguments).to(dtype)
    with torch.no_grad():
        for parameter in ours.parameters():
            parameter.normal_(generator=generator)
    theirs.load_state_dict(ours.state_dict())
    images = torch.randn(input_shape, generator=generator, dtype=dtype)
    shape = theirs(images).shape
    gradient = torch.randn(shape, generator=generator, dtype=dtype)
    both = (_results(layer, images, gradient) for layer in (ours, theirs))
    differences = [_relative(*pair) for pair in zip(*both, strict=True)]
    layer = ours.extra_repr()
    return LayerDifference(input_shape, tuple(shape), layer, *differences)


def reference(**arguments: Any) -> nn.Conv2d:
    """Make PyTorch's layer from our layer's arguments, defaults included."""
    defaults = {"in_channels": 1, "out_channels": 1, "kernel_size": (1, 1)}
    return nn.Conv2d(**{**defaults, **arguments})


def _results(layer: Any, images: Tensor, gradient: Tensor) -> list[Tensor]:
    images = images.clone().requires_grad_()
    output, inputs = layer(images), (images, layer.weight, layer.bias)
    return [output.detach(), *torch.autograd.grad(output, inputs, gradient)]


def _relative(ours: Tensor, theirs: Tensor) -> float:
    if not theirs.numel():
        return 0.0
    scale = float(theirs.abs().max()) or 1.0
    return float((ours - theirs).abs().max()) / scale


def samples(**options: Any) -> list[LayerDifference]:
    """Compare on eight configurations; `options` are `compare`'s seed, dtype and make."""
    square = {"in_channels": 3, "out_channels": 4, "kernel_size": (3, 3)}
    first_of_resnet = {"in_channels": 3, "out_channels": 64, "kernel_size": (7, 7)}
    uneven = {"in_channels": 2, "kernel_size": (2, 5)}
    configurations: list[tuple[tuple[int, ...], dict[str, Any]]] = [
        ((1, 1, 4, 4), {}),
        ((2, 3, 8, 8), square),
        ((2, 3, 8, 8), {**square, "padding": 1}),
        ((2, 3, 10, 9), {**square, "stride": 4}),  # leaves rows and columns over
        ((3, 1, 3, 3), {"kernel_size": (2, 1)}),
        ((2, 3, 64, 64), {**first_of_resnet, "stride": 2, "padding": 3}),
        ((2, 2, 5, 6), {**uneven, "stride": 3, "padding": 4}),  # padding beyond the kernel
        ((3, 8, 8), {**square, "padding": 1}),  # no batch
    ]
    return [compare(shape, **arguments, **options) for shape, arguments in configurations]


def operators(layer: nn.Module, images: Tensor) -> list[str]:
    """List PyTorch's operators, without ``aten::``, that a layer runs forward and backward."""
    os.environ.setdefault("KINETO_LOG_LEVEL", "99")  # the profiler's own lines say nothing here
    with profile(activities=[ProfilerActivity.CPU]) as seen:
        layer(images.clone().requires_grad_()).sum().backward()
    names = [event.name for event in seen.events() if event.name.startswith("aten::")]
    return [name.removeprefix("aten::") for name in dict.fromkeys(names)]
