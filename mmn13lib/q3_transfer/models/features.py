"""The 512 features that the frozen backbone gives for an image, as fast as the machine allows.

Frozen and without augmentation, an image's features never change: one pass over the data set
serves every epoch and every seed of the head's training.
"""

import copy
from collections.abc import Callable

import torch
from torch import Tensor, nn
from torch.fx.experimental.optimization import fuse
from torchvision.models.resnet import ResNet

from mmn13lib.q3_transfer.data.preprocessing import preprocess

CPU_BATCH, GPU_BATCH = 16, 256  # a processor's cache holds the feature maps of a small one


def for_inference(model: nn.Module, device: torch.device, dtype: torch.dtype) -> nn.Module:
    """Return a copy with BatchNorm folded into the convolutions and channels last in memory."""
    folded: nn.Module = fuse(copy.deepcopy(model).eval())
    return folded.to(device, dtype).to(memory_format=torch.channels_last)


def feature_network(model: ResNet, device: torch.device, dtype: torch.dtype) -> nn.Module:
    """Return a ResNet's copy without its head, for inference: (N, 3, 224, 224) to (N, 512)."""
    network = copy.deepcopy(model)
    network.fc = nn.Identity()
    return for_inference(network, device, dtype)


@torch.inference_mode()
def extract(
    network: nn.Module, images: Tensor, on_batch: Callable[[int], None] | None = None
) -> Tensor:
    """Return the features (N, 512), float32, of uint8 images (N, 3, 32, 32) in batches.

    `network` is `feature_network`'s; `on_batch` takes the number of images of each batch.
    """
    weight = next(network.parameters())
    batch_size = CPU_BATCH if weight.device.type == "cpu" else GPU_BATCH
    features = torch.empty(len(images), 512)
    for start in range(0, len(images), batch_size):
        batch = images[start : start + batch_size]
        ready = preprocess(batch.to(weight.device), weight.dtype)
        ready = ready.contiguous(memory_format=torch.channels_last)
        features[start : start + len(batch)] = network(ready).float().cpu()
        if on_batch is not None:
            on_batch(len(batch))
    return features
