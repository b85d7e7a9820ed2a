"""Question 1's figures: from window to product, and filtered photographs."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt
from matplotlib.figure import Figure

from mmn13lib.writing.plotting import draw_cells, new_figure

Array = npt.NDArray[Any]


def product_figure(
    image: Array, kernel: Array, columns: Array, output: Array, position: int
) -> Figure:
    """Draw one window's way through the matrix product, with numbers.

    Parameters
    ----------
    image, kernel
        Shapes ($H$, $W$) and ($k_h$, $k_w$); the stride is 1 and there is no padding.
    columns, output
        What the layer makes of them: ($k_h k_w$, $H_{out} W_{out}$) and ($H_{out}$, $W_{out}$).
    position
        The window's number, row by row: its column in `columns`. All that belongs to it is
        tinted.
    """
    (high, wide), (rows, positions), width = kernel.shape, columns.shape, output.shape[1]
    top, left = divmod(position, width)
    window = {(top + u, left + v) for u in range(high) for v in range(wide)}
    column = {(r, position) for r in range(rows)}
    matrices = (
        ("image $x$", image, window, ""),
        ("weights $W$", kernel.reshape(1, -1), (), "·"),
        ("columns $P$", columns, column, "="),
        ("$W P$", output.reshape(1, -1), {(0, position)}, "→"),
        ("output $y$", output, {(top, left)}, ""),
    )
    figure, axes = new_figure(height=1.75)
    at = 0.0
    for title, matrix, marked, sign in matrices:
        texts = [[f"{number:g}".replace("-", "−") for number in row] for row in matrix]
        draw_cells(axes, (at, (rows - len(texts)) / 2), texts, title, marked)
        if title == "columns $P$":
            for q in range(positions):
                name = "{},{}".format(*divmod(q, width))
                axes.text(at + q + 0.5, rows + 0.4, name, ha="center", va="center", size=7)
            axes.text(at - 0.2, rows + 0.4, "$m,n$:", ha="right", va="center", size=7)
        at += matrix.shape[1] + 1.2
        axes.text(at - 0.6, rows / 2, sign, ha="center", va="center", size=13)
    axes.set(xlim=(-0.1, at - 1.1), ylim=(rows + 0.7, -1), aspect="equal")
    axes.set_axis_off()
    return figure


def filters_figure(pictures: Mapping[str, Array]) -> Figure:
    """Draw arrays of shape ($H$, $W$) side by side, each under its title.

    Non-negative ones are shown from black to white, those with both signs from black over grey
    (zero) to white.
    """
    figure, axes = new_figure(1, len(pictures), height=1.5)
    for panel, (title, picture) in zip(axes, pictures.items(), strict=True):
        bound = float(np.abs(picture).max())
        lowest = -bound if picture.min() < 0 else 0.0
        panel.imshow(picture, cmap="gray", vmin=lowest, vmax=bound)
        panel.set_title(title)
        panel.set_axis_off()
    return figure
