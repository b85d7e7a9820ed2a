"""What a network costs: multiply-adds for one image, parameters, and time."""

import copy
import time

import torch
from torch import nn
from torch.utils.flop_counter import FlopCounterMode

from mmn13lib.q3_transfer.data.preprocessing import IMAGE_SIZE
from mmn13lib.q3_transfer.models.features import for_inference


def count_multiply_adds(model: nn.Module, input_shape: tuple[int, int, int]) -> int:
    """Return the multiply-adds of the convolutions and linear layers for one image.

    One multiply-add per weight and output position, as in the tables of He et al. 2016;
    normalisation, activations and pooling, a percent of the work, are left out.

    >>> count_multiply_adds(nn.Conv2d(3, 8, kernel_size=7, stride=7), (3, 224, 224))
    1204224
    """
    shapes_alone = copy.deepcopy(model).to("meta")  # computes nothing
    with FlopCounterMode(display=False) as counter:
        shapes_alone(torch.empty(1, *input_shape, device="meta"))
    return int(counter.get_total_flops()) // 2


def count_parameters(model: nn.Module, trained_only: bool = False) -> int:
    """Return the number of a network's parameters, or those alone that have ``requires_grad``.

    >>> count_parameters(nn.Linear(512, 10))
    5130
    """
    return sum(
        parameter.numel()
        for parameter in model.parameters()
        if parameter.requires_grad or not trained_only
    )


@torch.inference_mode()
def images_per_second(
    model: nn.Module, device: torch.device, dtype: torch.dtype, num_batches: int, batch_size: int
) -> float:
    """Return how many ready images a network classifies in a second, the best of a few batches."""
    network = for_inference(model, device, dtype)
    images = torch.randn(batch_size, 3, IMAGE_SIZE, IMAGE_SIZE, device=device, dtype=dtype)
    images = images.contiguous(memory_format=torch.channels_last)
    seconds = []
    for _ in range(1 + num_batches):
        begin = time.perf_counter()
        network(images).sum().item()  # waits for a GPU to finish
        seconds.append(time.perf_counter() - begin)
    return batch_size / min(seconds[1:])  # the first one warms up
