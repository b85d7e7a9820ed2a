"""Question 1's figures: the window and its positions, filtered photographs, the speed."""

from collections.abc import Mapping
from itertools import product
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from mmn13lib.writing.plotting import PALETTE, new_figure

SHADE = "#DDDDDD"


def window_figure(side: int, kernel_size: int, stride: int, padding: int) -> Figure:
    """Draw where the window stands on the padded image, and the output cell each place makes.

    Parameters
    ----------
    side
        Rows and columns of the image.
    kernel_size, stride, padding
        As for `mmn13lib.q1_convolution.layer.Conv2d`, the window being square.

    Returns
    -------
    Figure
        The padded image with the four corner positions of the window, and the output, each
        corner's cell in the colour and with the number of its window.
    """
    padded = side + 2 * padding
    output = (padded - kernel_size) // stride + 1
    figure, (image_axes, output_axes) = new_figure(
        1, 2, height=2.5, gridspec_kw={"width_ratios": [padded, output + 1]}
    )
    _draw_grid(image_axes, padded, shaded=padding)
    _draw_grid(output_axes, output)
    corners = product(sorted({0, output - 1}), repeat=2)
    for number, ((row, column), colour) in enumerate(zip(corners, PALETTE, strict=False), 1):
        # nested a little, so that windows that overlap keep their own edges in sight
        inset = 0.05 * number
        corner = (column * stride + inset, row * stride + inset)
        size = kernel_size - 2 * inset
        image_axes.add_patch(
            Rectangle(corner, size, size, fill=False, edgecolor=colour, linewidth=2.2)
        )
        where = (corner[0] + 0.12, corner[1] + 0.12)
        image_axes.text(*where, str(number), color=colour, weight="bold", va="top", size=11)
        output_axes.add_patch(Rectangle((column, row), 1, 1, color=colour, alpha=0.35))
        output_axes.text(column + 0.5, row + 0.5, str(number), ha="center", va="center", size=12)
    image_axes.set_title(f"image {side}×{side}, padding {padding} (grey)")
    output_axes.set_title(f"output {output}×{output}")
    return figure


def _draw_grid(axes: Axes, side: int, shaded: int = 0) -> None:
    for row, column in product(range(side), repeat=2):
        inside = all(shaded <= index < side - shaded for index in (row, column))
        colour = "white" if inside else SHADE
        axes.add_patch(Rectangle((column, row), 1, 1, facecolor=colour, edgecolor="#888888"))
    axes.set(xlim=(-0.1, side + 0.1), ylim=(side + 0.1, -0.1), aspect="equal")
    axes.set_axis_off()


def filters_figure(pictures: Mapping[str, np.ndarray]) -> Figure:
    """Draw pictures side by side.

    Parameters
    ----------
    pictures
        Titles, and arrays of shape ($H$, $W$): non-negative ones are shown from black to
        white, those with both signs from black over grey (zero) to white.

    Returns
    -------
    Figure
    """
    figure, axes = new_figure(1, len(pictures), height=2.1)
    for panel, (title, picture) in zip(np.atleast_1d(axes), pictures.items(), strict=True):
        bound = float(np.abs(picture).max())
        lowest = -bound if picture.min() < 0 else 0.0
        panel.imshow(picture, cmap="gray", vmin=lowest, vmax=bound)
        panel.set_title(title)
        panel.set_axis_off()
    return figure


def speed_figure(result: Mapping[str, Any]) -> Figure:
    """Draw the layer's time and the bare matrix product's, as multiples of nn.Conv2d's.

    Parameters
    ----------
    result
        What `mmn13lib.benchmarks.convolution.run` measured.

    Returns
    -------
    Figure
        Forward on the left, forward and backward on the right, one row for each shape.
    """
    shapes = result["shapes"]
    figure, axes = new_figure(1, 2, height=2.7, sharey=True, sharex=True)
    places = np.arange(len(shapes))
    titles = {"forward": "forward", "both": "forward and backward"}
    for panel, (way, title) in zip(axes, titles.items(), strict=True):
        for offset, name, label, colour in (
            (-0.2, "ours", "our layer", PALETTE[0]),
            (0.2, "bare", "bare products", PALETTE[1]),
        ):
            ratios = [shape[way][name] / shape[way]["conv2d"] for shape in shapes]
            bars = panel.barh(places + offset, ratios, 0.38, color=colour, label=label)
            panel.bar_label(bars, fmt="%.2f", padding=2, fontsize=7)
        panel.axvline(1, color="black", linewidth=0.8, linestyle="--")
        mean = result["geometric_means"][way]["conv2d"]
        panel.set(title=f"{title}\n(geometric mean {mean:.2f})", xlabel="time / nn.Conv2d's time")
        panel.margins(x=0.15)
    axes[0].set_yticks(places, [shape["name"] for shape in shapes])
    axes[0].invert_yaxis()
    figure.legend(*axes[1].get_legend_handles_labels(), loc="outside lower center", ncols=2)
    return figure
