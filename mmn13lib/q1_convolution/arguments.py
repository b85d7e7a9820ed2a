"""What the layer accepts: whole numbers, and images that fit its weights."""

import operator
from typing import Any

from torch import Tensor


def checked_integer(name: str, value: Any, minimum: int) -> int:
    """Return a whole number of any type; TypeError if it is none, ValueError if too small."""
    try:
        number = operator.index(value)
    except TypeError:
        number = None
    if number is None or isinstance(value, bool):
        raise TypeError(f"{name} must be one integer, got {value!r}; pass e.g. {name}={minimum}")
    if number < minimum:
        raise ValueError(f"{name} must be at least {minimum}, got {number}; pass a larger integer")
    return number


def checked_pair(name: str, value: Any, minimum: int) -> tuple[int, int]:
    """Return (height, width), from one whole number or two; errors as `checked_integer`'s."""
    try:
        pair = tuple(value)
    except TypeError:  # one number
        return (checked_integer(name, value, minimum),) * 2
    if len(pair) != 2 or isinstance(value, str):
        raise ValueError(f"{name} must be one integer or two, height and width, got {value!r}")
    height, width = (checked_integer(f"{name}[{i}]", side, minimum) for i, side in enumerate(pair))
    return height, width


def as_batch(images: Tensor, weight: Tensor, padding: int) -> Tensor:
    """Return the images as a batch, one image as a batch of one; ValueError if they don't fit."""
    shape, channels, kernel_size = tuple(images.shape), weight.shape[1], tuple(weight.shape[2:])
    if len(shape) not in (3, 4):
        raise ValueError(
            f"expected images of shape (N, C, H, W) or (C, H, W), got {len(shape)} dimensions:"
            f" {shape}; add or remove dimensions (x[None], x.squeeze)"
        )
    if shape[-3] != channels:
        raise ValueError(
            f"expected {channels} channels, got {shape[-3]} in an input of shape {shape}; make"
            f" the layer with in_channels={shape[-3]}, or move the channels to the third"
            " dimension from the end"
        )
    padded = tuple(side + 2 * padding for side in shape[-2:])
    if padded[0] < kernel_size[0] or padded[1] < kernel_size[1]:
        raise ValueError(
            f"kernel_size {kernel_size} is larger than the padded image {padded} (input {shape},"
            f" padding {padding}); take a smaller kernel, a larger image or more padding"
        )
    return images if len(shape) == 4 else images[None]
