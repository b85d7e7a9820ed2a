"""Question 2: the backward pass through a convolution, derived by sympy.

`convolution_gradients` writes the outputs of a convolution as expressions in the pixels and the
kernel's elements, makes the cost an undefined function of them, and lets sympy's chain rule
find its derivatives. `mmn13lib.q2_backpropagation.theorem` proves their general form;
`mmn13lib.q2_backpropagation.checks` compares their values with autograd's.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from itertools import product
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import sympy
from sympy.core.function import AppliedUndef

from mmn13lib.q2_backpropagation.geometry import Geometry, Shape, geometries, times

ANSWER = (
    r"With $y_{ij} = k_{11} x_{ij} + k_{21} x_{i+1,j}$ (the kernel is not flipped): "
    r"$\frac{\partial C}{\partial k_{a1}} = \sum_{i=1}^{2} \sum_{j=1}^{3} "
    r"\frac{\partial C}{\partial y_{ij}} x_{i+a-1,j}$ for $a = 1, 2$: the correlation of $X$ with "
    r"$\frac{\partial C}{\partial Y}$. $\frac{\partial C}{\partial x_{ij}} = "
    r"\frac{\partial C}{\partial y_{ij}} k_{11} + \frac{\partial C}{\partial y_{i-1,j}} k_{21}$, "
    r"with the derivatives by $y_{0j}$ and $y_{3j}$, which do not exist, taken as 0: the full "
    r"convolution of $\frac{\partial C}{\partial Y}$ with $K$."
)
"""The closed form, in words and Markdown; `summary` proves it before it says it."""


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
        Symbols x_ij and k_ij, indices from 1.
    output
        Each y_ij in the symbols of image and kernel.
    upstream
        Symbols g_ij, which stand for dC/dy_ij.
    d_kernel, d_image
        dC/dk_ij and dC/dx_ij in the symbols of all three.
    """

    geometry: Geometry
    image: sympy.ImmutableMatrix
    kernel: sympy.ImmutableMatrix
    output: sympy.ImmutableMatrix
    upstream: sympy.ImmutableMatrix
    d_kernel: sympy.ImmutableMatrix
    d_image: sympy.ImmutableMatrix

    def evaluate(
        self, image: npt.ArrayLike, kernel: npt.ArrayLike, upstream: npt.ArrayLike
    ) -> EvaluatedGradients:
        """Put numbers in for the symbols.

        Parameters
        ----------
        image, kernel, upstream
            Numbers, in the shapes of the matrices of the same names.

        Returns
        -------
        EvaluatedGradients
            ``d_kernel`` and ``d_image``, float64.

        Raises
        ------
        ValueError
            If an array has another shape.

        Examples
        --------
        >>> gradients = convolution_gradients((2, 1), (2, 1))
        >>> gradients.evaluate([[1], [2]], [[3], [4]], [[10]]).d_image
        array([[30.], [40.]])
        """
        values: list[float] = []
        for name, given in (("image", image), ("kernel", kernel), ("upstream", upstream)):
            array, shape = np.asarray(given, dtype=np.float64), getattr(self, name).shape
            if array.shape != shape:
                raise ValueError(
                    f"{name} must have the shape {times(shape)} of this convolution, "
                    f"not {times(array.shape) or 'that of a number'}"
                )
            values.extend(array.ravel())
        d_kernel, d_image = self._numeric(*values)
        return EvaluatedGradients(
            np.array(d_kernel, dtype=np.float64).reshape(self.kernel.shape),
            np.array(d_image, dtype=np.float64).reshape(self.image.shape),
        )

    @cached_property
    def _numeric(self) -> Any:
        symbols = [*self.image, *self.kernel, *self.upstream]
        return sympy.lambdify(symbols, [list(self.d_kernel), list(self.d_image)], modules="math")

    def latex(self) -> dict[str, str]:
        r"""Write every output and every derivative as an equation.

        Returns
        -------
        dict of str
            LaTeX by name: ``y11``, …, ``dk11``, …, ``dx11``, …, without dollar signs; a sum of
            more than three terms is broken into lines.

        Examples
        --------
        >>> print(convolution_gradients().latex()["dx11"])
        \frac{\partial C}{\partial x_{11}} = \frac{\partial C}{\partial y_{11}} k_{11}
        """
        names = {g: _derivative(f"y{_index(*at)}") for at, g in _entries(self.upstream)}
        equations = {}
        for prefix, left, matrix in (
            ("y", "y{}", self.output),
            ("dk", _derivative("k{}"), self.d_kernel),
            ("dx", _derivative("x{}"), self.d_image),
        ):
            for at, expression in _entries(matrix):
                terms = [
                    sympy.latex(term, symbol_names=names) for term in expression.as_ordered_terms()
                ]
                equations[f"{prefix}{_label(*at)}"] = _equation(
                    left.replace("{}", _index(*at)), terms
                )
        return equations


