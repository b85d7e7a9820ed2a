"""Handwritten digits in CIFAR-10's interface, for where CIFAR-10 can't be had.

``digits.png`` holds 20 digits of each class, a row for a class, 8×8 pixels each. They are from
E. Alpaydin and C. Kaynak, "Optical Recognition of Handwritten Digits", UCI Machine Learning
Repository, 1998, https://doi.org/10.24432/C50P49, licensed under CC BY 4.0
(https://creativecommons.org/licenses/by/4.0); scikit-learn's ``load_digits`` has the same images.
Changed here: 20 of about 180 a class were drawn at random, and 0 to 16 became 0 to 240.
"""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image
from torchvision.datasets import CIFAR10, VisionDataset

from mmn13lib.q3_transfer.data.inputs import SAMPLE

CLASSES = tuple("0123456789")
TRAIN_PER_CLASS = 10


class SampleCIFAR10(CIFAR10):
    """The digits, 100 for training and 100 to test, enlarged to 32×32×3.

    It takes what torchvision's CIFAR10 takes; `root` and `download` change nothing. The classes
    take turns, so any first ten, twenty … images hold all of them alike.

    >>> train_set = SampleCIFAR10("anywhere", train=True, download=True)
    >>> image, label = train_set[3]
    >>> image.size, train_set.classes[label], len(train_set)
    ((32, 32), '3', 100)
    """

    def __init__(
        self,
        root: str | Path | None = None,
        train: bool = True,
        transform: Callable[..., Any] | None = None,
        target_transform: Callable[..., Any] | None = None,
        download: bool = False,
    ) -> None:
        VisionDataset.__init__(self, root, transform=transform, target_transform=target_transform)
        self.train = train
        self.classes = list(CLASSES)
        self.class_to_idx = {name: index for index, name in enumerate(CLASSES)}
        chosen = slice(None, TRAIN_PER_CLASS) if train else slice(TRAIN_PER_CLASS, None)
        with Image.open(SAMPLE) as sheet:
            rows = np.asarray(sheet).reshape(10, 8, -1, 8)
        digits = rows.transpose(2, 0, 1, 3)[chosen].reshape(-1, 8, 8)
        self.data = np.repeat(enlarge(digits)[..., None], 3, axis=3)
        self.targets = [index % 10 for index in range(len(digits))]


def enlarge(ink: np.ndarray) -> np.ndarray:
    """Return dark digits on white, uint8 (N, 32, 32), of white ones on black, uint8 (N, 8, 8).

    Each pixel becomes three wide, bilinearly, in whole numbers: every machine gets the same.
    """
    # each row's share, in sixths, of the eight pixels; four rows are left white at either end
    sixths = np.maximum(0, 6 - abs(2 * np.arange(32)[:, None] - 10 - 6 * np.arange(8)))
    return (255 - sixths @ ink.astype(int) @ sixths.T // 36).astype(np.uint8)
