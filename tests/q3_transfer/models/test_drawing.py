"""The drawing of SmallResNet shows the shapes that the network makes."""

import torch

from mmn13lib.q3_transfer.models.drawing import residual_block
from mmn13lib.q3_transfer.models.small_resnet import SmallResNet


def test_the_drawn_shapes_are_the_networks() -> None:
    x, shapes = torch.zeros(1, 3, 224, 224), []
    for block in SmallResNet().blocks:
        x = block(x)
        shapes.append("×".join(map(str, x.shape[1:])))
    (axis,) = residual_block().axes
    drawn = [text.get_text().partition("\n")[2] for text in axis.texts if text.get_text()]
    assert drawn[1:4] == shapes
