"""The layer computes what ``nn.Conv2d`` computes: outputs, gradients, gradients of gradients."""

from importlib import import_module

import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from torch.autograd import gradcheck, gradgradcheck
from torch.func import functional_call
from torch.testing import assert_close

from mmn13lib.q1_convolution import fast
from mmn13lib.q1_convolution.comparison import compare, samples
from mmn13lib.q1_convolution.fast import FastConv2d
from mmn13lib.q1_convolution.layer import Conv2d, convolve, patches

TOLERANCE = 1e-12
BOTH = pytest.mark.parametrize("make", [Conv2d, FastConv2d])


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


@pytest.mark.slow
@settings(max_examples=300, deadline=None, derandomize=True, database=None,
          suppress_health_check=[HealthCheck.too_slow])  # fmt: skip
@given(configurations(), st.integers(0, 2**31), st.sampled_from([1, 2000, 2**22]))
def test_outputs_and_gradients_equal_those_of_nn_conv2d(configuration, seed, tile_bytes):
    shape, arguments = configuration
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(fast, "TILE_BYTES", tile_bytes)
        assert compare(shape, seed=seed, **arguments).largest < TOLERANCE
        assert compare(shape, seed=seed, make=FastConv2d, **arguments).largest < TOLERANCE


@BOTH
def test_the_chapters_configurations_agree(make):
    found = samples(make=make)
    assert len({difference.layer for difference in found}) == 7  # one of them twice: no batch
    assert max(difference.largest for difference in found) < 1e-13


def test_a_patch_is_a_column_and_convolve_multiplies_it():
    image = torch.tensor([[1.0, 2, 0], [3, 1, 2], [0, 4, 1]])[None, None]
    kernel = torch.tensor([[1.0, -1], [2, 0]])[None, None]
    columns = patches(image, (2, 2), stride=1, padding=0)
    assert columns[0].T.tolist() == [[1, 2, 3, 1], [2, 0, 1, 2], [3, 1, 0, 4], [1, 2, 4, 1]]
    output = convolve(image, kernel, torch.tensor([10.0]), stride=1, padding=0)
    assert output[0, 0].tolist() == [[15, 14], [12, 17]]


def float64_function(make, **arguments):
    layer = make(**arguments).double()
    call = lambda images, weight, bias: functional_call(  # noqa: E731
        layer, {"weight": weight, "bias": bias}, (images,)
    )
    return call, (layer.weight, layer.bias)


@BOTH
@pytest.mark.parametrize("stride, padding", [(1, 0), (2, 1), (3, 2)])
@pytest.mark.parametrize("check", [gradcheck, gradgradcheck])
def test_first_and_second_derivatives_agree_with_finite_differences(make, check, stride, padding):
    call, parameters = float64_function(
        make, in_channels=2, out_channels=2, kernel_size=(2, 3), stride=stride, padding=padding
    )
    images = torch.randn(2, 2, 4, 5, dtype=torch.float64, requires_grad=True)
    assert check(call, (images, *parameters))


@BOTH
def test_complex_gradients_agree_with_finite_differences(make):
    call, parameters = float64_function(make, kernel_size=(2, 1))
    inputs = [torch.randn(2, 1, 3, 3, dtype=torch.complex128)]
    inputs += [parameter.detach().to(torch.complex128) for parameter in parameters]
    assert gradcheck(call, [tensor.requires_grad_() for tensor in inputs])


@pytest.mark.slow  # PyTorch's own tests take long to import
@BOTH
def test_pytorchs_own_samples_for_conv2d_agree(make):
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
        shape = tuple(sample.forward_input.args[0].shape)
        assert compare(shape, make=make, **arguments).largest < TOLERANCE
        agreed += 1
    assert agreed >= 2  # of four; the others pad with "same"


@BOTH
@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float32])
def test_low_precision_is_as_near_the_truth_as_its_rounding_allows(make, dtype):
    arguments = {"in_channels": 8, "out_channels": 4, "kernel_size": 3, "padding": 1}
    assert (
        compare((4, 8, 9, 9), dtype=dtype, make=make, **arguments).largest
        < 8 * torch.finfo(dtype).eps
    )


def test_tiles_leave_no_seam(monkeypatch):
    layer = FastConv2d(2, 3, (3, 3), padding=1).double()
    images = torch.randn(7, 2, 6, 6, dtype=torch.float64)
    whole = layer(images)
    monkeypatch.setattr(fast, "TILE_BYTES", 3 * 2 * 9 * 36 * 8)
    assert_close(layer(images), whole, rtol=1e-12, atol=1e-12)


@BOTH
def test_an_empty_batch_has_empty_and_zero_gradients(make):
    layer, images = make(2, 3, (3, 2), 2, 1), torch.zeros(0, 2, 6, 6, requires_grad=True)
    layer(images).sum().backward()
    assert images.grad.shape == images.shape
    assert not layer.weight.grad.any()


def test_an_input_without_requires_grad_costs_no_gradient(monkeypatch):
    layer, asked = FastConv2d(2, 3, (3, 3)), []
    monkeypatch.setattr(fast, "_sum_at_pixels", lambda *given: asked.append(given))
    layer(torch.randn(2, 2, 6, 6)).sum().backward()
    assert layer.weight.grad is not None
    assert not asked


def test_the_fast_layer_keeps_no_columns_for_the_backward_pass():
    kept = {}
    for make in (Conv2d, FastConv2d):
        sizes = []
        pack = lambda tensor, sizes=sizes: sizes.append(tensor.numel()) or tensor  # noqa: E731
        with torch.autograd.graph.saved_tensors_hooks(pack, lambda tensor: tensor):
            make(4, 2, (3, 3), padding=1)(torch.randn(8, 4, 10, 10, requires_grad=True))
        kept[make] = max(sizes)
    assert kept == {Conv2d: 9 * 8 * 4 * 100, FastConv2d: 8 * 4 * 100}


@BOTH
def test_the_work_is_linear_in_the_batch(make):
    from torch.utils.flop_counter import FlopCounterMode

    layer, flops = make(3, 8, (3, 3), stride=2, padding=1), []
    for batch in (8, 16, 32):
        with FlopCounterMode(display=False) as counter:
            layer(torch.randn(batch, 3, 20, 20, requires_grad=True)).sum().backward()
        flops.append(counter.get_total_flops())
    assert flops[1] == 2 * flops[0]
    assert flops[2] == 4 * flops[0]
