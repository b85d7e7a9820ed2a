"""The sample: real digits in CIFAR-10's interface, the same on every machine."""

import hashlib
import inspect

import numpy as np
import pytest
import torch
from torchvision.datasets import CIFAR10

from mmn13lib.q3_transfer.data.datasets import as_tensors
from mmn13lib.q3_transfer.data.sample import CLASSES, SampleCIFAR10, enlarge

SETS = SampleCIFAR10(train=True), SampleCIFAR10(train=False)


def test_it_takes_and_gives_what_cifar10_does() -> None:
    theirs = inspect.signature(CIFAR10).parameters
    assert list(inspect.signature(SampleCIFAR10).parameters) == list(theirs)
    marked = SampleCIFAR10("any", False, np.asarray, str, download=True)
    image, label = marked[3]
    assert isinstance(marked, CIFAR10)
    assert (image.shape, image.dtype, label) == ((32, 32, 3), np.uint8, "3")
    assert len(marked) == len(marked.targets) == len(marked.data)
    assert marked.classes[marked.class_to_idx["7"]] == "7"


@pytest.mark.parametrize("images", SETS, ids=["train", "test"])
def test_any_first_tens_hold_all_classes_alike(images: SampleCIFAR10) -> None:
    for count in (10, 50, len(images)):
        assert set(np.bincount(images.targets[:count])) == {count // 10}


def test_no_image_is_in_both_sets_or_twice() -> None:
    images = np.concatenate([part.data for part in SETS])
    assert len({image.tobytes() for image in images}) == len(images)


def test_every_machine_gets_the_same_bytes() -> None:
    digests = [hashlib.sha256(part.data.tobytes()).hexdigest()[:16] for part in SETS]
    assert digests == ["6fa276db55c54239", "c90ce3bc9bacfcaf"]


def test_a_pixel_becomes_three_wide_on_white_paper() -> None:
    ink = np.zeros((1, 8, 8), np.uint8)
    ink[0, 0, 7] = 240
    (page,) = enlarge(ink)
    assert page.min() == page[5, 26] == 255 - 240
    inked = page < 255
    assert inked.any(1).nonzero()[0].tolist() == [3, 4, 5, 6, 7]
    assert inked.any(0).nonzero()[0].tolist() == [24, 25, 26, 27, 28]


def test_the_nearest_other_image_mostly_shows_the_same_digit() -> None:
    (train, labels), (test, truth) = (as_tensors(part) for part in SETS)
    distances = torch.cdist(test[:, 0].flatten(1).float(), train[:, 0].flatten(1).float())
    found = labels[distances.argmin(1)]
    assert (found == truth).float().mean() > 0.8
    assert len(CLASSES) == 10
