"""The data set, its transforms and its split."""

from pathlib import Path

import torch
from hypothesis import given
from hypothesis import strategies as st

from mmn13lib.q3_transfer.data.datasets import as_tensors, dataset, stratified_split
from mmn13lib.q3_transfer.data.inputs import Inputs

SAMPLE = Inputs("sample", Path("nowhere"), None, "random weights", {})


def test_tensors_hold_the_images_and_their_labels() -> None:
    images = dataset(SAMPLE, train=False)
    pixels, labels = as_tensors(images)
    assert pixels.dtype == torch.uint8
    assert pixels.shape == (len(images), 3, 32, 32)
    assert labels.tolist() == images.targets
    assert (pixels[5].permute(1, 2, 0).numpy() == images.data[5]).all()


@given(
    st.lists(st.integers(0, 4), min_size=1, max_size=200),
    st.floats(0, 1),
    st.integers(0, 2**32 - 1),
)
def test_a_split_keeps_every_image_once_and_the_classes_in_proportion(
    labels: list[int], share: float, seed: int
) -> None:
    truth = torch.tensor(labels)
    count = round(share * len(labels))
    kept, held_out = stratified_split(truth, count, seed)
    assert sorted([*kept.tolist(), *held_out.tolist()]) == list(range(len(labels)))
    assert len(held_out) == count
    for label in set(labels):
        expected = count * labels.count(label) / len(labels)
        # each class is rounded, and the last few places go where there is room
        assert abs(int((truth[held_out] == label).sum()) - expected) <= 3


def test_a_split_of_equal_classes_is_exact_and_follows_the_seed() -> None:
    labels = torch.arange(1000) % 10
    _, first = stratified_split(labels, 100, seed=0)
    assert labels[first].bincount().tolist() == [10] * 10
    assert torch.equal(first, stratified_split(labels, 100, seed=0)[1])
    assert not torch.equal(first, stratified_split(labels, 100, seed=1)[1])
