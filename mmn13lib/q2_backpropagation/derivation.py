"""Question 2: the backward pass through a convolution, derived by sympy.

`convolution_gradients` writes the outputs of a convolution as expressions in the pixels and the
kernel's elements, makes the cost an undefined function of them, and lets sympy's chain rule
find its derivatives. `mmn13lib.q2_backpropagation.theorem` proves their general form;
`mmn13lib.q2_backpropagation.checks` compares their values with autograd's.
"""

from dataclasses import dataclass
from itertools import product
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import sympy
from sympy import Expr
from sympy import ImmutableMatrix as Matrix
from sympy.core.function import AppliedUndef

from mmn13lib.q2_backpropagation.geometry import Geometry, Shape


class EvaluatedGradients(NamedTuple):
    """The gradients as numbers: float64 arrays of the kernel's and of the image's shape."""

    d_kernel: npt.NDArray[np.float64]
    d_image: npt.NDArray[np.float64]


@dataclass(frozen=True)
class ConvolutionGradients:
    """A convolution and the derivatives of a cost of its output, as matrices of expressions.

    Attributes
    ----------
    geometry
        The shapes, stride and padding.
    image, kernel
        Symbols x_ij and k_uv, indices from 0.
    output
        Each y_mn in the symbols of image and kernel.
    upstream
        Symbols g_mn, which stand for dC/dy_mn.
    d_kernel, d_image
        dC/dk_uv and dC/dx_ij in the symbols of all three.
    """

    geometry: Geometry
    image: Matrix
    kernel: Matrix
    output: Matrix
    upstream: Matrix
    d_kernel: Matrix
    d_image: Matrix

    def evaluate(
        self, image: npt.ArrayLike, kernel: npt.ArrayLike, upstream: npt.ArrayLike
    ) -> EvaluatedGradients:
        """Put numbers in for the symbols, in the shapes of the matrices of the same names.

        Examples
        --------
        >>> gradients = convolution_gradients((2, 1), (2, 1))
        >>> gradients.evaluate([[1], [2]], [[3], [4]], [[10]]).d_image
        array([[30.], [40.]])
        """
        symbols = [*self.image, *self.kernel, *self.upstream]
        numbers = np.concatenate([np.ravel(given) for given in (image, kernel, upstream)])
        found = sympy.lambdify(symbols, [self.d_kernel, self.d_image])(*numbers)
        return EvaluatedGradients(*(np.asarray(each, dtype=np.float64) for each in found))


def convolution_gradients(
    image_shape: Shape = (3, 3),
    kernel_shape: Shape = (2, 1),
    stride: int = 1,
    padding: int = 0,
) -> ConvolutionGradients:
    """Derive the gradients of a cost with respect to kernel and image.

    The convolution is that of PyTorch and of the course, a cross-correlation. The cost C is an
    undefined function of the outputs: nothing is known of it but the names of its derivatives.

    The arguments, and the errors, are those of `Geometry`; the question's are the defaults.

    Examples
    --------
    >>> convolution_gradients().d_image
    Matrix([
    [          g_00*k_00,           g_01*k_00,           g_02*k_00],
    [g_00*k_10 + g_10*k_00, g_01*k_10 + g_11*k_00, g_02*k_10 + g_12*k_00],
    [          g_10*k_10,           g_11*k_10,           g_12*k_10]])
    """
    geometry = Geometry(image_shape, kernel_shape, stride, padding)
    image = symbols("x", geometry.image_shape)
    kernel = symbols("k", geometry.kernel_shape)
    upstream = symbols("g", geometry.output_shape)
    output = outputs_of(image, kernel, geometry)
    cost = cost_of(list(output), list(upstream))
    d_kernel = kernel.applyfunc(cost.diff)
    d_image = image.applyfunc(cost.diff)
    found = (image, kernel, output, upstream, d_kernel, d_image)
    return ConvolutionGradients(geometry, *found)


def outputs_of(image: Matrix, kernel: Matrix, geometry: Geometry) -> Matrix:
    """Write each y_mn: the sum of k_uv x_ij, i = sm+u-p and j = sn+v-p, within the image."""
    (rows, columns), stride = geometry.image_shape, geometry.stride

    def output(m: int, n: int) -> Expr:
        top = int(m) * stride - geometry.padding
        left = int(n) * stride - geometry.padding
        terms = [
            kernel[u, v] * image[top + u, left + v]
            for u, v in product(*map(range, geometry.kernel_shape))
            if 0 <= top + u < rows and 0 <= left + v < columns
        ]
        return sympy.Add(*terms)

    return Matrix(*geometry.output_shape, output)


def cost_of(outputs: list[Expr], derivatives: list[Expr]) -> Expr:
    """Return C(outputs), C being undefined but for the names of its derivatives by each output.

    Its ``diff`` is sympy's own chain rule.
    """

    class C(AppliedUndef):
        def fdiff(self, argindex: int = 1) -> Expr:
            return derivatives[argindex - 1]

    return C(*outputs)


def symbols(letter: str, shape: Shape) -> Matrix:
    """Make a matrix of symbols with their indices, from 0."""
    between = "" if max(shape) <= 10 else "_"
    return Matrix(*shape, lambda i, j: sympy.Symbol(f"{letter}_{i}{between}{j}"))
