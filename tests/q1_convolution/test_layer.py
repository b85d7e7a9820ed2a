"""The layer computes what ``nn.Conv2d`` computes: outputs, gradients, gradients of gradients."""

import numpy as np
import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from torch.autograd import gradcheck, gradgradcheck
from torch.func import functional_call
from torch.testing import assert_close

from mmn13lib.q1_convolution.layer import Conv2d, convolve, patches

UNEVEN = (3, 4, (3, 2), 2, 1)


def pair(*arguments, seed=7):
    """Make our layer and PyTorch's from the same seed."""
    layers = []
    for make in (Conv2d, torch.nn.Conv2d):
        torch.manual_seed(seed)
        layers.append(make(*arguments))
    return layers


def results(layer, images, gradient):
    """List the output and the gradients with respect to images, weights and bias."""
    images = images.clone().requires_grad_()
    output = layer(images)
    return [output, *torch.autograd.grad(output, (images, *layer.parameters()), gradient)]


def assert_equal_results(layers, images, allowed=1e-12):
    """Compare relative to the largest value of each result."""
    gradient = torch.randn_like(layers[1](images))
    for ours, theirs in zip(*(results(layer, images, gradient) for layer in layers), strict=True):
        scale = max(1.0, theirs.abs().max().item()) if theirs.numel() else 1.0
        assert_close(ours, theirs, rtol=0, atol=allowed * scale)


@st.composite
def configurations(draw):
    """Draw a layer's arguments and an input's shape that fit together."""
    integer = lambda low, high: draw(st.integers(low, high))  # noqa: E731
    sides, padding = (integer(1, 17), integer(1, 17)), integer(0, 4)
    kernel = tuple(integer(1, min(7, side + 2 * padding)) for side in sides)
    channels = integer(1, 8)
    arguments = (channels, integer(1, 8), kernel, integer(1, 5), padding)
    return arguments, (integer(0, 5), channels, *sides)


@pytest.mark.slow
@settings(max_examples=300, deadline=None, derandomize=True, database=None,
          suppress_health_check=[HealthCheck.too_slow])  # fmt: skip
@given(configurations(), st.integers(0, 2**31))
def test_outputs_and_gradients_equal_those_of_nn_conv2d(configuration, seed):
    arguments, shape = configuration
    layers = [layer.double() for layer in pair(*arguments, seed=seed)]
    assert_equal_results(layers, torch.randn(shape).double())


def test_a_patch_is_a_column_and_convolve_multiplies_it():
    image = torch.tensor([[1.0, 2, 0], [3, 1, 2], [0, 4, 1]])[None, None]
    kernel = torch.tensor([[1.0, -1], [2, 0]])[None, None]
    columns = patches(image, (2, 2), stride=1, padding=0)
    assert columns[0].T.tolist() == [[1, 2, 3, 1], [2, 0, 1, 2], [3, 1, 0, 4], [1, 2, 4, 1]]
    output = convolve(image, kernel, torch.tensor([10.0]), stride=1, padding=0)
    assert output[0, 0].tolist() == [[15, 14], [12, 17]]


@pytest.mark.parametrize("stride, padding", [(1, 0), (2, 1), (3, 2)])
@pytest.mark.parametrize("check", [gradcheck, gradgradcheck])
def test_first_and_second_derivatives_agree_with_finite_differences(check, stride, padding):
    layer = Conv2d(2, 2, (2, 3), stride, padding).double()
    call = lambda images, weight, bias: functional_call(  # noqa: E731
        layer, {"weight": weight, "bias": bias}, (images,)
    )
    images = torch.randn(2, 2, 4, 5, dtype=torch.float64, requires_grad=True)
    assert check(call, (images, layer.weight, layer.bias))


@pytest.mark.parametrize("channels, kernel", [(1, 1), (3, (7, 7)), (5, (2, 3)), (64, (3, 3))])
def test_the_same_seed_gives_nn_conv2ds_parameters(channels, kernel):
    ours, theirs = pair(channels, 6, kernel)
    assert_close(dict(ours.named_parameters()), dict(theirs.named_parameters()))


def test_state_dicts_load_both_ways():
    ours, theirs = Conv2d(*UNEVEN), torch.nn.Conv2d(*UNEVEN)
    ours.load_state_dict(theirs.state_dict())
    theirs.load_state_dict(ours.state_dict())
    assert torch.equal(ours.weight, theirs.weight)


@pytest.mark.parametrize(
    "arrange",
    [
        lambda x: x[0],
        lambda x: x.to(memory_format=torch.channels_last),
        lambda x: x.flip(0)[::2],
        lambda x: x[:1].expand(4, -1, -1, -1),
    ],
    ids=["one image", "channels-last", "every second", "expanded"],
)
def test_any_layout_of_the_input_will_do(arrange):
    ours, theirs = pair(*UNEVEN)
    images = arrange(torch.randn(5, 3, 9, 11))
    assert_close(ours(images), theirs(images))


def test_kernel_size_may_be_one_integer_and_any_kind_of_integer_will_do():
    for kernel_size in (3, np.int64(3), torch.tensor(3), [3, 3], np.array([3, 3])):
        assert Conv2d(kernel_size=kernel_size).kernel_size == (3, 3)
    layer = Conv2d(*map(np.int64, (2, 4, 3, 2, 1)))
    assert type(layer.stride) is type(layer.kernel_size[0]) is int
    assert layer(torch.zeros(1, 2, 8, 8)).shape == (1, 4, 4, 4)


def test_mixed_precision_gives_the_types_that_nn_conv2d_gives():
    images = torch.randn(5, 3, 9, 11)
    with torch.autocast("cpu", torch.bfloat16):
        ours, theirs = (layer(images) for layer in pair(*UNEVEN))
    assert ours.dtype == theirs.dtype == torch.bfloat16
    assert_close(ours, theirs, rtol=0.02, atol=0.02)


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
def test_cuda_agrees_with_the_cpu():
    layer, images = Conv2d(*UNEVEN).double(), torch.randn(5, 3, 9, 11).double()
    expected = layer(images)
    assert_close(layer.cuda()(images.cuda()).cpu(), expected)
