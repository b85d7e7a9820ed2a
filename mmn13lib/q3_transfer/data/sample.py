"""An embedded sample in CIFAR-10's file format, for where CIFAR-10 can't be had.

Ten drawn patterns in random colours, sizes and places, under noise. They are made from a seed
with whole numbers only, so every machine makes the same bytes, which the checksums hold.
"""

import pickle
from collections.abc import Callable
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
from torchvision.datasets import CIFAR10
from torchvision.datasets.utils import check_integrity

from mmn13lib.foundation import storage

SEED = 13
NUM_TRAIN = 600
NUM_TEST = 200
NOISE = 40  # grey levels, either way

CLASSES = (
    "disc", "ring", "square", "frame", "triangle",
    "cross", "rows", "columns", "diagonals", "checks",
)  # fmt: skip


class SampleCIFAR10(CIFAR10):
    """The sample, read as torchvision reads CIFAR-10, with checksums of its own.

    It is drawn into the folder `root` when it is absent there or damaged.
    """

    base_folder = "cifar-10-sample-py"
    train_list: ClassVar = [["data_batch_1", "8837a7c2005a934b05ccf32a88754e34"]]
    test_list: ClassVar = [["test_batch", "6e0670553a2a9b46b1b68afc4274c337"]]
    meta: ClassVar = {
        "filename": "batches.meta",
        "key": "label_names",
        "md5": "67d6dc6ce23a957baa0b73d545985ac2",
    }

    def __init__(
        self, root: str | Path, train: bool = True, transform: Callable[..., Any] | None = None
    ) -> None:
        folder = Path(root) / self.base_folder
        names = (self.meta["filename"], self.meta["md5"])
        listed = (*self.train_list, *self.test_list, names)
        if not all(check_integrity(folder / name, md5) for name, md5 in listed):
            for name, content in batch_files().items():
                storage.write_bytes(folder / name, content)
        super().__init__(root, train, transform)


def batch_files() -> dict[str, bytes]:
    """Draw the sample as CIFAR-10's files: a training batch, a test batch, the classes' names."""
    random = np.random.RandomState(SEED)  # its stream is frozen, unlike default_rng's
    labels = np.arange(NUM_TRAIN + NUM_TEST) % len(CLASSES)
    images = np.stack([_draw_one(CLASSES[label], random) for label in labels])
    return {
        "data_batch_1": _batch("training batch 1 of 1", images[:NUM_TRAIN], labels[:NUM_TRAIN]),
        "test_batch": _batch("testing batch 1 of 1", images[NUM_TRAIN:], labels[NUM_TRAIN:]),
        "batches.meta": _pickle(
            {"num_cases_per_batch": NUM_TRAIN, "label_names": list(CLASSES), "num_vis": 3072}
        ),
    }


def _draw_one(pattern: str, random: np.random.RandomState) -> np.ndarray:
    mask = _mask(pattern, random)
    background = random.randint(0, 256, 3)
    foreground = (background + random.randint(64, 193, 3)) % 256
    colours = np.where(mask[None], foreground[:, None, None], background[:, None, None])
    noise = random.randint(-NOISE, NOISE + 1, (3, 32, 32))
    return np.clip(colours + noise, 0, 255).astype(np.uint8)


def _mask(name: str, random: np.random.RandomState) -> np.ndarray:
    """Tell which pixels (32, 32) are the pattern's."""
    top, left = random.randint(11, 21, 2)
    radius = random.randint(6, 11)
    width = random.randint(2, 5)
    y, x = np.mgrid[:32, :32]
    down, right = y - top, x - left
    distance = np.maximum(abs(down), abs(right))
    squared = down**2 + right**2
    masks = {
        "disc": squared <= radius**2,
        "ring": (squared <= radius**2) & (squared > (radius - 3) ** 2),
        "square": distance <= radius,
        "frame": (distance <= radius) & (distance > radius - 3),
        "triangle": (2 * abs(right) <= down + radius) & (down <= radius),
        "cross": (np.minimum(abs(down), abs(right)) <= 1) & (distance <= radius),
        "rows": down // width % 2 == 0,
        "columns": right // width % 2 == 0,
        "diagonals": (down + right) // width % 2 == 0,
        "checks": (down // width + right // width) % 2 == 0,
    }
    return masks[name]


def _batch(label: str, images: np.ndarray, labels: np.ndarray) -> bytes:
    return _pickle(
        {
            "batch_label": label,
            "labels": labels.tolist(),
            "data": images.reshape(len(images), -1),
            "filenames": [f"{number:04}.png" for number in range(len(images))],
        }
    )


def _pickle(value: dict[str, Any]) -> bytes:
    # NumPy 2 renamed the module; CIFAR-10's own files, and thus ours, have the older name
    return pickle.dumps(value, protocol=2).replace(b"cnumpy._core.", b"cnumpy.core.")
