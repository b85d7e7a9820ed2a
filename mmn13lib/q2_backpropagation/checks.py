"""The derived gradients against three others that know nothing of them, in numbers.

On convolutions drawn from a seed: autograd through PyTorch's own convolution, autograd through
this package's layer (question 1), and central finite differences of the cost.
"""

from collections.abc import Callable, Iterator
from functools import partial

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from mmn13lib.q1_convolution.layer import convolve
from mmn13lib.q2_backpropagation.derivation import convolution_gradients
from mmn13lib.q2_backpropagation.geometry import Geometry

TOLERANCES = {"autograd": 1e-10, "layer": 1e-10, "finite_difference": 1e-6}
"""Largest absolute difference allowed: rounding with room, and about the step squared."""

STEP = 1e-5

Convolution = Callable[[Tensor, Tensor], Tensor]
Gradients = tuple[Tensor, Tensor]  # with respect to kernel and image


def random_checks(count: int, seed: int = 13) -> Iterator[dict[str, float]]:
    """Check random convolutions, larger than those of the exhaustive proof too."""
    generator = np.random.default_rng(seed)
    for _ in range(count):
        yield check(random_geometry(generator), generator)


def random_geometry(generator: np.random.Generator) -> Geometry:
    """Draw a convolution: sides up to 6, a kernel up to 4×4, stride up to 3, padding up to 2."""
    rows, columns = (int(side) for side in generator.integers(1, 7, size=2))
    stride, padding = int(generator.integers(1, 4)), int(generator.integers(0, 3))
    high, wide = (
        int(generator.integers(1, min(4, side + 2 * padding) + 1)) for side in (rows, columns)
    )
    return Geometry((rows, columns), (high, wide), stride, padding)


def check(geometry: Geometry, generator: np.random.Generator) -> dict[str, float]:
    """Return how far the derived gradients are from those found in three other ways.

    Each is the largest absolute difference, at values that are drawn, standard normal, from
    ``autograd`` through ``torch.nn.functional.conv2d``; from autograd through question 1's
    ``layer``; from the ``finite_difference`` of the cost.
    """
    image, kernel, weights = (
        torch.from_numpy(generator.standard_normal((1, 1, *shape)))
        for shape in (geometry.image_shape, geometry.kernel_shape, geometry.output_shape)
    )
    stride, padding = geometry.stride, geometry.padding
    theirs = partial(F.conv2d, stride=stride, padding=padding)
    ours = partial(convolve, bias=torch.zeros(1).double(), stride=stride, padding=padding)
    output = theirs(image, kernel).requires_grad_()
    (upstream,) = torch.autograd.grad(cost(output, weights).sum(), output)
    derivation = convolution_gradients(geometry.image_shape, geometry.kernel_shape, stride, padding)
    derived = derivation.evaluate(image, kernel, upstream)
    ways = {
        "autograd": _autograd(theirs, image, kernel, weights),
        "layer": _autograd(ours, image, kernel, weights),
        "finite_difference": _finite_difference(theirs, image, kernel, weights),
    }
    return {
        way: max(
            float(np.abs(one - other[0, 0].numpy()).max())
            for one, other in zip(derived, found, strict=True)
        )
        for way, found in ways.items()
    }


def cost(output: Tensor, weights: Tensor) -> Tensor:
    """Compute a cost that is nonlinear and mixes all outputs Y, of shape (..., rows, columns).

    It is the sum of w_mn sin(y_mn), plus log(1 + sum of y_mn^2); without weights of its own for
    each output, it would hide exchanged ones.
    """
    return (weights * output.sin()).sum((-2, -1)) + output.square().sum((-2, -1)).log1p()


def _autograd(way: Convolution, image: Tensor, kernel: Tensor, weights: Tensor) -> Gradients:
    image, kernel = image.clone().requires_grad_(), kernel.clone().requires_grad_()
    d_kernel, d_image = torch.autograd.grad(
        cost(way(image, kernel), weights).sum(), (kernel, image)
    )
    return d_kernel, d_image


def _finite_difference(
    way: Convolution, image: Tensor, kernel: Tensor, weights: Tensor
) -> Gradients:
    """Move every element up and down by `STEP`; each moved image or kernel is one of a batch."""

    def slope(moved: Callable[[Tensor], Tensor], centre: Tensor) -> Tensor:
        moves = STEP * torch.eye(centre.numel(), dtype=torch.float64).reshape(-1, *centre.shape[1:])
        up, down = (cost(moved(centre + move), weights).flatten() for move in (moves, -moves))
        return ((up - down) / (2 * STEP)).reshape(centre.shape)

    return (
        slope(lambda moved: way(image, moved), kernel),
        slope(lambda moved: way(moved, kernel), image),
    )
