"""The general theorem: both gradients of a convolution are correlations again.

`kernel_gradient` and `image_gradient` are the theorem's closed form. They share nothing with the
derivation beside it: no chain rule and no cost, only pad, dilate, flip and correlate.
`identities` compares the two, as expressions, for every small convolution.
Source of the closed form: V. Dumoulin and F. Visin, "A guide to convolution arithmetic for deep
learning", 2016, chapter 4.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import product

import numpy as np
import numpy.typing as npt
import sympy

from mmn13lib.q2_backpropagation.derivation import convolution_gradients
from mmn13lib.q2_backpropagation.geometry import Geometry, Shape, geometries

Expressions = npt.NDArray[np.object_]


def kernel_gradient(
    image: Expressions,
    upstream: Expressions,
    kernel_shape: tuple[int, int],
    stride: int,
    padding: int,
) -> Expressions:
    """Correlate the padded image with the dilated upstream gradient.

    Parameters
    ----------
    image
        X, of shape (H, W).
    upstream
        G with g_ij = dC/dy_ij, of the output's shape.
    kernel_shape
        Rows and columns of the kernel.
    stride, padding
        As in the convolution.

    Returns
    -------
    ndarray of expressions
        dC/dK, of shape `kernel_shape`. Where the stride leaves rows or columns of the image
        unread, the correlation is larger than the kernel; its upper left corner is the gradient.
    """
    correlation = correlate(np.pad(image, padding), dilate(upstream, stride))
    return correlation[: kernel_shape[0], : kernel_shape[1]]


def image_gradient(
    upstream: Expressions,
    kernel: Expressions,
    image_shape: tuple[int, int],
    stride: int,
    padding: int,
) -> Expressions:
    """Convolve the dilated upstream gradient fully with the kernel, and crop the padding.

    Parameters
    ----------
    upstream
        G with g_ij = dC/dy_ij, of the output's shape.
    kernel
        K, of shape (p, q).
    image_shape
        Rows and columns of the image.
    stride, padding
        As in the convolution.

    Returns
    -------
    ndarray of expressions
        dC/dX, of shape `image_shape`; zero where the stride left a pixel unread.
    """
    rim = [(side - 1, side - 1) for side in kernel.shape]
    full = correlate(np.pad(dilate(upstream, stride), rim), kernel[::-1, ::-1])
    padded_shape = [side + 2 * padding for side in image_shape]
    unread = [(0, want - have) for want, have in zip(padded_shape, full.shape, strict=True)]
    crop = tuple(slice(padding, padding + side) for side in image_shape)
    return np.pad(full, unread)[crop]


def dilate(array: Expressions, stride: int) -> Expressions:
    """Put `stride` - 1 zeros between neighbouring rows and columns.

    Parameters
    ----------
    array
        Of shape (m, n).
    stride
        The distance of former neighbours.

    Returns
    -------
    ndarray of expressions
        Of shape ((m - 1) * stride + 1, (n - 1) * stride + 1).

    Examples
    --------
    >>> dilate(np.array([[1, 2]], dtype=object), 3)
    array([[1, 0, 0, 2]], dtype=object)
    """
    rows, columns = array.shape
    dilated = np.zeros(((rows - 1) * stride + 1, (columns - 1) * stride + 1), dtype=object)
    dilated[::stride, ::stride] = array
    return dilated


def correlate(array: Expressions, window: Expressions) -> Expressions:
    """Slide a window over an array, with stride 1 and without padding.

    Parameters
    ----------
    array
        Of shape (m, n).
    window
        Of shape (p, q), at most as large as the array.

    Returns
    -------
    ndarray of expressions
        Of shape (m - p + 1, n - q + 1): the sum of products at each place of the window.

    Examples
    --------
    >>> correlate(np.array([[1, 2, 3]], dtype=object), np.array([[1, 1]], dtype=object))
    array([[3, 5]], dtype=object)
    """
    (rows, columns), (high, wide) = array.shape, window.shape
    # only what is not zero: a dilated window is mostly zeros
    places = [at for at in product(range(high), range(wide)) if window[at] != 0]
    result = np.empty((rows - high + 1, columns - wide + 1), dtype=object)
    for i, j in np.ndindex(result.shape):
        result[i, j] = sympy.Add(*[window[u, v] * array[i + u, j + v] for u, v in places])
    return result


@dataclass(frozen=True)
class Identity:
    """Whether the derived gradients of one convolution equal the closed form, as expressions."""

    geometry: Geometry
    d_kernel: bool
    d_image: bool

    @property
    def holds(self) -> bool:
        """Whether both do."""
        return self.d_kernel and self.d_image


def identities(
    max_image: Shape = (5, 5), max_kernel: Shape = (3, 3), max_stride: int = 3, max_padding: int = 2
) -> Iterator[Identity]:
    """Compare derivation and closed form, exactly, for every convolution up to a size.

    The kernel's gradient must be the correlation of the image with the upstream gradient, and the
    image's the full convolution of the upstream gradient with the kernel.

    Parameters
    ----------
    max_image, max_kernel, max_stride, max_padding
        As in `geometries`.

    Yields
    ------
    Identity
        One for each convolution.

    Examples
    --------
    >>> all(identity.holds for identity in identities((3, 3), (2, 1), 1, 0))
    True
    """
    for geometry in geometries(max_image, max_kernel, max_stride, max_padding):
        yield identity(geometry)


def identity(geometry: Geometry) -> Identity:
    """Compare derivation and closed form, exactly, for one convolution.

    Parameters
    ----------
    geometry
        Its shapes, stride and padding.

    Returns
    -------
    Identity
    """
    shape, window, stride, padding = (
        geometry.image_shape, geometry.kernel_shape, geometry.stride, geometry.padding,
    )  # fmt: skip
    gradients = convolution_gradients(shape, window, stride, padding)
    image, kernel, upstream = (
        np.array(matrix.tolist(), dtype=object)
        for matrix in (gradients.image, gradients.kernel, gradients.upstream)
    )
    d_kernel = kernel_gradient(image, upstream, window, stride, padding)
    d_image = image_gradient(upstream, kernel, shape, stride, padding)
    return Identity(
        geometry, _same(gradients.d_kernel, d_kernel), _same(gradients.d_image, d_image)
    )


def _same(derived: sympy.ImmutableMatrix, expected: Expressions) -> bool:
    return derived.shape == expected.shape and all(
        left == right or sympy.expand(left - right) == 0
        for left, right in zip(derived, expected.ravel(), strict=True)
    )
