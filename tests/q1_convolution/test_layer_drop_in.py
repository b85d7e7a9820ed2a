"""The layer stands where ``nn.Conv2d`` stood: attributes, files, precisions, compilers."""

import copy
import io
import pickle
import shutil

import pytest
import torch
from torch.export import Dim, export
from torch.func import functional_call, grad, jvp, stack_module_state, vmap
from torch.testing import assert_close

from mmn13lib.q1_convolution.fast import FastConv2d
from mmn13lib.q1_convolution.layer import Conv2d

ARGUMENTS = (3, 4, (3, 2), 2, 1)


@pytest.fixture(params=[Conv2d, FastConv2d])
def layers(request):
    ours, theirs = request.param(*ARGUMENTS), torch.nn.Conv2d(*ARGUMENTS)
    theirs.load_state_dict(ours.state_dict())
    return ours, theirs


@pytest.fixture
def images():
    return torch.randn(5, 3, 9, 8, generator=torch.Generator().manual_seed(0))


def test_it_reads_like_nn_conv2d(layers):
    ours, theirs = layers
    assert repr(ours).removeprefix("Fast") == repr(theirs)
    assert repr(Conv2d()) == repr(torch.nn.Conv2d(1, 1, (1, 1)))


@pytest.mark.parametrize(
    "name",
    ["in_channels", "out_channels", "kernel_size", "stride", "padding", "dilation", "groups",
     "transposed", "output_padding", "padding_mode"],
)  # fmt: skip
def test_attributes_are_nn_conv2ds(layers, name):
    ours, theirs = layers
    assert getattr(ours, name) == getattr(theirs, name)


def test_kernel_size_may_be_one_integer():
    assert Conv2d(kernel_size=3).kernel_size == (3, 3)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("channels, kernel", [(1, 1), (3, (7, 7)), (5, (2, 3)), (64, (3, 3))])
def test_the_same_seed_gives_the_same_parameters_bit_for_bit(dtype, channels, kernel):
    made = []
    before = torch.get_default_dtype()
    torch.set_default_dtype(dtype)
    try:
        for make in (Conv2d, torch.nn.Conv2d):
            torch.manual_seed(7)
            made.append(make(channels, 6, kernel))
    finally:
        torch.set_default_dtype(before)
    assert torch.equal(made[0].weight, made[1].weight)
    assert torch.equal(made[0].bias, made[1].bias)


def test_state_dicts_load_both_ways(layers, images):
    ours, theirs = layers
    other = torch.nn.Conv2d(*ARGUMENTS)
    assert not ours.load_state_dict(other.state_dict()).missing_keys
    assert_close(ours(images), other(images))
    assert not other.load_state_dict(theirs.state_dict()).unexpected_keys


def test_one_image_needs_no_batch(layers, images):
    ours, theirs = layers
    assert_close(ours(images[0]), theirs(images[0]))


def test_an_empty_batch_gives_an_empty_batch_and_zero_gradients(layers, images):
    ours, theirs = layers
    output = ours(images[:0])
    assert output.shape == theirs(images[:0]).shape
    output.sum().backward()
    assert not ours.weight.grad.any()


@pytest.mark.parametrize(
    "arrange",
    [
        lambda x: x.to(memory_format=torch.channels_last),
        lambda x: x.transpose(2, 3).contiguous().transpose(2, 3),
        lambda x: x.flip(0)[::2],
        lambda x: x[:1].expand(4, -1, -1, -1),
    ],
    ids=["channels-last", "transposed", "every second", "expanded"],
)
def test_any_layout_of_the_input_will_do(layers, images, arrange):
    ours, theirs = layers
    output, expected = ours(arrange(images)), theirs(arrange(images))
    assert_close(output, expected)
    assert output.stride() == expected.stride()


def test_a_meta_tensor_gives_the_shape(layers, images):
    ours, theirs = layers
    assert ours.to("meta")(images.to("meta")).shape == theirs(images).shape


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
def test_autocast_gives_the_types_that_nn_conv2d_gives(layers, images, dtype):
    for layer in layers:
        with torch.autocast("cpu", dtype):
            layer.output = layer(images)
        layer.output.float().square().sum().backward()
    ours, theirs = layers
    assert ours.output.dtype == theirs.output.dtype == dtype
    assert ours.weight.grad.dtype == theirs.weight.grad.dtype == torch.float32
    assert_close(ours.output, theirs.output, rtol=0.02, atol=0.02)
    assert_close(ours.weight.grad, theirs.weight.grad, rtol=0.05, atol=0.5)


