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

BATCH_SIZE = 64  # a batch's feature maps stay in the processor's cache


def feature_network(model: ResNet, device: torch.device, dtype: torch.dtype) -> nn.Module:
    """Copy a ResNet without its head, for inference alone.

    BatchNorm is folded into the convolutions, and the channels come last in memory.

    Parameters
    ----------
    model
        Left as it is.
    device, dtype
        Of the copy.

    Returns
    -------
    nn.Module
        From images (N, 3, 224, 224) to features (N, 512).
    """
    network = copy.deepcopy(model)
    network.fc = nn.Identity()
    folded: nn.Module = fuse(network.eval())
    return folded.to(device, dtype).to(memory_format=torch.channels_last)


@torch.inference_mode()
def extract(
    network: nn.Module,
    images: Tensor,
    on_batch: Callable[[int], None] | None = None,
    batch_size: int = BATCH_SIZE,
) -> Tensor:
    """Compute the features of images, a batch at a time.

    Parameters
    ----------
    network
        As `feature_network` gives it; its first parameter tells device and type.
    images
        uint8 (N, 3, 32, 32).
    on_batch
        Called with the number of images of each finished batch.
    batch_size
        Images at a time; memory depends on this alone.

    Returns
    -------
    Tensor
        float32 (N, 512), on the CPU.
    """
    weight = next(network.parameters())
    features = torch.empty(len(images), 512)
    for start in range(0, len(images), batch_size):
        batch = images[start : start + batch_size]
        ready = preprocess(batch.to(weight.device), weight.dtype)
        ready = ready.contiguous(memory_format=torch.channels_last)
        features[start : start + len(batch)] = network(ready).float().cpu()
        if on_batch is not None:
            on_batch(len(batch))
    return features
