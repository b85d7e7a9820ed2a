"""The pictures of question 2: what feeds what, and the backward pass as a convolution."""

from collections.abc import Mapping
from itertools import product
from typing import Any

import sympy
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from mmn13lib.q2_backpropagation.derivation import ConvolutionGradients
from mmn13lib.writing.plotting import PALETTE, new_figure

ORANGE, SKY, YELLOW = PALETTE[1], PALETTE[4], PALETTE[6]
ZERO = "#E0E0E0"


def dependence_figure(gradients: ConvolutionGradients) -> Figure:
    """Draw pixels, kernel and outputs, coloured by the number of products that each takes part in.

    Parameters
    ----------
    gradients
        A convolution, small enough to write a symbol into each cell.

    Returns
    -------
    Figure
        Three grids. Under a pixel's or a kernel element's symbol stand the outputs that it feeds.
    """
    named = (
        ("image $X$", "x", gradients.image),
        ("kernel $K$", "k", gradients.kernel),
        ("output $Y$", "y", gradients.output),
    )
    widths = [matrix.shape[1] for _, _, matrix in named]
    figure, axes = new_figure(1, 3, height=2.6, width_ratios=[width + 0.1 for width in widths])
    products = {
        title: matrix.applyfunc(lambda entry: _products(entry, gradients.output))
        for title, _, matrix in named
    }
    counts = sorted({int(count) for matrix in products.values() for count in matrix})
    colours: Mapping[int, str] = dict(zip(counts, (YELLOW, SKY, ORANGE), strict=False))
    for axis, (title, letter, matrix) in zip(axes, named, strict=True):
        # the room of the image for all three, so that their cells are of one size
        _empty_grid(axis, (gradients.image.shape[0], matrix.shape[1]), title)
        for i, j in product(*map(range, matrix.shape)):
            count = int(products[title][i, j])
            feeds = "" if letter == "y" else _fed(matrix[i, j], gradients.output)
            _cell(axis, (i, j), colours.get(count, ZERO), f"${letter}_{{{i + 1}{j + 1}}}$", feeds)
    handles = [Rectangle((0, 0), 1, 1, facecolor=colours[n], edgecolor="black") for n in colours]
    labels = [f"{n} product{'s' if n > 1 else ''}" for n in colours]
    figure.legend(handles, labels, loc="outside lower center", ncols=len(labels))
    return figure


def _products(entry: sympy.Expr, output: sympy.ImmutableMatrix) -> sympy.Integer:
    """Count an output's own products, or all products that hold a pixel or kernel element."""
    if not entry.is_Symbol:
        return sympy.Integer(len(sympy.Add.make_args(entry)))
    terms = [term for expression in output for term in sympy.Add.make_args(expression)]
    return sympy.Integer(sum(entry in term.free_symbols for term in terms))


def _fed(symbol: sympy.Symbol, output: sympy.ImmutableMatrix) -> str:
    places = [at for at in product(*map(range, output.shape)) if symbol in output[at].free_symbols]
    if len(places) == len(output):
        return "all outputs"
    return ", ".join(f"$y_{{{i + 1}{j + 1}}}$" for i, j in places)


def backward_figure(gradients: ConvolutionGradients, column: int = 2) -> Figure:
    """Draw the backward pass of a one-column kernel as a convolution, one panel for each pixel.

    Parameters
    ----------
    gradients
        A convolution of stride 1 without padding.
    column
        The image's column whose pixels are shown, counted from 1.

    Returns
    -------
    Figure
        In each panel the upstream gradient with its rim of zeros, the flipped kernel laid upon
        it, and above it the derivative that the sum of products gives.
    """
    high = gradients.kernel.shape[0]
    rows, columns = gradients.upstream.shape
    figure, axes = new_figure(1, gradients.image.shape[0], height=2.1)
    for top, axis in enumerate(axes):
        derivative = sympy.latex(gradients.d_image[top, column - 1])
        title = rf"$\partial C/\partial x_{{{top + 1}{column}}} = {derivative}$"
        _empty_grid(axis, (rows + 2 * (high - 1), columns), title)
        for i, j in product(range(rows + 2 * (high - 1)), range(columns)):
            inside = 0 <= i - (high - 1) < rows
            text = f"$g_{{{i - high + 2}{j + 1}}}$" if inside else "0"
            under = j == column - 1 and top <= i < top + high
            factor = rf"$\times\, k_{{{high - (i - top)}1}}$" if under else ""
            _cell(axis, (i, j), "white" if inside else ZERO, text, factor)
        window = Rectangle(
            (column - 1, top), 1, high, fill=False, edgecolor=PALETTE[5], linewidth=2.5, zorder=3
        )
        axis.add_patch(window)
    return figure


def _empty_grid(axis: Any, shape: tuple[int, int], title: str) -> None:
    axis.set(xlim=(-0.05, shape[1] + 0.05), ylim=(shape[0] + 0.05, -0.05), aspect="equal")
    axis.set_axis_off()
    axis.set_title(title)


def _cell(axis: Any, at: tuple[int, int], colour: str, text: str, note: str = "") -> None:
    i, j = at
    axis.add_patch(Rectangle((j, i), 1, 1, facecolor=colour, edgecolor="black", linewidth=0.8))
    middle = i + (0.36 if note else 0.5)
    axis.text(j + 0.5, middle, text, ha="center", va="center", fontsize=11)
    axis.text(j + 0.5, i + 0.74, note, ha="center", va="center", fontsize=8)
