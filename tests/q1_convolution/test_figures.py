"""Question 1's figures: what they draw is what came in."""

import numpy as np
from matplotlib.colors import to_rgba

from mmn13lib.q1_convolution.figures import filters_figure, product_figure
from mmn13lib.writing.plotting import MARKED


def test_a_window_its_column_and_its_output_are_tinted():
    image, kernel = np.arange(9).reshape(3, 3), np.array([[1, -1], [2, 0]])
    columns, output = np.arange(16).reshape(4, 4) + 20, np.array([[51, 52], [53, 54]])
    (axes,) = product_figure(image, kernel, columns, output, position=2).axes
    at = {text.get_position(): text.get_text() for text in axes.texts}
    tinted = [patch for patch in axes.patches if patch.get_facecolor() == to_rgba(MARKED)]
    texts = [at[cell.get_x() + 0.5, cell.get_y() + 0.5] for cell in tinted]
    window, column = ["3", "4", "6", "7"], ["22", "26", "30", "34"]
    assert texts == [*window, *column, "53", "53"]
    assert "−1" in at.values()


def test_a_picture_with_both_signs_shows_zero_as_grey():
    figure = filters_figure({"blur": np.ones((2, 2)), "edge": np.array([[-2.0, 1.0]])})
    assert [panel.images[0].get_clim() for panel in figure.axes] == [(0, 1), (-2, 2)]
