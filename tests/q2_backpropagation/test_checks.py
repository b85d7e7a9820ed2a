"""Question 2 in numbers: autograd, question 1's layer and finite differences agree."""

import numpy as np
import pytest
import torch

from mmn13lib.q2_backpropagation import checks
from mmn13lib.q2_backpropagation.derivation import EvaluatedGradients
from mmn13lib.q2_backpropagation.geometry import Geometry


@pytest.mark.slow
def test_random_convolutions_agree_with_autograd_layer_and_finite_differences():
    results = list(checks.random_checks(60))
    assert max(result.difference("autograd") for result in results) <= 1e-10
    assert max(result.difference("layer") for result in results) <= 1e-10
    assert max(result.difference("finite_difference") for result in results) <= 1e-6
    assert all(result.agrees for result in results)
    drawn = [result.geometry for result in results]
    assert {geometry.stride for geometry in drawn} == {1, 2, 3}
    assert {geometry.padding for geometry in drawn} == {0, 1, 2}
    assert len(set(drawn)) > 50


def test_a_wrong_sign_does_not_agree(monkeypatch):
    result = checks.check(Geometry(), np.random.default_rng(1))
    assert result.agrees
    d_kernel, d_image = result.derived
    wrong = d_image.copy()
    wrong[1, 1] *= -1
    object.__setattr__(result, "derived", EvaluatedGradients(d_kernel, wrong))
    assert not result.agrees


def test_the_cost_mixes_the_outputs_and_is_not_linear():
    output = torch.tensor([[0.3, -0.7]], dtype=torch.float64)
    weights = torch.ones(1, 2, dtype=torch.float64)
    hessian = torch.autograd.functional.hessian(lambda y: checks.cost(y, weights), output)
    assert hessian.reshape(2, 2).abs().min() > 0.01
