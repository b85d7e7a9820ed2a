"""CIFAR-10 as a PyTorch Dataset and as tensors, and its stratified split."""

import torch
from torch import Tensor
from torchvision.datasets import CIFAR10

from mmn13lib.q3_transfer.data.inputs import Inputs
from mmn13lib.q3_transfer.data.sample import SampleCIFAR10


def dataset(inputs: Inputs, train: bool) -> CIFAR10:
    """Return CIFAR-10, or the sample in its place."""
    return (SampleCIFAR10 if inputs.mode == "sample" else CIFAR10)(inputs.data, train)


def as_tensors(images: CIFAR10) -> tuple[Tensor, Tensor]:
    """Return all images, uint8 (N, 3, 32, 32), and labels, int64 (N,), without any transform."""
    return torch.from_numpy(images.data).permute(0, 3, 1, 2), torch.tensor(images.targets)


def stratified_split(labels: Tensor, num_drawn: int, seed: int) -> tuple[Tensor, Tensor]:
    """Return a random split, with every class in the same proportion on both sides.

    Parameters
    ----------
    labels
        int64 (N,).
    num_drawn
        Size of the second part; classes get equal shares of it (to within one image) if they
        are equally many.
    seed
        Of the choice.

    Returns
    -------
    rest, drawn : Tensor
        Indices, ascending.

    Examples
    --------
    >>> labels = torch.tensor([0, 1] * 4)
    >>> rest, drawn = stratified_split(labels, num_drawn=4, seed=0)
    >>> sorted(labels[drawn].tolist())
    [0, 0, 1, 1]
    """
    generator = torch.Generator().manual_seed(seed)
    order = torch.randperm(len(labels), generator=generator)
    # each image's place within its class, from 0 to 1: the smallest are drawn
    place = torch.empty(len(labels), dtype=torch.float64)
    for label in labels.unique():
        members = order[labels[order] == label]
        place[members] = (torch.arange(len(members), dtype=torch.float64) + 0.5) / len(members)
    drawn = torch.zeros(len(labels), dtype=torch.bool)
    drawn[order[place[order].argsort(stable=True)[:num_drawn]]] = True
    return (~drawn).nonzero().flatten(), drawn.nonzero().flatten()
