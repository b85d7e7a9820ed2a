"""SmallResNet: three residual blocks, average pooling and a head.

It sees the same 3x224x224 images as the ImageNet network. Each of them is a 32x32 image enlarged
seven times, so a first convolution with 7x7 windows and stride 7 looks at one original pixel and
its neighbours, and the rest of the network works at CIFAR-10's own size.
"""

from torch import Tensor, nn


class ResidualBlock(nn.Module):
    """Two convolutions with BatchNorm and a shortcut (He et al. 2016).

    The first convolution reduces height and width by its stride. The shortcut sees the pixel at
    the centre of each of its windows, and changes the number of channels.

    Parameters
    ----------
    in_channels, out_channels
        Before and after the block.
    kernel_size, stride, padding
        Of the first convolution; the second has 3x3 windows and stride 1.
    """

    def __init__(
        self, in_channels: int, out_channels: int,
        kernel_size: int, stride: int, padding: int,
    ) -> None:  # fmt: skip
        super().__init__()
        self.residual = nn.Sequential(
            nn.Conv2d(in_channels, out_channels, kernel_size, stride,
                      padding, bias=False),
            nn.BatchNorm2d(out_channels),
            nn.ReLU(),
            nn.Conv2d(out_channels, out_channels, 3, padding=1, bias=False),
            nn.BatchNorm2d(out_channels),
        )  # fmt: skip
        self.shortcut = nn.Sequential(
            nn.Conv2d(in_channels, out_channels, 1, bias=False),
            nn.BatchNorm2d(out_channels),
        )
        # the rows, and the columns, at the centres of the first windows
        self.centres = slice(kernel_size // 2 - padding, None, stride)

    def forward(self, x: Tensor) -> Tensor:
        """Map (N, C, H, W) to (N, out_channels, H / stride, W / stride)."""
        shortcut = self.shortcut(x[:, :, self.centres, self.centres])
        return (self.residual(x) + shortcut).relu()


class SmallResNet(nn.Module):
    """Three residual blocks, average pooling and a classification head.

    Parameters
    ----------
    num_classes
        Width of the head.
    channels
        Of the three blocks.

    Examples
    --------
    >>> import torch
    >>> SmallResNet()(torch.zeros(2, 3, 224, 224)).shape
    torch.Size([2, 10])
    """

    def __init__(
        self, num_classes: int = 10,
        channels: tuple[int, int, int] = (32, 64, 128),
    ) -> None:  # fmt: skip
        super().__init__()
        first, second, third = channels
        self.blocks = nn.Sequential(
            ResidualBlock(3, first, 7, stride=7, padding=0),  # 224 -> 32
            ResidualBlock(first, second, 3, stride=2, padding=1),  # 32 -> 16
            ResidualBlock(second, third, 3, stride=2, padding=1),  # 16 -> 8
        )
        self.pool = nn.AdaptiveAvgPool2d(1)
        self.head = nn.Linear(third, num_classes)

    def forward(self, images: Tensor) -> Tensor:
        """Map images (N, 3, 224, 224) to logits (N, num_classes)."""
        features = self.pool(self.blocks(images)).flatten(1)
        return self.head(features)
