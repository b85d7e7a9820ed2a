"""Figures have one look, show once, and samples are stamped."""

from io import BytesIO

import matplotlib.pyplot as plt
import pytest

from mmn13lib.writing.plotting import TEXT_WIDTH, new_figure, stamp


def test_a_figure_is_as_asked_and_closed_so_that_a_notebook_shows_it_once() -> None:
    figure, axes = new_figure(2, 3, height=4.5, sharex=True)
    assert tuple(figure.get_size_inches()) == (TEXT_WIDTH, 4.5)
    assert axes.shape == (2, 3)
    assert not plt.fignum_exists(figure.number)
    figure.savefig(BytesIO(), format="svg")


@pytest.mark.parametrize("text", ["", "sample, not CIFAR-10"])
def test_a_stamp_lies_over_everything_or_is_not_there(text: str) -> None:
    figure, axes = new_figure()
    axes.plot([0, 1])
    assert stamp(figure, text) is figure
    assert [drawn.get_text() for drawn in figure.texts] == ([text] if text else [])
    assert all(drawn.get_zorder() > axes.get_zorder() for drawn in figure.texts)
