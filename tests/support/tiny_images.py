"""A small training of SmallResNet: settings and images, each class in a colour of its own."""

import torch

from mmn13lib.q3_transfer.training.from_scratch import SmallResNetSettings

TINY = SmallResNetSettings(channels=(4, 8, 8), num_epochs=3, batch_size=8, max_lr=0.05)


def tiny_images(num_images: int = 24) -> tuple[torch.Tensor, torch.Tensor]:
    """Two classes, dark and bright."""
    generator = torch.Generator().manual_seed(0)
    labels = torch.arange(num_images) % 2
    images = torch.randint(0, 100, (num_images, 3, 32, 32), generator=generator)
    return (images + 120 * labels[:, None, None, None]).to(torch.uint8), labels
