"""SmallResNet's architecture: three residual blocks that make the image smaller."""

import pytest
import torch
from torch import nn

from mmn13lib.q3_transfer.models.costs import count_multiply_adds, count_parameters
from mmn13lib.q3_transfer.models.small_resnet import ResidualBlock, SmallResNet
from mmn13lib.q3_transfer.training.from_scratch import SmallResNetSettings


def test_the_network_is_three_residual_blocks_and_small_enough():
    model = SmallResNet(channels=SmallResNetSettings().channels)
    blocks = [module for module in model.modules() if isinstance(module, ResidualBlock)]
    assert len(blocks) == 3
    assert count_parameters(model) <= 600_000
    for block in blocks:
        kinds = [type(module) for module in block.modules()]
        assert kinds.count(nn.Conv2d) == 3  # two and the shortcut's
        assert kinds.count(nn.BatchNorm2d) == 3


@pytest.mark.parametrize(("kernel_size", "stride", "padding"), [(7, 7, 0), (3, 2, 1)])
def test_the_shortcut_is_a_strided_convolution_at_the_windows_centres(kernel_size, stride, padding):
    block = ResidualBlock(2, 2, kernel_size, stride, padding).eval()
    first, second = block.residual[0], block.residual[3]
    centre = kernel_size // 2
    with torch.no_grad():
        second.weight.zero_()
        strided = torch.zeros_like(first.weight)
        strided[:, :, centre, centre] = block.shortcut[0].weight[:, :, 0, 0]
        x = torch.rand(1, 2, 28, 28)
        expected = nn.functional.conv2d(x, strided, stride=stride, padding=padding)
        expected = (expected / (1 + 1e-5) ** 0.5).relu()
        torch.testing.assert_close(block(x), expected)


def test_multiply_adds_are_counted_as_by_hand_and_leave_the_model_alone():
    model = SmallResNet()
    before = {name: tensor.clone() for name, tensor in model.state_dict().items()}
    first = 32 * 32 * (147 * 32 + 9 * 32 * 32 + 3 * 32)
    second = 16 * 16 * (9 * 32 * 64 + 9 * 64 * 64 + 32 * 64)
    third = 8 * 8 * (9 * 64 * 128 + 9 * 128 * 128 + 64 * 128)
    assert count_multiply_adds(model, (3, 224, 224)) == first + second + third + 1280
    assert model.training
    assert all(torch.equal(before[name], t) for name, t in model.state_dict().items())


def test_few_labelled_images_are_seen_more_often_in_smaller_batches():
    adapted = [
        SmallResNetSettings().for_images(count) for count in (100, 500, 2000, 10_000, 45_000)
    ]
    assert [a.num_epochs for a in adapted] == sorted((a.num_epochs for a in adapted), reverse=True)
    assert [a.batch_size for a in adapted] == sorted(a.batch_size for a in adapted)
    assert adapted[-1] == SmallResNetSettings()
