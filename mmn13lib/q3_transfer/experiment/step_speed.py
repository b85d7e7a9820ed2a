"""The step that times a network; this module, with all that it imports, is in its key."""

import copy
import time
from typing import Any

import torch
from torch import Tensor, nn
from torch.fx.experimental.optimization import fuse

from mmn13lib.q3_transfer.data.preprocessing import IMAGE_SIZE


@torch.inference_mode()
def make(
    model: nn.Module, device: torch.device, dtype: torch.dtype, num_batches: int, batch_size: int
) -> tuple[dict[str, Any], dict[str, Tensor]]:
    """Measure how many ready images a network classifies in a second, the best of a few batches.

    The model is left as it is: a copy runs with BatchNorm folded and the channels last in memory.
    """
    network = fuse(copy.deepcopy(model).eval()).to(device, dtype)
    network.to(memory_format=torch.channels_last)
    images = torch.randn(batch_size, 3, IMAGE_SIZE, IMAGE_SIZE, device=device, dtype=dtype)
    images = images.contiguous(memory_format=torch.channels_last)
    seconds = []
    for _ in range(1 + num_batches):
        begin = time.perf_counter()
        network(images).sum().item()  # waits for a GPU to finish
        seconds.append(time.perf_counter() - begin)
    return {"images_per_second": batch_size / min(seconds[1:])}, {}