def convolution_gradients(
    image_shape: Shape = (3, 3),
    kernel_shape: Shape = (2, 1),
    stride: int = 1,
    padding: int = 0,
) -> ConvolutionGradients:
    """Derive the gradients of a cost with respect to the kernel and the image.

    The convolution is that of PyTorch and of the course, a cross-correlation. The cost C is an
    undefined function of the outputs: nothing is known of it but the names of its derivatives.

    Parameters
    ----------
    image_shape, kernel_shape
        Rows and columns; the question's are the defaults.
    stride, padding
        As in ``torch.nn.functional.conv2d``, one number for both dimensions.

    Returns
    -------
    ConvolutionGradients

    Raises
    ------
    ValueError
        If the shapes do not fit, or a value is no integer or too small.

    Examples
    --------
    >>> convolution_gradients().d_image
    Matrix([
    [          g_11*k_11,           g_12*k_11,           g_13*k_11],
    [g_11*k_21 + g_21*k_11, g_12*k_21 + g_22*k_11, g_13*k_21 + g_23*k_11],
    [          g_21*k_21,           g_22*k_21,           g_23*k_21]])
    """
    geometry = Geometry(image_shape, kernel_shape, stride, padding)
    image = _symbols("x", geometry.image_shape)
    kernel = _symbols("k", geometry.kernel_shape)
    upstream = _symbols("g", geometry.output_shape)
    output = convolve(image, kernel, geometry)
    cost = cost_of(list(output), list(upstream))
    d_kernel, d_image = kernel.applyfunc(cost.diff), image.applyfunc(cost.diff)
    return ConvolutionGradients(geometry, image, kernel, output, upstream, d_kernel, d_image)


def convolve(
    image: sympy.ImmutableMatrix, kernel: sympy.ImmutableMatrix, geometry: Geometry
) -> sympy.ImmutableMatrix:
    """Write the output of a convolution out, as its definition says.

    Parameters
    ----------
    image, kernel
        Matrices of expressions.
    geometry
        Their shapes, the stride and the padding.

    Returns
    -------
    ImmutableMatrix
        y_ij = sum over u, v of k_uv * x_(i*stride + u - padding, j*stride + v - padding), where
        indices count from 0 and a pixel outside the image is 0.
    """
    (rows, columns), (high, wide) = geometry.image_shape, geometry.kernel_shape

    def output(i: int, j: int) -> sympy.Expr:
        top, left = (int(at) * geometry.stride - geometry.padding for at in (i, j))
        return sympy.Add(*[
            kernel[u, v] * image[top + u, left + v]
            for u, v in product(range(high), range(wide))
            if 0 <= top + u < rows and 0 <= left + v < columns
        ])  # fmt: skip

    return sympy.ImmutableMatrix(*geometry.output_shape, output)


def cost_of(outputs: list[sympy.Expr], derivatives: list[sympy.Expr]) -> sympy.Expr:
    """Make C, an undefined function of the outputs, and name its derivatives.

    Parameters
    ----------
    outputs
        The arguments of C.
    derivatives
        For each of them, the name of the derivative of C by it.

    Returns
    -------
    Expr
        C(outputs), whose ``diff`` is sympy's own chain rule.
    """

    class C(AppliedUndef):
        def fdiff(self, argindex: int = 1) -> sympy.Expr:
            return derivatives[argindex - 1]

    return C(*outputs)


def summary() -> dict[str, Any]:
    """Derive the answer to question 2 anew and say it.

    Returns
    -------
    dict
        ``question``; ``answer`` in Markdown; ``numbers``: pairs of label and value.

    Raises
    ------
    ArithmeticError
        If the derivatives are not what the answer says.
    """
    gradients = convolution_gradients()
    if not _is_answer(gradients):
        raise ArithmeticError("question 2: the derived gradients are not what the answer says")
    terms = [len(sympy.Add.make_args(entry)) for entry in gradients.d_image[:, 0]]
    return {
        "question": "Through a convolution of a 3x3 image with a 2x1 kernel, what is the "
        "derivative of the cost with respect to each kernel element and each pixel?",
        "answer": ANSWER,
        "numbers": [
            ("Derivatives found by sympy", f"{len(gradients.d_kernel) + len(gradients.d_image)}"),
            ("Products in a pixel's derivative, by row", ", ".join(map(str, terms))),
            (
                "Convolutions the tests prove the general theorem for",
                f"{sum(1 for _ in geometries()):,}",
            ),
        ],
    }


def _is_answer(gradients: ConvolutionGradients) -> bool:
    """Say whether `ANSWER`, its formulas taken literally, gives the derived gradients."""
    x, k, g = gradients.image, gradients.kernel, gradients.upstream
    bordered = g.row_insert(0, sympy.zeros(1, 3)).row_insert(3, sympy.zeros(1, 3))
    d_kernel = sympy.Matrix(
        2, 1, lambda a, _: sum(g[i, j] * x[i + a, j] for i, j in product(range(2), range(3)))
    )
    d_image = sympy.Matrix(3, 3, lambda i, j: bordered[i + 1, j] * k[0] + bordered[i, j] * k[1])
    return d_kernel == gradients.d_kernel and d_image == gradients.d_image


def _symbols(letter: str, shape: Shape) -> sympy.ImmutableMatrix:
    return sympy.ImmutableMatrix(
        *shape, lambda i, j: sympy.Symbol(f"{letter}_{_label(int(i) + 1, int(j) + 1)}")
    )


def _entries(matrix: sympy.ImmutableMatrix) -> Iterator[tuple[Shape, sympy.Expr]]:
    rows, columns = matrix.shape
    return zip(product(range(1, rows + 1), range(1, columns + 1)), matrix, strict=True)


def _label(i: int, j: int) -> str:
    return f"{i}{j}" if max(i, j) < 10 else f"{i}_{j}"


def _index(i: int, j: int) -> str:
    return f"_{{{i}{j}}}" if max(i, j) < 10 else f"_{{{i},{j}}}"


def _derivative(variable: str) -> str:
    return rf"\frac{{\partial C}}{{\partial {variable}}}"


def _equation(left: str, terms: list[str], per_line: int = 3) -> str:
    lines = [" + ".join(terms[n : n + per_line]) for n in range(0, len(terms), per_line)]
    if len(lines) == 1:
        return f"{left} = {lines[0]}"
    right = r" \\ &\quad + ".join(lines)
    return rf"\begin{{aligned}} {left} &= {right} \end{{aligned}}"
