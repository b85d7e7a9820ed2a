"""Question 1: a convolution layer of our own, patches of the image times a matrix of weights."""

import math
from typing import Any

import torch
from torch import Tensor
from torch.nn import Module, Parameter

TILE_BYTES = 4 * 2**20
"""How large the patches of one tile may be: they should still lie in the cache when used."""


class Conv2d(Module):
    r"""Two-dimensional convolution with zero padding and a stride, as ``torch.nn.Conv2d`` does it.

    With the padded images $x$, weights $w$ and biases $b$, output channel $o$ at row $u$ and
    column $v$ of image $n$ is

    $$y_{n,o,u,v} = b_o + \sum_{c=0}^{C-1} \sum_{i=0}^{k_h-1} \sum_{j=0}^{k_w-1}
    w_{o,c,i,j} \, x_{n,c,us+i,vs+j}$$

    for $0 \le u < H'$ and $0 \le v < W'$, where $s$ is the stride, $p$ the padding,
    $H' = \lfloor (H + 2p - k_h) / s \rfloor + 1$ and $W'$ likewise from $W$ and $k_w$.

    Parameters
    ----------
    in_channels
        Number of channels $C$ of the input.
    out_channels
        Number of channels $O$ of the output.
    kernel_size
        Height and width of the window; one integer for a square.
    stride
        Step of the window, in rows and in columns.
    padding
        Number of zero rows and columns added on each of the four sides.

    Attributes
    ----------
    weight : Parameter
        Shape ($O$, $C$, $k_h$, $k_w$).
    bias : Parameter
        Shape ($O$,).

    Raises
    ------
    TypeError
        If an argument is not an integer (`kernel_size`: nor a pair of integers).
    ValueError
        If an argument is smaller than 1 (`padding`: than 0).

    Notes
    -----
    The formula is that of ``torch.nn.Conv2d``'s documentation; strictly it is a
    cross-correlation, as everywhere in deep learning (Goodfellow, Bengio and Courville, Deep
    Learning, 2016, equation 9.6). Parameters are initialised as there, number for number.

    Examples
    --------
    >>> layer = Conv2d(in_channels=3, out_channels=8, kernel_size=(3, 5), stride=2, padding=1)
    >>> layer(torch.zeros(4, 3, 32, 32)).shape
    torch.Size([4, 8, 16, 15])
    """

    dilation, groups, padding_mode = (1, 1), 1, "zeros"
    transposed, output_padding = False, (0, 0)

    def __init__(
        self,
        in_channels: int = 1,
        out_channels: int = 1,
        kernel_size: int | tuple[int, int] = (1, 1),
        stride: int = 1,
        padding: int = 0,
    ) -> None:
        super().__init__()
        self.in_channels = _checked("in_channels", in_channels, least=1)
        self.out_channels = _checked("out_channels", out_channels, least=1)
        self.kernel_size = _checked_pair("kernel_size", kernel_size, least=1)
        self.stride = (_checked("stride", stride, least=1),) * 2
        self.padding = (_checked("padding", padding, least=0),) * 2
        self.weight = Parameter(torch.empty(out_channels, in_channels, *self.kernel_size))
        self.bias = Parameter(torch.empty(out_channels))
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Draw weights and biases uniformly, within 1/sqrt(number of inputs of an output)."""
        fan_in = self.weight[0].numel()
        # the roundabout way of nn.Conv2d, Kaiming's bound for a slope of sqrt(5): its last bit
        bound = math.sqrt(3) * (math.sqrt(2 / (1 + math.sqrt(5) ** 2)) / math.sqrt(fan_in))
        with torch.no_grad():
            self.weight.uniform_(-bound, bound)
            self.bias.uniform_(-1 / math.sqrt(fan_in), 1 / math.sqrt(fan_in))

    def extra_repr(self) -> str:
        """Describe the layer between the brackets of its repr, as ``nn.Conv2d`` does."""
        channels = f"{self.in_channels}, {self.out_channels}"
        padding = f", padding={self.padding}" if any(self.padding) else ""
        return f"{channels}, kernel_size={self.kernel_size}, stride={self.stride}{padding}"

    def forward(self, images: Tensor) -> Tensor:
        """Convolve.

        Parameters
        ----------
        images
            Shape ($N$, $C$, $H$, $W$) or ($C$, $H$, $W$).

        Returns
        -------
        Tensor
            Shape ($N$, $O$, $H'$, $W'$) or ($O$, $H'$, $W'$).

        Raises
        ------
        ValueError
            If the number of dimensions or channels is wrong, or the window does not fit.
        """
        self._check(images)
        batch, weight, bias = _autocast(images, self.weight, self.bias)
        batch = batch if images.dim() == 4 else batch[None]
        output = _Convolution.apply(batch, weight, bias, self.stride[0], self.padding[0])
        return output if images.dim() == 4 else output[0]

    def _check(self, images: Tensor) -> None:
        shape = tuple(images.shape)
        if len(shape) not in (3, 4):
            raise ValueError(
                f"expected images of shape (N, C, H, W) or (C, H, W), got {len(shape)} dimensions:"
                f" {shape}; add or remove dimensions (x[None], x.squeeze)"
            )
        if shape[-3] != self.in_channels:
            raise ValueError(
                f"expected {self.in_channels} channels, got {shape[-3]} in an input of shape"
                f" {shape}; make the layer with in_channels={shape[-3]}, or move the channels to"
                " the third dimension from the end"
            )
        padded = tuple(side + 2 * self.padding[0] for side in shape[-2:])
        if padded[0] < self.kernel_size[0] or padded[1] < self.kernel_size[1]:
            raise ValueError(
                f"kernel_size {self.kernel_size} is larger than the padded image {padded}"
                f" (input {shape}, padding {self.padding[0]}); take a smaller kernel, a larger"
                " image or more padding"
            )


class _Convolution(torch.autograd.Function):
    """Images times weights, tile by tile, so that no tile's patches leave the cache.

    The gradients are written by hand because autograd would keep every patch until the backward
    pass. Making them again costs less than fetching them from memory.
    """

    generate_vmap_rule = True

    @staticmethod
    def forward(images: Tensor, weight: Tensor, bias: Tensor, stride: int, padding: int) -> Tensor:
        size = _output_size(images, weight, stride, padding)
        matrix = weight.flatten(1)
        output: Any = None
        for tile in _tiles(images, weight, size):
            columns = _patches(images[tile], weight, stride, padding)
            part = torch.baddbmm(bias[:, None], _repeat(matrix, columns), columns)
            output = part.new_empty(images.shape[0], *part.shape[1:]) if output is None else output
            output[tile] = part
        return output.unflatten(2, size)

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Any, ...], output: Tensor) -> None:
        images, weight, _, ctx.stride, ctx.padding = inputs
        ctx.save_for_backward(images, weight)

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor | None, ...]:
        (images, weight), size = ctx.saved_tensors, gradient.shape[2:]
        matrix, d_images = weight.flatten(1), None
        d_matrix = torch.zeros_like(matrix)
        for tile in _tiles(images, weight, size):
            columns = _patches(images[tile], weight, ctx.stride, ctx.padding)
            d_output = gradient[tile].flatten(2)
            d_matrix = d_matrix + (d_output @ columns.mH).sum(0)
            if ctx.needs_input_grad[0]:
                d_columns = _repeat(matrix.mH, d_output) @ d_output
                part = _image_gradient(d_columns, images[tile], weight, size, ctx)
                d_images = part.new_empty(images.shape) if d_images is None else d_images
                d_images[tile] = part
        return d_images, d_matrix.view(weight.shape), gradient.sum((0, 2, 3)), None, None


def _patches(images: Tensor, weight: Tensor, stride: int, padding: int) -> Tensor:
    """Write the window at every position as a column: (N, C kh kw, H' W')."""
    (kh, kw), padded = weight.shape[2:], torch.constant_pad_nd(images, (padding,) * 4)
    windows = padded.unfold(2, kh, stride).unfold(3, kw, stride)
    n, channels, height, width = windows.shape[:4]
    columns = windows.permute(0, 1, 4, 5, 2, 3)
    return columns.reshape(n, channels * kh * kw, height * width)


def _image_gradient(
    d_columns: Tensor, images: Tensor, weight: Tensor, size: Any, ctx: Any
) -> Tensor:
    """Add every column's gradient to the pixels that it came from: the adjoint of `_patches`."""
    (kh, kw), (height, width), (stride, padding) = weight.shape[2:], size, (ctx.stride, ctx.padding)
    n, channels, rows, columns = images.shape
    d_windows = d_columns.reshape(n, channels, kh, kw, height, width)
    d_padded = d_columns.new_zeros(n, channels, rows + 2 * padding, columns + 2 * padding)
    for i in range(kh):
        for j in range(kw):
            d_padded[:, :, i : i + stride * height : stride, j : j + stride * width : stride] += (
                d_windows[:, :, i, j]
            )
    return d_padded[:, :, padding : padding + rows, padding : padding + columns]


