"""One look for every figure: sizes, colours, cells of a matrix, the stamp on a sample."""

from collections.abc import Container, Sequence
from typing import Any

import matplotlib.pyplot as plt
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle
from matplotlib.patheffects import withStroke

TEXT_WIDTH = 6.4
"""The PDF's text width, in inches."""

PALETTE = ("#0072B2", "#E69F00", "#009E73", "#CC79A7", "#56B4E9", "#D55E00", "#F0E442", "#000000")
"""Okabe and Ito's colours, which the colour-blind tell apart (jfly.uni-koeln.de/color)."""

MARKED = "#CFE8F7"
"""A cell that the text speaks about: a light tint of the palette's first colour."""

STYLE: Any = {
    "axes.prop_cycle": plt.cycler(color=PALETTE),
    "axes.spines.right": False,
    "axes.spines.top": False,
    "axes.titlesize": 10,
    "axes.labelsize": 9,
    "figure.facecolor": "white",
    "figure.constrained_layout.use": True,
    "font.size": 9,
    "image.cmap": "cividis",
    "legend.frameon": False,
    "legend.fontsize": 8,
    "savefig.facecolor": "white",
    "xtick.labelsize": 8,
    "ytick.labelsize": 8,
}


def new_figure(
    nrows: int = 1, ncols: int = 1, width: float = TEXT_WIDTH, height: float = 3.0, **options: Any
) -> tuple[Figure, Any]:
    """Make a figure in the report's style, closed in pyplot so that a notebook shows it once.

    Parameters
    ----------
    nrows, ncols
        The grid of axes.
    width, height
        In inches.
    **options
        Passed to ``matplotlib.pyplot.subplots``.
    """
    # for good, not in a context: titles, legends and images read the style when they are added
    plt.rcParams.update(STYLE)
    figure, axes = plt.subplots(nrows, ncols, figsize=(width, height), **options)
    plt.close(figure)
    return figure, axes


def draw_cells(
    axes: Axes,
    corner: tuple[float, float],
    texts: Sequence[Sequence[str]],
    title: str = "",
    marked: Container[tuple[int, int]] = (),
    cell: tuple[float, float] = (1.0, 1.0),
) -> None:
    """Draw a matrix as a grid of cells with a title above; the y axis points down.

    Parameters
    ----------
    corner
        Left and top edge, in the axes' units.
    texts
        What stands in the cells, row by row.
    marked
        Rows and columns of the cells to tint.
    cell
        Width and height of one cell.
    """
    (left, top), (width, height) = corner, cell
    for m, row in enumerate(texts):
        for n, text in enumerate(row):
            at = (left + n * width, top + m * height)
            colour = MARKED if (m, n) in marked else "white"
            axes.add_patch(
                Rectangle(at, width, height, facecolor=colour, edgecolor="#555555", linewidth=0.7)
            )
            axes.text(at[0] + width / 2, at[1] + height / 2, text, ha="center", va="center")
    middle = left + width * len(texts[0]) / 2
    axes.text(middle, top - 0.25, title, ha="center", va="bottom", fontsize=9)


def stamp(figure: Figure, text: str) -> Figure:
    """Write a text across a figure, so that it can't be taken for what it is not; none for ""."""
    if text:
        figure.text(
            0.5, 0.5, text, rotation=20, fontsize=22, fontweight="bold", color="#D55E00",
            alpha=0.45, ha="center", va="center", zorder=1000,
            # a light rim, so that it is read on photographs too
            path_effects=[withStroke(linewidth=3, foreground="white", alpha=0.6)],
        )  # fmt: skip
    return figure
