"""Question 2 in numbers: autograd, question 1's layer and finite differences agree."""

import numpy as np
import pytest
import torch

from mmn13lib.q2_backpropagation import checks
from mmn13lib.q2_backpropagation.derivation import convolution_gradients
from mmn13lib.q2_backpropagation.geometry import Geometry


@pytest.mark.slow
def test_random_convolutions_agree_with_autograd_layer_and_finite_differences():
    for found in checks.random_checks(25):
        assert found["autograd"] <= 1e-10
        assert found["layer"] <= 1e-10
        assert found["finite_difference"] <= 1e-6


def test_convolutions_of_every_stride_and_padding_are_drawn():
    generator = np.random.default_rng(13)
    drawn = [checks.random_geometry(generator) for _ in range(60)]
    assert {geometry.stride for geometry in drawn} == {1, 2, 3}
    assert {geometry.padding for geometry in drawn} == {0, 1, 2}
    assert len(set(drawn)) > 50


@pytest.mark.parametrize("of", ["d_kernel", "d_image"])
def test_a_wrong_sign_is_far_from_all_three(of, monkeypatch):
    class Wrong:
        def evaluate(self, *values):
            right = convolution_gradients().evaluate(*values)
            wrong = getattr(right, of).copy()
            wrong[1, 0] *= -1
            return right._replace(**{of: wrong})

    monkeypatch.setattr(checks, "convolution_gradients", lambda *_: Wrong())
    found = checks.check(Geometry(), np.random.default_rng(1))
    assert all(found[way] > 1000 * allowed for way, allowed in checks.TOLERANCES.items())


def test_the_cost_mixes_the_outputs_and_is_not_linear():
    output = torch.tensor([[0.3, -0.7]], dtype=torch.float64)
    weights = torch.ones(1, 2, dtype=torch.float64)
    hessian = torch.autograd.functional.hessian(lambda y: checks.cost(y, weights), output)
    assert hessian.reshape(2, 2).abs().min() > 0.01
