"""The figure of the test set has the images of every cell, and what both models say of them."""

import base64
from io import BytesIO

import numpy as np
from PIL import Image

from mmn13lib.q3_transfer.answer.comparison import compare
from mmn13lib.q3_transfer.answer.test_set import COLUMNS, PER_CELL, the_test_set


def test_each_cell_has_its_surest_images_and_each_image_its_place(made_up_results):
    results = made_up_results(mode="sample")
    comparison = compare(results)
    grey = np.arange(2000) % 200
    pixels = np.broadcast_to(grey[:, None, None, None], (2000, 32, 32, 3)).astype(np.uint8)
    data = the_test_set(results, comparison, pixels)
    shown = data["images"]
    for model, matrix in enumerate(data["confusion"]):
        for (row, column), count in np.ndenumerate(matrix):
            there = [one for one in shown if (one["true"], one["given"][model]) == (row, column)]
            assert min(count, PER_CELL) <= len(there) <= count
    for one in shown:
        assert all(abs(sum(percent) - 100) <= 5 for percent in one["percent"])
        assert one["true"] == results.head.test_labels[one["index"]]
    sheet = Image.open(BytesIO(base64.b64decode(data["sprite"].partition(",")[2])))
    for place, one in enumerate(shown):
        left, top = place % COLUMNS * 32, place // COLUMNS * 32
        assert abs(sheet.convert("L").getpixel((left + 16, top + 16)) - grey[one["index"]]) < 8
    assert data["stamp"] == "sample, not CIFAR-10"
    assert data["counts"] == [100, 2000, 45_000] and len(data["curve"]) == 3
