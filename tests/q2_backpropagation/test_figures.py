"""Question 2's figure says what the gradients say."""

from matplotlib.colors import to_rgba

from mmn13lib.q2_backpropagation.derivation import convolution_gradients
from mmn13lib.q2_backpropagation.figures import pixel_figure, sliding_figure
from mmn13lib.writing.plotting import MARKED


def tinted(axes):
    """List the texts in the tinted cells: the texts stand in the cells' order, titles between."""
    at = {text.get_position(): text.get_text() for text in axes.texts}
    cells = [patch for patch in axes.patches if patch.get_facecolor() == to_rgba(MARKED)]
    return [
        at[cell.get_x() + cell.get_width() / 2, cell.get_y() + cell.get_height() / 2]
        for cell in cells
    ]


def test_a_pixel_is_followed_into_its_columns_and_back():
    forward, backward = pixel_figure(convolution_gradients(), (1, 1)).axes
    assert sorted(tinted(forward)) == ["$x_{11}$"] * 3 + ["$y_{01}$", "$y_{11}$"]
    assert sorted(tinted(backward)) == [
        "$g_{01} k_{10}$", "$g_{01}$", "$g_{11} k_{00}$", "$g_{11}$", "+",
    ]  # fmt: skip
    titles = [text.get_text() for text in backward.texts]
    assert any("g_{01} k_{10} + g_{11} k_{00}" in title for title in titles)


def test_the_turned_kernel_slides_down_the_column():
    (axes,) = sliding_figure(convolution_gradients(), column=1).axes
    assert tinted(axes) == [
        r"$0$$\,k_{10}$", r"$g_{01}$$\,k_{00}$",
        r"$g_{01}$$\,k_{10}$", r"$g_{11}$$\,k_{00}$",
        r"$g_{11}$$\,k_{10}$", r"$0$$\,k_{00}$",
    ]  # fmt: skip
