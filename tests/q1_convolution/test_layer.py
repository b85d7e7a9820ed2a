"""The layer computes what ``nn.Conv2d`` computes: outputs, gradients, gradients of gradients."""

from importlib import import_module

import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from torch.autograd import gradcheck, gradgradcheck
from torch.func import functional_call
from torch.testing import assert_close

from mmn13lib.q1_convolution import layer as layer_module
from mmn13lib.q1_convolution.comparison import compare, samples
from mmn13lib.q1_convolution.layer import Conv2d

TOLERANCE = 1e-10


@pytest.fixture(scope="module", autouse=True)
def one_thread():
    """Spare the tiny tensors here the threads' meeting, which is most of the time if busy."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@st.composite
def configurations(draw):
    """Draw constructor arguments and an input shape that fit together."""
    integer = lambda low, high: draw(st.integers(low, high))  # noqa: E731
    sides, padding = (integer(1, 17), integer(1, 17)), integer(0, 4)
    kernel = tuple(integer(1, min(7, side + 2 * padding)) for side in sides)
    channels = integer(1, 8)
    arguments = {
        "in_channels": channels,
        "out_channels": integer(1, 8),
        "kernel_size": kernel,
        "stride": integer(1, 5),
        "padding": padding,
    }
    return (integer(0, 4), channels, *sides), arguments


@settings(max_examples=1000, deadline=None, derandomize=True, database=None,
          suppress_health_check=[HealthCheck.too_slow])  # fmt: skip
@given(configurations(), st.integers(0, 2**31), st.sampled_from([1, 2000, 2**22]))
def test_outputs_and_gradients_equal_those_of_nn_conv2d(configuration, seed, tile_bytes):
    shape, arguments = configuration
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(layer_module, "TILE_BYTES", tile_bytes)
        assert compare(shape, seed=seed, **arguments).largest < TOLERANCE


@pytest.mark.parametrize("comparison", samples(), ids=lambda comparison: comparison.layer)
def test_the_chapters_configurations_agree(comparison):
    assert comparison.largest < TOLERANCE


def float64_function(**arguments):
    layer = Conv2d(**arguments).double()
    call = lambda images, weight, bias: functional_call(  # noqa: E731
        layer, {"weight": weight, "bias": bias}, (images,)
    )
    return call, (layer.weight, layer.bias)


@pytest.mark.parametrize("stride, padding", [(1, 0), (2, 1), (3, 2)])
@pytest.mark.parametrize("check", [gradcheck, gradgradcheck])
def test_first_and_second_derivatives_agree_with_finite_differences(check, stride, padding):
    call, parameters = float64_function(
        in_channels=2, out_channels=2, kernel_size=(2, 3), stride=stride, padding=padding
    )
    images = torch.randn(2, 2, 4, 5, dtype=torch.float64, requires_grad=True)
    assert check(call, (images, *parameters))


def test_complex_gradients_agree_with_finite_differences():
    call, parameters = float64_function(kernel_size=(2, 1))
    inputs = [torch.randn(2, 1, 3, 3, dtype=torch.complex128)]
    inputs += [parameter.detach().to(torch.complex128) for parameter in parameters]
    assert gradcheck(call, [tensor.requires_grad_() for tensor in inputs])


def test_pytorchs_own_samples_for_conv2d_agree():
    common_modules = import_module("torch.testing._internal.common_modules")
    (info,) = [info for info in common_modules.module_db if info.module_cls is torch.nn.Conv2d]
    inputs = info.module_inputs_func(
        info, device="cpu", dtype=torch.float64, requires_grad=True, training=True
    )
    names = ("in_channels", "out_channels", "kernel_size", "stride", "padding")
    agreed = 0
    for sample in inputs:
        made = sample.constructor_input
        arguments = dict(zip(names, made.args, strict=False)) | made.kwargs
        arguments.pop("device", None)
        arguments.pop("dtype", None)
        scalars = [arguments.get(name, 0) for name in ("stride", "padding")]
        if set(arguments) > set(names) or not all(isinstance(s, int) for s in scalars):
            continue  # this signature cannot express dilation, groups, "same", ...
        assert compare(tuple(sample.forward_input.args[0].shape), **arguments).largest < TOLERANCE
        agreed += 1
    assert agreed >= 2  # of four; the others pad with "same"


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float32])
def test_low_precision_is_as_near_the_truth_as_its_rounding_allows(dtype):
    arguments = {"in_channels": 8, "out_channels": 4, "kernel_size": 3, "padding": 1}
    assert compare((4, 8, 9, 9), dtype=dtype, **arguments).largest < 8 * torch.finfo(dtype).eps


def test_tiles_leave_no_seam(monkeypatch):
    layer = Conv2d(2, 3, (3, 3), padding=1).double()
    images = torch.randn(7, 2, 6, 6, dtype=torch.float64)
    whole = layer(images)
    monkeypatch.setattr(layer_module, "TILE_BYTES", 3 * 2 * 9 * 36 * 8)
    assert_close(layer(images), whole, rtol=1e-12, atol=1e-12)


def test_an_empty_batch_has_empty_and_zero_gradients():
    layer, images = Conv2d(2, 3, (3, 2), 2, 1), torch.zeros(0, 2, 6, 6, requires_grad=True)
    layer(images).sum().backward()
    assert images.grad.shape == images.shape
    assert not layer.weight.grad.any()


def test_an_input_without_requires_grad_costs_no_gradient(monkeypatch):
    layer, asked = Conv2d(2, 3, (3, 3)), []
    monkeypatch.setattr(layer_module, "_image_gradient", lambda *given: asked.append(given))
    layer(torch.randn(2, 2, 6, 6)).sum().backward()
    assert layer.weight.grad is not None
    assert not asked


def test_the_work_is_linear_in_the_batch():
    from torch.utils.flop_counter import FlopCounterMode

    layer, flops = Conv2d(3, 8, (3, 3), stride=2, padding=1), []
    for batch in (8, 16, 32):
        with FlopCounterMode(display=False) as counter:
            layer(torch.randn(batch, 3, 20, 20, requires_grad=True)).sum().backward()
        flops.append(counter.get_total_flops())
    assert flops[1] == 2 * flops[0]
    assert flops[2] == 4 * flops[0]
