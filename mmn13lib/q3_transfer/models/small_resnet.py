"""SmallResNet's architecture: three residual blocks, average pooling and a head.

The network sees the same 3x224x224 images as the ImageNet network. Each of them is a 32x32
image enlarged seven times, so a first convolution with 7x7 windows and stride 7 looks at one
original pixel and its neighbours, and the rest of the network works at CIFAR-10's own size.
"""

import torch.nn.functional as F
from torch import Tensor, nn


class ResidualBlock(nn.Module):
    """Two convolutions with BatchNorm and a shortcut past them (He et al. 2016).

    The first convolution reduces height and width by its stride. The shortcut is a 1x1
    convolution at the centres of the first one's windows.

    Parameters
    ----------
    in_channels, out_channels
        Before and after the block.
    kernel_size, stride, padding
        Of the first convolution; the second has 3x3 windows and stride 1.
    """

    def __init__(
        self, in_channels: int, out_channels: int, kernel_size: int, stride: int, padding: int
    ) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(in_channels, out_channels, kernel_size, stride, padding, bias=False)
        self.bn1 = nn.BatchNorm2d(out_channels)
        self.conv2 = nn.Conv2d(out_channels, out_channels, 3, padding=1, bias=False)
        self.bn2 = nn.BatchNorm2d(out_channels)
        self.shortcut = nn.Sequential(
            nn.Conv2d(in_channels, out_channels, 1, bias=False), nn.BatchNorm2d(out_channels)
        )
        # taking these pixels first is the same as stride in the 1x1 convolution, which is
        # 40 times slower on a CPU
        self.centres = slice(kernel_size // 2 - padding, None, stride)

    def forward(self, x: Tensor) -> Tensor:
        """Map (N, in_channels, H, W) to (N, out_channels, H / stride, W / stride)."""
        inside = F.relu(self.bn1(self.conv1(x)), inplace=True)
        inside = self.bn2(self.conv2(inside))
        return F.relu(inside.add_(self.shortcut(x[:, :, self.centres, self.centres])), inplace=True)


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
        self, num_classes: int = 10, channels: tuple[int, int, int] = (32, 64, 128)
    ) -> None:
        super().__init__()
        first, second, third = channels
        self.blocks = nn.Sequential(
            ResidualBlock(3, first, kernel_size=7, stride=7, padding=0),  # 224 -> 32
            ResidualBlock(first, second, kernel_size=3, stride=2, padding=1),  # 32 -> 16
            ResidualBlock(second, third, kernel_size=3, stride=2, padding=1),  # 16 -> 8
        )
        self.pool = nn.AdaptiveAvgPool2d(1)
        self.head = nn.Linear(third, num_classes)

    def forward(self, images: Tensor) -> Tensor:
        """Map normalised images (N, 3, 224, 224) to logits (N, num_classes)."""
        return self.head(self.pool(self.blocks(images)).flatten(1))