def _output_size(images: Tensor, weight: Tensor, stride: int, padding: int) -> tuple[int, ...]:
    sides = zip(images.shape[2:], weight.shape[2:], strict=True)
    return tuple((image + 2 * padding - kernel) // stride + 1 for image, kernel in sides)


def _tiles(images: Tensor, weight: Tensor, size: Any) -> list[slice]:
    """Cut the batch into runs of images; a compiler or an accelerator gets it whole."""
    if images.device.type != "cpu" or torch.compiler.is_compiling():
        return [slice(None)]
    image_bytes = images.element_size() * weight[0].numel() * size[0] * size[1]
    step = max(1, TILE_BYTES // image_bytes)
    return [slice(start, start + step) for start in range(0, max(1, images.shape[0]), step)]


def _repeat(matrix: Tensor, batch: Tensor) -> Tensor:
    return matrix.expand(batch.shape[0], *matrix.shape)


def _autocast(images: Tensor, *parameters: Tensor) -> tuple[Tensor, ...]:
    device, tensors = images.device.type, (images, *parameters)
    available = torch.amp.is_autocast_available(device)
    if available and torch.is_autocast_enabled(device) and images.dtype != torch.float64:
        return tuple(tensor.to(torch.get_autocast_dtype(device)) for tensor in tensors)
    return tensors


def _checked(name: str, value: int, least: int) -> int:
    if isinstance(value, bool) or not isinstance(value, int):
        raise TypeError(f"{name} must be one integer, got {value!r}; pass e.g. {name}={least}")
    if value < least:
        raise ValueError(f"{name} must be at least {least}, got {value}; pass a larger integer")
    return value


def _checked_pair(name: str, value: int | tuple[int, int], least: int) -> tuple[int, int]:
    if isinstance(value, bool) or not isinstance(value, int | tuple | list):
        raise TypeError(f"{name} must be an integer or a pair of integers, got {value!r}")
    pair = (value, value) if isinstance(value, int) else tuple(value)
    if len(pair) != 2:
        raise ValueError(f"{name} must have two entries, height and width, got {value!r}")
    return _checked(f"{name}[0]", pair[0], least), _checked(f"{name}[1]", pair[1], least)
