"""The assignment's rules: no function of torch.nn, no convolution by another name; clear errors."""

import ast
import inspect

import numpy as np
import pytest
import torch
from torch.utils._python_dispatch import TorchDispatchMode

from mmn13lib.q1_convolution import arguments, layer
from mmn13lib.q1_convolution.layer import Conv2d
from mmn13lib.writing.listing import listing

TREES = [ast.parse(inspect.getsource(module)) for module in (layer, arguments)]


@pytest.mark.parametrize("tree", TREES)
def test_only_module_and_parameter_come_from_torch_nn(tree):
    imports = [node for node in ast.walk(tree) if isinstance(node, ast.Import | ast.ImportFrom)]
    modules = {node.module for node in imports if isinstance(node, ast.ImportFrom)}
    modules |= {
        name.name for node in imports if isinstance(node, ast.Import) for name in node.names
    }
    ours = {name for name in modules if name.startswith("mmn13lib.q1_convolution.")}
    assert modules - ours <= {"math", "operator", "typing", "torch", "torch.nn"}
    named = {
        name.name
        for node in imports
        if isinstance(node, ast.ImportFrom) and node.module.startswith("torch")
        for name in node.names
    }
    assert named <= {"Module", "Parameter", "Size", "Tensor"}
    dotted = [ast.unparse(node) for node in ast.walk(tree) if isinstance(node, ast.Attribute)]
    assert not [name for name in dotted if name.startswith(("torch.nn", "torch.ops", "torch._"))]


class Recorder(TorchDispatchMode):
    """Note the operators that run."""

    def __init__(self):
        super().__init__()
        self.operators = set()

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        self.operators.add(str(func))
        return func(*args, **(kwargs or {}))


def operators_of(layer):
    with Recorder() as recorder:
        images = torch.randn(2, 3, 8, 8, requires_grad=True)
        output = layer(images)
        (gradient,) = torch.autograd.grad(output.square().sum(), images, create_graph=True)
        gradient.square().sum().backward()
    return {name for name in recorder.operators
            if any(word in name for word in ("conv", "im2col", "col2im"))}  # fmt: skip


def test_no_built_in_convolution_runs_forward_or_backward():
    assert not operators_of(Conv2d(3, 4, (3, 2), stride=2, padding=1))


def test_the_constructor_is_the_assignments():
    parameters = inspect.signature(Conv2d.__init__).parameters.values()
    found = [(parameter.name, parameter.default) for parameter in parameters]
    assert found == [
        ("self", inspect.Parameter.empty), ("in_channels", 1), ("out_channels", 1),
        ("kernel_size", (1, 1)), ("stride", 1), ("padding", 0),
    ]  # fmt: skip


def test_the_printed_layer_fits_on_one_page():
    printed = listing(layer.patches, layer.convolve, Conv2d).splitlines()[1:-1]
    assert len(printed) <= 50
    assert max(map(len, printed)) <= 78


@pytest.mark.parametrize(
    "arguments, error, words",
    [
        ({"in_channels": 0}, ValueError, "in_channels must be at least 1, got 0"),
        ({"in_channels": 2.0}, TypeError, "in_channels must be one integer, got 2.0"),
        ({"kernel_size": (3, 0)}, ValueError, r"kernel_size\[1\] must be at least 1"),
        ({"kernel_size": (3, 3, 3)}, ValueError, "one integer or two, height and width"),
        ({"kernel_size": "33"}, ValueError, "one integer or two, .* got '33'"),
        ({"kernel_size": (3, 1.0)}, TypeError, r"kernel_size\[1\] must be one integer, got 1.0"),
        ({"stride": (2, 2)}, TypeError, r"stride must be one integer, got \(2, 2\)"),
        ({"stride": True}, TypeError, "stride must be one integer, got True"),
        ({"stride": np.array([1, 2])}, TypeError, "stride must be one integer"),
        ({"padding": -1}, ValueError, "padding must be at least 0, got -1"),
        ({"padding": "same"}, TypeError, "padding must be one integer, got 'same'"),
    ],
)
def test_a_bad_argument_fails_in_the_constructor(arguments, error, words):
    with pytest.raises(error, match=words):
        Conv2d(**arguments)


@pytest.mark.parametrize(
    "shape, words",
    [
        ((8, 8), r"\(N, C, H, W\) or \(C, H, W\), got 2 dimensions: \(8, 8\)"),
        ((2, 8, 8, 3), "expected 3 channels, got 8.*in_channels=8"),
        ((3, 1, 8), r"kernel_size \(4, 3\) is larger than the padded image \(3, 10\)"),
        ((2, 3, 8, 0), r"larger than the padded image \(10, 2\)"),
    ],
)
def test_a_bad_input_says_what_was_expected_what_came_and_what_to_change(shape, words):
    with pytest.raises(ValueError, match=words):
        Conv2d(3, 4, (4, 3), padding=1)(torch.zeros(shape))
