"""The derived gradients against three others that know nothing of them, in numbers.

On convolutions drawn from a seed: autograd through PyTorch's own convolution, autograd through
this package's layer (question 1), and central finite differences of the cost.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch
from torch.nn import functional as F

from mmn13lib.q1_convolution.layer import Conv2d
from mmn13lib.q2_backpropagation.derivation import EvaluatedGradients, convolution_gradients
from mmn13lib.q2_backpropagation.geometry import Geometry

TOLERANCE = 1e-10
"""Largest difference from either autograd: float64 rounding, with room."""

FINITE_DIFFERENCE_TOLERANCE = 1e-6
"""Largest difference from finite differences, whose own error is about the step squared."""

STEP = 1e-5


@dataclass(frozen=True)
class Comparison:
    """One convolution with drawn values, its gradients found in four ways.

    Attributes
    ----------
    geometry
        The shapes, stride and padding.
    derived
        By the formulas that sympy derived.
    autograd
        By ``torch.autograd`` through ``torch.nn.functional.conv2d``.
    layer
        By ``torch.autograd`` through `mmn13lib.q1_convolution.layer.Conv2d`.
    finite_difference
        By central differences of the cost.
    """

    geometry: Geometry
    derived: EvaluatedGradients
    autograd: EvaluatedGradients
    layer: EvaluatedGradients
    finite_difference: EvaluatedGradients

    def difference(self, other: str) -> float:
        """Find the largest absolute difference from the derived gradients.

        Parameters
        ----------
        other
            ``autograd``, ``layer`` or ``finite_difference``.

        Returns
        -------
        float
        """
        pairs = zip(self.derived, getattr(self, other), strict=True)
        return max(float(np.abs(ours - theirs).max()) for ours, theirs in pairs)

    @property
    def agrees(self) -> bool:
        """Whether all three are within their tolerances."""
        return (
            self.difference("autograd") <= TOLERANCE
            and self.difference("layer") <= TOLERANCE
            and self.difference("finite_difference") <= FINITE_DIFFERENCE_TOLERANCE
        )


def comparisons(count: int = 300, seed: int = 13) -> Iterator[Comparison]:
    """Compare on random convolutions, larger than those of the exhaustive proof too.

    Parameters
    ----------
    count
        How many.
    seed
        Of NumPy's generator.

    Yields
    ------
    Comparison
    """
    generator = np.random.default_rng(seed)
    for _ in range(count):
        yield compare(random_geometry(generator), generator)


def random_geometry(generator: np.random.Generator) -> Geometry:
    """Draw a convolution: sides up to 6, a kernel up to 4x4, stride up to 3, padding up to 2.

    Parameters
    ----------
    generator
        Where chance comes from.

    Returns
    -------
    Geometry
    """
    rows, columns = (int(side) for side in generator.integers(1, 7, size=2))
    stride, padding = int(generator.integers(1, 4)), int(generator.integers(0, 3))
    high, wide = (
        int(generator.integers(1, min(4, side + 2 * padding) + 1)) for side in (rows, columns)
    )
    return Geometry((rows, columns), (high, wide), stride, padding)


def compare(geometry: Geometry, generator: np.random.Generator) -> Comparison:
    """Find the gradients of one convolution in four ways, at values that are drawn.

    Parameters
    ----------
    geometry
        The shapes, stride and padding.
    generator
        Where image, kernel and the cost's weights come from: standard normal values.

    Returns
    -------
    Comparison
    """
    image, kernel, weights = (
        torch.from_numpy(generator.standard_normal((1, 1, *shape)))
        for shape in (geometry.image_shape, geometry.kernel_shape, geometry.output_shape)
    )
    output = _convolve(image, kernel, geometry).requires_grad_()
    (upstream,) = torch.autograd.grad(cost(output, weights).sum(), output)
    derived = convolution_gradients(
        geometry.image_shape, geometry.kernel_shape, geometry.stride, geometry.padding
    ).evaluate(image[0, 0], kernel[0, 0], upstream[0, 0])
    return Comparison(
        geometry,
        derived,
        _autograd(image, kernel, weights, geometry),
        _layer(image, kernel, weights, geometry),
        _finite_difference(image, kernel, weights, geometry),
    )


def cost(output: torch.Tensor, weights: torch.Tensor) -> torch.Tensor:
    """Compute some cost that is nonlinear and mixes all outputs.

    Parameters
    ----------
    output
        Y, of shape (..., rows, columns).
    weights
        One for each output: a cost that treats them alike would hide exchanged ones.

    Returns
    -------
    Tensor
        sum of w_ij sin(y_ij), plus log(1 + sum of y_ij^2), of shape (...).
    """
    return (weights * output.sin()).sum((-2, -1)) + output.square().sum((-2, -1)).log1p()


def _convolve(image: torch.Tensor, kernel: torch.Tensor, geometry: Geometry) -> torch.Tensor:
    return F.conv2d(image, kernel, stride=geometry.stride, padding=geometry.padding)


def _autograd(
    image: torch.Tensor, kernel: torch.Tensor, weights: torch.Tensor, geometry: Geometry
) -> EvaluatedGradients:
    image, kernel = image.clone().requires_grad_(), kernel.clone().requires_grad_()
    total = cost(_convolve(image, kernel, geometry), weights).sum()
    return _arrays(*torch.autograd.grad(total, (kernel, image)))


def _layer(
    image: torch.Tensor, kernel: torch.Tensor, weights: torch.Tensor, geometry: Geometry
) -> EvaluatedGradients:
    layer = Conv2d(
        1, 1, geometry.kernel_shape, stride=geometry.stride, padding=geometry.padding
    ).double()
    layer.load_state_dict({"weight": kernel, "bias": torch.zeros(1)})
    image = image.clone().requires_grad_()
    total = cost(layer(image), weights).sum()
    return _arrays(*torch.autograd.grad(total, (layer.weight, image)))


def _finite_difference(
    image: torch.Tensor, kernel: torch.Tensor, weights: torch.Tensor, geometry: Geometry
) -> EvaluatedGradients:
    """Move every element up and down by `STEP`; each moved image or kernel is one of a batch."""

    def slope(of_image: bool) -> torch.Tensor:
        centre = image if of_image else kernel
        moves = STEP * torch.eye(centre.numel(), dtype=torch.float64).reshape(-1, *centre.shape[1:])
        up, down = (
            _convolve(centre + move, kernel, geometry)
            if of_image
            else _convolve(image, centre + move, geometry)
            for move in (moves, -moves)
        )
        costs = [cost(output, weights).flatten() for output in (up, down)]
        return ((costs[0] - costs[1]) / (2 * STEP)).reshape(centre.shape)

    return _arrays(slope(of_image=False), slope(of_image=True))


def _arrays(d_kernel: torch.Tensor, d_image: torch.Tensor) -> EvaluatedGradients:
    kernel_part, image_part = (gradient[0, 0].detach().numpy() for gradient in (d_kernel, d_image))
    return EvaluatedGradients(kernel_part, image_part)


def rows(comparison: Comparison) -> list[tuple[str, npt.NDArray[np.float64]]]:
    """List every derivative with its value by each way.

    Parameters
    ----------
    comparison
        Of any convolution.

    Returns
    -------
    list of (str, ndarray)
        A name such as ``k_{11}``; four values: derived, autograd, layer, finite difference.
    """
    ways = (
        comparison.derived, comparison.autograd, comparison.layer, comparison.finite_difference,
    )  # fmt: skip
    listed = []
    for part, letter in enumerate("kx"):
        values = np.stack([way[part] for way in ways])
        for i, j in np.ndindex(values.shape[1:]):
            listed.append((f"{letter}_{{{i + 1}{j + 1}}}", values[:, i, j]))
    return listed
