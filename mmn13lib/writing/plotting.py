"""One look for every figure: sizes, colours, and the stamp on what is only a sample."""

from typing import Any

import matplotlib.pyplot as plt
from matplotlib.figure import Figure
from matplotlib.patheffects import withStroke

TEXT_WIDTH = 6.4
"""The PDF's text width, in inches."""

PALETTE = ("#0072B2", "#E69F00", "#009E73", "#CC79A7", "#56B4E9", "#D55E00", "#F0E442", "#000000")
"""Okabe and Ito's colours, which the colour-blind tell apart (jfly.uni-koeln.de/color)."""

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
    """Make a figure in the report's style.

    Parameters
    ----------
    nrows, ncols
        The grid of axes.
    width, height
        In inches; the PDF's text is 6.4 wide.
    **options
        Passed to ``matplotlib.pyplot.subplots``.

    Returns
    -------
    figure : Figure
        Already closed in pyplot, so a notebook shows it once: where it is a cell's value.
    axes
        One ``Axes`` or an array of them.
    """
    # for good, not in a context: titles, legends and images read the style when they are added
    plt.rcParams.update(STYLE)
    figure, axes = plt.subplots(nrows, ncols, figsize=(width, height), **options)
    plt.close(figure)
    return figure, axes


def stamp(figure: Figure, text: str) -> Figure:
    """Write a text across a figure, so that it can't be taken for what it is not.

    Parameters
    ----------
    figure
        Any figure.
    text
        A few words; an empty text stamps nothing.

    Returns
    -------
    Figure
        The same figure.
    """
    if text:
        figure.text(
            0.5, 0.5, text, rotation=20, fontsize=22, fontweight="bold", color="#D55E00",
            alpha=0.45, ha="center", va="center", zorder=1000,
            # a light rim, so that it is read on photographs too
            path_effects=[withStroke(linewidth=3, foreground="white", alpha=0.6)],
        )  # fmt: skip
    return figure
