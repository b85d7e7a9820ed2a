"""The sample: real digits in CIFAR-10's interface, the same on every machine."""

import hashlib
import inspect

import numpy as np
import pytest
from torchvision.datasets import CIFAR10

from mmn13lib.q3_transfer.data.sample import SampleCIFAR10

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
    assert digests == ["1fceb8fc4539a67e", "6991040162aa8f96"]
