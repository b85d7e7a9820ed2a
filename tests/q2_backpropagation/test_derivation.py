"""Question 2: the gradients that sympy derives, their values, their LaTeX, and bad input."""

import re

import numpy as np
import pytest
import sympy

from mmn13lib.q2_backpropagation import derivation
from mmn13lib.q2_backpropagation.derivation import convolution_gradients
from mmn13lib.q2_backpropagation.geometry import Geometry

BY_HAND = {
    "dk00": "g00*x00 + g01*x01 + g02*x02 + g10*x10 + g11*x11 + g12*x12",
    "dk10": "g00*x10 + g01*x11 + g02*x12 + g10*x20 + g11*x21 + g12*x22",
    "dx00": "g00*k00",
    "dx01": "g01*k00",
    "dx02": "g02*k00",
    "dx10": "g00*k10 + g10*k00",
    "dx11": "g01*k10 + g11*k00",
    "dx12": "g02*k10 + g12*k00",
    "dx20": "g10*k10",
    "dx21": "g11*k10",
    "dx22": "g12*k10",
}


def test_the_eleven_derivatives_of_the_question_are_those_found_by_hand():
    gradients = convolution_gradients()
    derived = dict(
        zip(BY_HAND, [*gradients.d_kernel, *gradients.d_image], strict=True),
    )
    for name, formula in BY_HAND.items():
        expected = sympy.sympify(re.sub(r"([gkx])(\d)", r"\1_\2", formula))
        assert derived[name] == expected, name


def test_costs_with_equal_arguments_keep_their_own_names():
    y, g, h = sympy.symbols("y g h")
    assert derivation.cost_of([y], [g]).diff(y) == g
    assert derivation.cost_of([y], [h]).diff(y) == h


def test_evaluate_gives_float64_arrays_of_the_right_shapes():
    image, kernel = np.arange(1, 10).reshape(3, 3), [[2], [-1]]
    upstream = np.array([[1, 0, 0], [0, 0, 10]])
    d_kernel, d_image = convolution_gradients().evaluate(image, kernel, upstream)
    assert d_kernel.dtype == d_image.dtype == np.float64
    np.testing.assert_array_equal(d_kernel, [[1 + 60], [4 + 90]])
    np.testing.assert_array_equal(d_image, [[2, 0, 0], [-1, 0, 20], [0, 0, -10]])


def test_indices_of_two_digits_stay_apart():
    assert len(set(derivation.symbols("x", (12, 12)))) == 144


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"kernel_shape": (4, 1)}, "4×1 kernel does not fit .* at most 3 rows and 3 columns"),
        ({"kernel_shape": (1, 6), "padding": 1}, "at most 5 rows and 5 columns"),
        ({"image_shape": (0, 3)}, r"image_shape\[0\] must be at least 1, got 0"),
        ({"kernel_shape": "21"}, "kernel_shape must be one integer or two"),
        ({"stride": 1.5}, "stride must be one integer, got 1.5"),
        ({"padding": -1}, "padding must be at least 0, got -1"),
    ],
)
def test_bad_input_is_told_what_fits(arguments, message):
    with pytest.raises((TypeError, ValueError), match=message):
        convolution_gradients(**arguments)


def test_numpys_integers_and_lists_are_taken():
    assert Geometry([3, np.int64(3)], (2, 1), np.int32(1), 0) == Geometry()
