"""What a network costs: multiply-adds for one image, and parameters."""

import math

import torch
from torch import nn


def count_multiply_adds(model: nn.Module, input_shape: tuple[int, int, int]) -> int:
    """Count the multiply-adds of the convolutions and linear layers for one image.

    One multiply-add per weight and output position, as in the tables of He et al. 2016;
    normalisation, activations and pooling, a percent of the work, are left out.

    Parameters
    ----------
    model
        Any network of `Conv2d` and `Linear` layers; left as it was.
    input_shape
        Channels, height, width of the image, in pixels.

    Returns
    -------
    int

    Examples
    --------
    >>> count_multiply_adds(nn.Conv2d(3, 8, kernel_size=7, stride=7), (3, 224, 224))
    1204224
    """
    total = 0

    def count(layer: nn.Module, _: object, output: torch.Tensor) -> None:
        nonlocal total
        if isinstance(layer, nn.Conv2d):
            window = math.prod(layer.kernel_size) * layer.in_channels // layer.groups
            total += output[0].numel() * window
        elif isinstance(layer, nn.Linear):
            total += output[0].numel() * layer.in_features

    handles = [
        layer.register_forward_hook(count)
        for layer in model.modules()
        if isinstance(layer, nn.Conv2d | nn.Linear)
    ]
    modes = {layer: layer.training for layer in model.modules()}
    some = next(model.parameters())
    try:
        model.eval()  # the running statistics of BatchNorm stay as they are
        with torch.no_grad():
            model(torch.zeros(1, *input_shape, device=some.device, dtype=some.dtype))
    finally:
        for handle in handles:
            handle.remove()
        for layer, training in modes.items():
            layer.training = training
    return total


def count_parameters(model: nn.Module, trained_only: bool = False) -> int:
    """Count a network's parameters.

    Parameters
    ----------
    model
        Any network.
    trained_only
        Count those alone that have ``requires_grad``.

    Returns
    -------
    int

    Examples
    --------
    >>> count_parameters(nn.Linear(512, 10))
    5130
    """
    return sum(
        parameter.numel()
        for parameter in model.parameters()
        if parameter.requires_grad or not trained_only
    )