def test_autocast_leaves_float64_alone(layers, images):
    with torch.autocast("cpu", torch.bfloat16):
        assert layers[0].double()(images.double()).dtype == torch.float64


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
def test_cuda_agrees_with_the_cpu(layers, images):
    ours, _ = layers
    ours, images = ours.double(), images.double()
    expected = ours(images)
    assert_close(ours.cuda()(images.cuda()).cpu(), expected)


def test_copies_and_pickles_compute_the_same(layers, images):
    ours, _ = layers
    file = io.BytesIO()
    torch.save(ours.state_dict(), file)
    file.seek(0)
    loaded = type(ours)(*ARGUMENTS)
    loaded.load_state_dict(torch.load(file, weights_only=True))
    for twin in (copy.deepcopy(ours), pickle.loads(pickle.dumps(ours)), loaded):
        assert torch.equal(twin(images), ours(images))


@pytest.mark.slow
@pytest.mark.parametrize("dynamic", [False, True])
def test_the_whole_layer_compiles_forward_and_backward(layers, images, dynamic):
    ours, theirs = layers
    torch.compiler.reset()
    compiled = torch.compile(ours, fullgraph=True, backend="aot_eager", dynamic=dynamic)
    for layer in (compiled, theirs):
        layer(images).square().sum().backward()
    assert_close(compiled(images), theirs(images))
    assert_close(ours.weight.grad, theirs.weight.grad, rtol=1e-4, atol=1e-4)


def test_fx_traces_it_and_the_graph_takes_a_batch_or_one_image(layers, images):
    ours, theirs = layers
    graph = torch.fx.symbolic_trace(ours)
    assert_close(graph(images), theirs(images))
    assert_close(graph(images[0]), theirs(images[0]))
    with pytest.raises(ValueError, match="expected 3 channels"):
        graph(images[:, :2])


def test_the_plain_layer_has_forward_mode_derivatives(images):
    ours, theirs = Conv2d(*ARGUMENTS), torch.nn.Conv2d(*ARGUMENTS)
    theirs.load_state_dict(ours.state_dict())
    direction = images.flip(0)
    assert_close(jvp(ours, (images,), (direction,)), jvp(theirs, (images,), (direction,)))


@pytest.mark.slow
@pytest.mark.skipif(not (shutil.which("g++") or shutil.which("clang++")), reason="no C++ compiler")
def test_inductor_compiles_it_to_machine_code(layers, images):
    ours, theirs = layers
    torch.compiler.reset()
    with torch.no_grad():
        assert_close(torch.compile(ours, fullgraph=True)(images), theirs(images))


def test_it_exports_with_a_batch_of_any_size(layers, images):
    ours, theirs = layers
    program = export(ours, (images,), dynamic_shapes=({0: Dim("batch", min=2, max=64)},))
    for batch in (images, images[:3], images.repeat(4, 1, 1, 1)):
        assert_close(program.module()(batch), theirs(batch))


def loss_of(layer):
    return lambda parameters, images: functional_call(layer, parameters, images).square().sum()


def test_func_grad_differentiates_it(layers, images):
    parameters = dict(layers[0].named_parameters())
    ours, theirs = (grad(loss_of(layer))(parameters, images) for layer in layers)
    assert_close(ours, theirs, rtol=1e-4, atol=1e-4)


def test_vmap_gives_the_gradient_of_each_image(layers, images):
    parameters = dict(layers[0].named_parameters())
    each = [vmap(grad(loss_of(layer)), in_dims=(None, 0))(parameters, images) for layer in layers]
    assert_close(*each, rtol=1e-4, atol=1e-4)


def test_vmap_runs_an_ensemble_of_layers_on_one_batch(layers, images):
    members = [type(layers[0])(*ARGUMENTS) for _ in range(3)]
    parameters, _ = stack_module_state(members)
    together = vmap(lambda state: functional_call(members[0], state, images))(parameters)
    assert_close(together, torch.stack([member(images) for member in members]))
