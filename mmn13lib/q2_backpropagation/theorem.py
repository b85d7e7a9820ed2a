"""The general theorem: both gradients of a convolution are correlations again.

`kernel_gradient` and `image_gradient` are the theorem's closed form. They share nothing with the
derivation beside it: no chain rule and no cost, only pad, dilate, flip and correlate.
`holds` compares the two, as expressions.
Source of the closed form: V. Dumoulin and F. Visin, "A guide to convolution arithmetic for deep
learning", 2016, chapter 4.
"""

from itertools import product

import numpy as np
import numpy.typing as npt
import sympy

from mmn13lib.q2_backpropagation.derivation import convolution_gradients
from mmn13lib.q2_backpropagation.geometry import Geometry

Expressions = npt.NDArray[np.object_]


def kernel_gradient(image: Expressions, upstream: Expressions, geometry: Geometry) -> Expressions:
    """Correlate the padded image X with the dilated upstream gradient G, g_mn = dC/dy_mn: dC/dK.

    Where the stride leaves rows or columns of the image unread, the correlation is larger than
    the kernel; its upper left corner is the gradient.
    """
    padded = np.pad(image, geometry.padding)
    rows, columns = geometry.kernel_shape
    return correlate(padded, dilate(upstream, geometry.stride))[:rows, :columns]


def image_gradient(upstream: Expressions, kernel: Expressions, geometry: Geometry) -> Expressions:
    """Convolve the dilated upstream gradient fully with the kernel, and crop the padding: dC/dX.

    It is zero where the stride left a pixel unread.
    """
    rim = [(side - 1, side - 1) for side in kernel.shape]
    full = correlate(np.pad(dilate(upstream, geometry.stride), rim), kernel[::-1, ::-1])
    sides = zip(geometry.image_shape, full.shape, strict=True)
    unread = [(0, side + 2 * geometry.padding - read) for side, read in sides]
    crop = tuple(slice(geometry.padding, geometry.padding + side) for side in geometry.image_shape)
    return np.pad(full, unread)[crop]


def dilate(array: Expressions, stride: int) -> Expressions:
    """Put `stride` - 1 zeros between neighbouring rows and columns.

    >>> dilate(np.array([[1, 2]], dtype=object), 3)
    array([[1, 0, 0, 2]], dtype=object)
    """
    shape = [(side - 1) * stride + 1 for side in array.shape]
    dilated = np.zeros(shape, dtype=object)
    dilated[::stride, ::stride] = array
    return dilated


def correlate(array: Expressions, window: Expressions) -> Expressions:
    """Slide a window over a larger array, with stride 1 and without padding.

    >>> correlate(np.array([[1, 2, 3]], dtype=object), np.array([[1, 1]], dtype=object))
    array([[3, 5]], dtype=object)
    """
    shape = [side - width + 1 for side, width in zip(array.shape, window.shape, strict=True)]
    # only what is not zero: a dilated window is mostly zeros
    places = [at for at in product(*map(range, window.shape)) if window[at] != 0]
    result = np.empty(shape, dtype=object)
    for m, n in np.ndindex(result.shape):
        result[m, n] = sympy.Add(*[window[u, v] * array[m + u, n + v] for u, v in places])
    return result


def holds(geometry: Geometry) -> bool:
    """Return whether the derived gradients equal the closed form, as expressions.

    >>> holds(Geometry((3, 3), (2, 1), stride=2, padding=1))
    True
    """
    gradients = convolution_gradients(
        geometry.image_shape, geometry.kernel_shape, geometry.stride, geometry.padding
    )
    image, kernel, upstream = (
        np.array(matrix.tolist(), dtype=object)
        for matrix in (gradients.image, gradients.kernel, gradients.upstream)
    )
    return _same(gradients.d_kernel, kernel_gradient(image, upstream, geometry)) and _same(
        gradients.d_image, image_gradient(upstream, kernel, geometry)
    )


def _same(derived: sympy.ImmutableMatrix, expected: Expressions) -> bool:
    return derived.shape == expected.shape and all(
        left == right or sympy.expand(left - right) == 0
        for left, right in zip(derived, expected.ravel(), strict=True)
    )
