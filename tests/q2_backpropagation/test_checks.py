"""Question 2 in numbers: autograd, question 1's layer and finite differences agree."""

import numpy as np
import torch

from mmn13lib.q2_backpropagation import checks as checks
from mmn13lib.q2_backpropagation.derivation import EvaluatedGradients
from mmn13lib.q2_backpropagation.geometry import Geometry


def test_300_random_convolutions_agree_with_autograd_layer_and_finite_differences():
    results = list(checks.comparisons(count=300))
    assert len(results) == 300
    assert max(result.difference("autograd") for result in results) <= 1e-10
    assert max(result.difference("layer") for result in results) <= 1e-10
    assert max(result.difference("finite_difference") for result in results) <= 1e-6
    assert all(result.agrees for result in results)
    drawn = [result.geometry for result in results]
    assert {geometry.stride for geometry in drawn} == {1, 2, 3}
    assert {geometry.padding for geometry in drawn} == {0, 1, 2}
    assert len(set(drawn)) > 200


def test_the_same_seed_draws_the_same_case():
    first, again = (next(checks.comparisons(1, seed=5)) for _ in range(2))
    assert first.geometry == again.geometry
    np.testing.assert_array_equal(first.autograd.d_image, again.autograd.d_image)


def test_a_wrong_sign_does_not_agree(monkeypatch):
    comparison = checks.compare(Geometry(), np.random.default_rng(1))
    assert comparison.agrees
    d_kernel, d_image = comparison.derived
    wrong = d_image.copy()
    wrong[1, 1] *= -1
    object.__setattr__(comparison, "derived", EvaluatedGradients(d_kernel, wrong))
    assert not comparison.agrees


def test_the_cost_mixes_the_outputs_and_is_not_linear():
    output = torch.tensor([[0.3, -0.7]], dtype=torch.float64)
    weights = torch.ones(1, 2, dtype=torch.float64)
    hessian = torch.autograd.functional.hessian(lambda y: checks.cost(y, weights), output)
    assert hessian.reshape(2, 2).abs().min() > 0.01


def test_the_table_names_all_eleven_derivatives():
    rows = checks.rows(checks.compare(Geometry(), np.random.default_rng(1)))
    assert [name for name, _ in rows[:3]] == ["k_{11}", "k_{21}", "x_{11}"]
    assert len(rows) == 11
    assert all(values.shape == (4,) for _, values in rows)
