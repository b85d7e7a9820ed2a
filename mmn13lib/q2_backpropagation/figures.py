"""Question 2's figures: a pixel followed forward and back, and the kernel that slides over G."""

import sympy
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from mmn13lib.q2_backpropagation.derivation import ConvolutionGradients
from mmn13lib.writing.plotting import draw_cells, new_figure

CELL = (1.85, 1.0)
"""Width and height of a cell that holds a product of two symbols."""


def pixel_figure(gradients: ConvolutionGradients, pixel: tuple[int, int]) -> Figure:
    """Follow a pixel into the columns and outputs, and the outputs' derivatives back to it.

    Parameters
    ----------
    gradients
        A small convolution of stride 1 without padding.
    pixel
        Row and column, from 0; all that it takes part in is tinted.
    """
    places = len(gradients.output)
    columns = gradients.output.reshape(places, 1).jacobian(gradients.kernel).T
    kernel = gradients.kernel.reshape(len(gradients.kernel), 1)
    products = kernel * gradients.upstream.reshape(1, places)
    touched = {
        (r, q)
        for r in range(columns.rows)
        for q in range(columns.cols)
        if columns[r, q] == gradients.image[pixel]
    }
    name = sympy.latex(gradients.image[pixel])
    total = sympy.latex(gradients.d_image[pixel])
    figure, (forward, backward) = new_figure(2, 1, height=2.85)
    for axes, title, entries, ends, arrows in (
        (forward, "columns $P$", columns, gradients.output, "→↓"),
        (backward, r"returned to $P$: $K g$", products, gradients.upstream, "←↑"),
    ):
        letter = "y" if axes is forward else "g"
        image_title = "image $X$" if axes is forward else rf"$\partial C/\partial {name}={total}$"
        shown = _written(gradients.image)
        if axes is backward:
            shown = [
                ["+" * ((i, j) == pixel) for j, _ in enumerate(row)] for i, row in enumerate(shown)
            ]
        draw_cells(axes, (0, 0), shown, image_title, {pixel})
        left = gradients.image.cols + 3.5
        draw_cells(axes, (left, 0), _written(entries), title, touched, CELL)
        names = [[f"${letter}_{{{m}{n}}}$" for m in range(ends.rows) for n in range(ends.cols)]]
        row = entries.rows + 1.0
        draw_cells(axes, (left, row), names, "", {(0, q) for _, q in touched}, CELL)
        _arrows(axes, arrows, left, row, touched)
        if axes is forward:
            for r, weight in enumerate(gradients.kernel):
                sign = rf"${sympy.latex(weight)}\;\times$"
                axes.text(left - 0.2, r + 0.5, sign, ha="right", va="center")
            axes.text(left - 0.2, row + 0.5, "sum", ha="right", va="center")
        axes.set(xlim=(-0.6, left + CELL[0] * entries.cols + 0.1), ylim=(row + 1.1, -0.9))
        axes.set(aspect="equal")
        axes.set_axis_off()
    return figure


def sliding_figure(gradients: ConvolutionGradients, column: int) -> Figure:
    """Draw the turned kernel at its positions on G in the ring of zeros, from top to bottom.

    Parameters
    ----------
    gradients
        A small convolution of stride 1 without padding.
    column
        The positions are those that give the derivatives of this column's pixels.
    """
    (high, wide), upstream = gradients.kernel.shape, gradients.upstream
    zeros = sympy.zeros(upstream.rows + 2 * (high - 1), upstream.cols + 2 * (wide - 1))
    zeros[high - 1 : high - 1 + upstream.rows, wide - 1 : wide - 1 + upstream.cols] = upstream
    figure, axes = new_figure(height=1.25)
    for i in range(gradients.image.rows):
        texts, window = _written(zeros), set()
        for u in range(high):
            for v in range(wide):
                at = (i + high - 1 - u, column + wide - 1 - v)
                texts[at[0]][at[1]] += rf"$\,{sympy.latex(gradients.kernel[u, v])}$"
                window.add(at)
        left = i * (CELL[0] * zeros.cols + 1.2)
        pixel, derivative = gradients.image[i, column], gradients.d_image[i, column]
        title = rf"$\partial C/\partial {sympy.latex(pixel)} = {sympy.latex(derivative)}$"
        draw_cells(axes, (left, 0), texts, title, window, CELL)
    axes.set(xlim=(-0.1, left + CELL[0] * zeros.cols + 0.1), ylim=(zeros.rows + 0.1, -0.9))
    axes.set(aspect="equal")
    axes.set_axis_off()
    return figure


def _arrows(
    axes: Axes, arrows: str, left: float, row: float, touched: set[tuple[int, int]]
) -> None:
    axes.text(left - 2.2, 1.0, arrows[0], ha="center", va="center", size=15)
    for _, q in touched:
        middle = left + CELL[0] * (q + 0.5)
        axes.text(middle, row - 0.5, arrows[1], ha="center", va="center", size=12)


def _written(matrix: sympy.ImmutableMatrix) -> list[list[str]]:
    return [[f"${sympy.latex(entry)}$" for entry in row] for row in matrix.tolist()]
