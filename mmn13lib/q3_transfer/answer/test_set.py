"""What the figure of the test set to play with shows: its images and both models' opinions."""

import base64
from io import BytesIO
from typing import Any

import numpy as np
from PIL import Image

from mmn13lib.q3_transfer.answer.comparison import MODELS, ModelComparison
from mmn13lib.q3_transfer.answer.figures import NAMES
from mmn13lib.q3_transfer.results import metrics
from mmn13lib.q3_transfer.results.records import Results

PER_CELL = 12
COLUMNS = 40
CAPTION = (
    "The test set. Rows are true classes, columns predicted ones; choose a cell to see its images. "
    "The bars are the probabilities of the ten classes, the true one in green: above the new "
    "head's, below SmallResNet's."
)


def the_test_set(
    results: Results, comparison: ModelComparison, images: np.ndarray
) -> dict[str, Any]:
    """Return what JSON can write: of uint8 images (N, 32, 32, 3) those that a cell may show.

    Of each cell of either confusion matrix these are the ones that the model is surest of.
    """
    labels = results.head.test_labels
    opinions = [metrics.softmax(getattr(results, name).test_logits) for name in MODELS]
    given = [opinion.argmax(axis=1) for opinion in opinions]
    chosen: set[int] = set()
    for opinion, predicted in zip(opinions, given, strict=True):
        surest_first = np.argsort(-opinion.max(axis=1), kind="stable")
        cells = labels[surest_first] * len(results.classes) + predicted[surest_first]
        for cell in np.unique(cells):
            chosen |= set(surest_first[cells == cell][:PER_CELL].tolist())
    # the surest first in every cell of the head's matrix
    order = sorted(chosen, key=lambda i: -max(opinion[i].max() for opinion in opinions))
    counts = sorted({point.count for point in comparison.study})
    return {
        "caption": CAPTION,
        "start": comparison.largest_confusions[0],
        "classes": results.classes,
        "models": [NAMES[name] for name in MODELS],
        "stamp": results.inputs.stamp,
        "confusion": [getattr(comparison, name).confusion.tolist() for name in MODELS],
        "counts": counts,
        "curve": [_accuracies(comparison, count) for count in counts],
        "columns": COLUMNS,
        "sprite": _sprite(images[order]),
        "images": [
            {
                "index": i,
                "true": int(labels[i]),
                "given": [int(predicted[i]) for predicted in given],
                "percent": [
                    (100 * opinion[i]).round().astype(int).tolist() for opinion in opinions
                ],
            }
            for i in order
        ],
    }


def _accuracies(comparison: ModelComparison, count: int) -> str:
    """Say how often each model that was trained on a number of labelled images is right."""
    means = {point.model: point.mean for point in comparison.study if point.count == count}
    shares = [f"{NAMES[name]} {means[name]:.1%}" for name in MODELS if name in means]
    return f"{count:,} labelled images: {', '.join(shares)}"


def _sprite(images: np.ndarray) -> str:
    """Return images side by side, `COLUMNS` in a row, as one WebP in a data URL."""
    height, width = images.shape[1:3]
    sheet = Image.new("RGB", (COLUMNS * width, -(-len(images) // COLUMNS) * height))
    for place, image in enumerate(images):
        row, column = divmod(place, COLUMNS)
        sheet.paste(Image.fromarray(image), (column * width, row * height))
    file = BytesIO()
    sheet.save(file, "WEBP", quality=60)
    return f"data:image/webp;base64,{base64.b64encode(file.getvalue()).decode()}"
