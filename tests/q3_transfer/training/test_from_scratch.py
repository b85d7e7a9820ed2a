"""SmallResNet: what it is shown, and that its training loses nothing."""

from dataclasses import replace

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from support.tiny_images import TINY, tiny_images
from torch import nn

from mmn13lib.q3_transfer.training.from_scratch import (
    crop_and_flip,
    predict_logits,
    train_small_resnet,
)


@given(st.integers(0, 2**32), st.integers(1, 4))
@settings(max_examples=25, deadline=None)
def test_a_crop_is_a_window_of_the_padded_image_or_its_mirror_image(seed, padding):
    image = torch.arange(2 * 6 * 6, dtype=torch.uint8).view(1, 2, 6, 6)
    crop = crop_and_flip(image, padding, torch.Generator().manual_seed(seed))[0]
    padded = nn.functional.pad(image.float(), [padding] * 4, mode="reflect").to(torch.uint8)[0]
    windows = padded.unfold(1, 6, 1).unfold(2, 6, 1).permute(1, 2, 0, 3, 4).reshape(-1, 2, 6, 6)
    assert any(torch.equal(crop, w) or torch.equal(crop.flip(-1), w) for w in windows)


def test_every_shift_and_its_mirror_image_is_drawn():
    images = torch.arange(6 * 6, dtype=torch.uint8).view(1, 1, 6, 6).repeat(1000, 1, 1, 1)
    crops = crop_and_flip(images, 1, torch.Generator().manual_seed(0))
    assert len(crops.flatten(1).unique(dim=0)) == 3 * 3 * 2


def test_it_learns_to_tell_dark_from_bright():
    images, labels = tiny_images()
    model, records = train_small_resnet(images, labels, replace(TINY, num_epochs=8), 0, "cpu")
    assert len(records) == 8
    assert not model.training
    logits = predict_logits(model, images, "cpu")
    assert torch.equal(logits.argmax(1), labels)
    assert torch.equal(predict_logits(model.train(), images, "cpu"), logits)


def test_a_seed_gives_the_same_bits_and_another_seed_others():
    images, labels = tiny_images()
    first, _ = train_small_resnet(images, labels, TINY, 0, "cpu")
    torch.rand(3)  # the caller's own random numbers do not matter
    second, _ = train_small_resnet(images, labels, TINY, 0, "cpu")
    other, _ = train_small_resnet(images, labels, TINY, 1, "cpu")
    assert torch.equal(first.head.weight, second.head.weight)
    assert not torch.equal(first.head.weight, other.head.weight)


class Killed(BaseException):
    """Stands for SIGKILL: nothing in the package may catch it."""


@pytest.mark.parametrize("updates", [0, 2, 3])
def test_killed_and_resumed_it_ends_with_the_bits_of_an_undisturbed_run(tmp_path, updates):
    images, labels = tiny_images(20)  # two full batches of 8 in each epoch
    counts = []

    def kill(count):
        counts.append(count)
        if len(counts) > updates + 1:  # the first call tells what an earlier run has done
            raise Killed

    def train(checkpoint, on_batch=None):
        return train_small_resnet(images, labels, TINY, 0, "cpu", checkpoint, on_batch=on_batch)

    undisturbed, history = train(None)
    with pytest.raises(Killed):
        train(tmp_path / "checkpoint", kill)
    counts = []
    killed, resumed = train(tmp_path / "checkpoint", counts.append)
    assert counts[0] == 16 * (updates // 2)  # only whole epochs are kept
    assert sum(counts) == 48
    for name, tensor in undisturbed.state_dict().items():
        assert torch.equal(tensor, killed.state_dict()[name]), name
    assert [replace(r, seconds=0) for r in resumed] == [replace(r, seconds=0) for r in history]
