"""What the layer accepts: checked arguments, and images in any layout."""

from typing import SupportsIndex

import torch
from torch import Tensor


def checked(name: str, value: int, least: int) -> int:
    """Return an integer; TypeError if it is not one, ValueError if it is too small."""
    if isinstance(value, bool) or not isinstance(value, SupportsIndex):
        raise TypeError(f"{name} must be one integer, got {value!r}; pass e.g. {name}={least}")
    if value < least:
        raise ValueError(f"{name} must be at least {least}, got {value}; pass a larger integer")
    return int(value)


def checked_pair(name: str, value: int | tuple[int, int], least: int) -> tuple[int, int]:
    """Give back (height, width), from one integer or two; errors as those of `checked`."""
    if isinstance(value, bool) or not isinstance(value, int | tuple | list):
        raise TypeError(f"{name} must be an integer or a pair of integers, got {value!r}")
    pair = (value, value) if isinstance(value, int) else tuple(value)
    if len(pair) != 2:
        raise ValueError(f"{name} must have two entries, height and width, got {value!r}")
    return checked(f"{name}[0]", pair[0], least), checked(f"{name}[1]", pair[1], least)


def as_batch(images: Tensor, weight: Tensor, padding: int) -> Tensor:
    """Check that the images fit the layer (ValueError); one image becomes a batch of one."""
    return _as_batch(images, weight, padding)


def as_given(output: Tensor, images: Tensor) -> Tensor:
    """Lay the output out as the images are: with or without a batch, channels_last or not."""
    return _as_given(output, images)


def _as_batch(images: Tensor, weight: Tensor, padding: int) -> Tensor:
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


def _as_given(output: Tensor, images: Tensor) -> Tensor:
    if images.dim() == 3:
        return output[0]
    if images.stride(1) == 1 < images.stride(3):  # a pixel's channels lie side by side
        return output.permute(0, 2, 3, 1).contiguous().permute(0, 3, 1, 2)
    return output


# Both branch on the shape, so torch.fx.symbolic_trace keeps each as one step. It finds such
# names in their own module only, and the notebook defines its layer in another.
torch.fx.wrap("_as_batch")
torch.fx.wrap("_as_given")
