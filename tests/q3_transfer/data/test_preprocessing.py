"""Both ways to fit images to the network give the same pixels."""

import pytest
import torch
from torchvision import transforms
from torchvision.transforms.functional import to_pil_image

from mmn13lib.q3_transfer.data.preprocessing import MEAN, STD, preprocess

# as in the chapter
SINGLY = transforms.Compose([
    transforms.Resize((224, 224)),
    transforms.ToTensor(),
    transforms.Normalize([0.485, 0.456, 0.406], [0.229, 0.224, 0.225]),
])  # fmt: skip


@pytest.mark.parametrize(("dtype", "tolerance"), [(torch.float32, 0.001), (torch.bfloat16, 0.5)])
def test_a_batch_gets_the_pixels_of_the_questions_transforms(
    dtype: torch.dtype, tolerance: float
) -> None:
    images = torch.randint(0, 256, (8, 3, 32, 32), dtype=torch.uint8)
    singly = torch.stack([SINGLY(to_pil_image(image)) for image in images])
    grey_level = 1 / 255 / torch.tensor(STD)[:, None, None]
    difference = (preprocess(images, dtype).float() - singly).abs() / grey_level
    assert difference.mean() < tolerance
    assert difference.max() < 1 + tolerance


def test_images_end_in_imagenets_mean_and_deviation() -> None:
    grey = torch.full((1, 3, 32, 32), 128, dtype=torch.uint8)
    expected = (128 / 255 - torch.tensor(MEAN)) / torch.tensor(STD)
    assert torch.allclose(preprocess(grey)[0, :, 100, 100], expected, atol=1e-5)
