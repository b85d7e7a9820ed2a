"""Question 1: a convolution layer, weights times patches of the image."""

import math

import torch
from torch import Size, Tensor
from torch.nn import Module, Parameter

from mmn13lib.q1_convolution.arguments import as_batch, checked_integer, checked_pair


def patches(images: Tensor, size: Size, stride: int, padding: int) -> Tensor:
    """Write what the window sees at each of its positions as a column.

    Parameters
    ----------
    images
        Shape ($N$, $C$, $H$, $W$).
    size
        Height $k_h$ and width $k_w$ of the window.
    stride, padding
        As for `Conv2d`.

    Returns
    -------
    Tensor
        Shape ($N$, $C k_h k_w$, $H_{out} W_{out}$).

    Examples
    --------
    >>> patches(torch.arange(6).reshape(1, 1, 2, 3), (2, 2), stride=1, padding=0)
    tensor([[[0, 1],
             [1, 2],
             [3, 4],
             [4, 5]]])
    """
    n, channels, height, width = images.shape
    if padding:
        above = images.new_zeros(n, channels, padding, width)
        images = torch.cat([above, images, above], dim=2)
        beside = images.new_zeros(n, channels, height + 2 * padding, padding)
        images = torch.cat([beside, images, beside], dim=3)
    windows = images.unfold(2, size[0], stride).unfold(3, size[1], stride)
    windows = windows.permute(0, 1, 4, 5, 2, 3)  # N, C, k_h, k_w, …
    return windows.flatten(4).flatten(1, 3)  # N, C k_h k_w, H_out W_out


# fmt: off
def convolve(
    images: Tensor, weight: Tensor, bias: Tensor, stride: int, padding: int
) -> Tensor:
    """Multiply the weights by the patches of every image, add the bias.

    Parameters
    ----------
    images
        Shape ($N$, $C$, $H$, $W$).
    weight, bias, stride, padding
        As for `Conv2d`.

    Returns
    -------
    Tensor
        Shape ($N$, $O$, $H_{out}$, $W_{out}$).
    """
    width = (images.shape[3] + 2 * padding - weight.shape[3]) // stride + 1
    columns = patches(images, weight.shape[2:], stride, padding)
    matrix = weight.flatten(1).expand(images.shape[0], -1, -1)  # W, N times
    output = torch.baddbmm(bias[:, None], matrix, columns)  # b + W P
    return output.unflatten(2, (-1, width))


class Conv2d(Module):
    r"""Two-dimensional convolution, as ``torch.nn.Conv2d`` computes it.

    With the padded image $x$, weights $w$ and biases $b$, the output channel
    $o$ at row $m$ and column $n$ is

    $$y_{o,m,n} = b_o + \sum_{c=0}^{C-1} \sum_{u=0}^{k_h-1} \sum_{v=0}^{k_w-1}
    w_{o,c,u,v} \, x_{c,sm+u,sn+v}$$

    for $0 \le m < H_{out}$ and $0 \le n < W_{out}$. With the stride $s$ and the padding
    $p$, $H_{out} = \lfloor (H + 2p - k_h) / s \rfloor + 1$ and
    $W_{out} = \lfloor (W + 2p - k_w) / s \rfloor + 1$.

    Parameters
    ----------
    in_channels
        Number of channels $C$ of the input.
    out_channels
        Number of channels $O$ of the output.
    kernel_size
        Height $k_h$ and width $k_w$ of the window; one integer for a square.
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
        If an argument is not an integer (or a pair, for `kernel_size`).
    ValueError
        If an argument is smaller than 1 (`padding`: than 0); when called, if
        the images have another number of dimensions or channels, or are
        smaller than the window.

    Notes
    -----
    The formula is that of ``torch.nn.Conv2d``'s documentation; strictly it
    is a cross-correlation (Goodfellow, Bengio and Courville, Deep Learning,
    2016, equation 9.6). Weights and biases start as there: uniform between plus and minus
    1 / sqrt(C k_h k_w), from the same random numbers.

    Examples
    --------
    >>> layer = Conv2d(3, 8, kernel_size=(3, 5), stride=2, padding=1)
    >>> layer(torch.zeros(4, 3, 32, 32)).shape
    torch.Size([4, 8, 16, 15])
    """

    def __init__(
        self, in_channels: int = 1, out_channels: int = 1,
        kernel_size: int | tuple[int, int] = (1, 1),
        stride: int = 1, padding: int = 0,
    ) -> None:
        super().__init__()
        self.in_channels = checked_integer("in_channels", in_channels, 1)
        self.out_channels = checked_integer("out_channels", out_channels, 1)
        self.kernel_size = checked_pair("kernel_size", kernel_size, 1)
        self.stride = checked_integer("stride", stride, 1)
        self.padding = checked_integer("padding", padding, 0)
        shape = (self.out_channels, self.in_channels, *self.kernel_size)
        bound = 1 / math.sqrt(math.prod(shape[1:]))
        self.weight = Parameter(torch.empty(shape).uniform_(-bound, bound))
        self.bias = Parameter(torch.empty(shape[0]).uniform_(-bound, bound))

    def forward(self, images: Tensor) -> Tensor:
        """Convolve images of shape (N, C, H, W), or one (C, H, W)."""
        arguments = self.weight, self.bias, self.stride, self.padding
        batch = as_batch(images, self.weight, self.padding)
        # the columns of two images at a time: quicker than those of all
        output = torch.cat([convolve(x, *arguments) for x in batch.split(2)])
        return output if images.dim() == 4 else output[0]
