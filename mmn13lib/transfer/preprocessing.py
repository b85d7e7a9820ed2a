"""Fit 32 x 32 images to what the ImageNet networks were trained on: the question's transforms."""

import torch
from torchvision import transforms

IMAGE_SIZE = 224
MEAN = (0.485, 0.456, 0.406)
STD = (0.229, 0.224, 0.225)


def per_image() -> transforms.Compose:
    """Make the question's transforms, for one PIL image at a time.

    Returns
    -------
    torchvision.transforms.Compose
        From a PIL image to float32 (3, 224, 224): bilinear resize, [0, 1], normalisation with
        ImageNet's mean and standard deviation.
    """
    return transforms.Compose(
        [
            transforms.Resize((IMAGE_SIZE, IMAGE_SIZE)),
            transforms.ToTensor(),
            transforms.Normalize(MEAN, STD),
        ]
    )


def batched() -> transforms.Compose:
    """Make the same transforms for a batch of image tensors.

    Enlarging averages pixels and normalising is affine, so their order does not matter; the
    small images are normalised, which is 49 times less work.

    Returns
    -------
    torchvision.transforms.Compose
        From uint8 (N, 3, 32, 32) to float32 (N, 3, 224, 224), the same as `per_image` to within
        one grey level (1/255 before normalisation), since PIL rounds to whole grey levels.

    Examples
    --------
    >>> batched()(torch.zeros(2, 3, 32, 32, dtype=torch.uint8)).shape
    torch.Size([2, 3, 224, 224])
    """
    return transforms.Compose(
        [
            transforms.ConvertImageDtype(torch.float32),
            transforms.Normalize(MEAN, STD),
            transforms.Resize((IMAGE_SIZE, IMAGE_SIZE), antialias=True),
        ]
    )
