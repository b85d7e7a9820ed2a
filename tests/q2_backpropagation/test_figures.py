"""Question 2's figures say what the gradients say."""

from mmn13lib.q2_backpropagation.derivation import convolution_gradients
from mmn13lib.q2_backpropagation.figures import backward_figure, dependence_figure


def texts(axis):
    return [text.get_text() for text in axis.texts]


def test_the_dependence_figure_counts_products_by_row():
    figure = dependence_figure(convolution_gradients())
    image, kernel, output = figure.axes
    colours = [tuple(patch.get_facecolor()) for patch in image.patches]
    assert colours[:3] == colours[6:] != colours[3:6]
    assert "$y_{11}$, $y_{21}$" in texts(image)
    assert texts(kernel).count("all outputs") == 2
    assert {tuple(patch.get_facecolor()) for patch in output.patches} == {colours[3]}
    assert [text.get_text() for text in figure.legends[0].texts] == [
        "1 product", "2 products", "6 products",
    ]  # fmt: skip


def test_the_backward_figure_lays_the_flipped_kernel_on_the_padded_gradient():
    figure = backward_figure(convolution_gradients())
    assert len(figure.axes) == 3
    middle = texts(figure.axes[1])
    assert middle.index(r"$\times\, k_{21}$") < middle.index(r"$\times\, k_{11}$")
    assert [texts(axis).count("0") for axis in figure.axes] == [6, 6, 6]
    assert "g_{12} k_{21} + g_{22} k_{11}" in figure.axes[1].get_title()
