"""Question 2's general theorem: derivation and closed form are equal as expressions."""

import numpy as np
import pytest
import sympy

from mmn13lib.q2_backpropagation import theorem
from mmn13lib.q2_backpropagation.geometry import Geometry, geometries
from mmn13lib.q2_backpropagation.theorem import (
    holds,
    image_gradient,
    kernel_gradient,
)


@pytest.mark.slow
def test_the_theorem_holds_for_every_convolution_up_to_4x2_and_3x2():
    # rows and columns are treated alike: one of them may stay small
    every = list(geometries(max_image=(4, 2), max_kernel=(3, 2)))
    assert len(every) == 369
    assert [geometry for geometry in every if not holds(geometry)] == []


@pytest.mark.parametrize("name", ["image_gradient", "kernel_gradient"])
def test_a_wrong_sign_in_one_term_is_noticed(monkeypatch, name):
    right = getattr(theorem, name)

    def wrong(*args):
        gradient = right(*args).copy()
        gradient.flat[-1] *= -1
        return gradient

    monkeypatch.setattr(theorem, name, wrong)
    assert not holds(Geometry())


def test_pixels_that_the_stride_leaves_unread_get_no_gradient():
    upstream = np.array([[sympy.Symbol("g")]], dtype=object)
    kernel = np.array([[sympy.Symbol("k")]], dtype=object)
    gradient = image_gradient(upstream, kernel, Geometry((2, 2), (1, 1), 2, 0))
    g_times_k = sympy.Symbol("g") * sympy.Symbol("k")
    assert gradient.tolist() == [[g_times_k, 0], [0, 0]]
    image = np.array([[1, 2], [3, 4]], dtype=object)
    found = kernel_gradient(image, upstream, Geometry((2, 2), (1, 1), 2, 0))
    assert found.tolist() == [[sympy.Symbol("g")]]
