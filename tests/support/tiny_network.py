"""A network in the backbone's place."""

import torch
from torch import Tensor, nn


class Average(nn.Module):
    """A network so small that its features are quick."""

    def __init__(self) -> None:
        super().__init__()
        self.scale = nn.Parameter(torch.ones(()))

    def forward(self, images: Tensor) -> Tensor:
        return self.scale * images.mean((1, 2, 3))[:, None].expand(-1, 512)
