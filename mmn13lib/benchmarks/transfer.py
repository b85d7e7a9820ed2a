"""Time question 3: features against the bare network, and against training the usual way."""

import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import psutil
import torch
import torch.nn.functional as F
from torch import Tensor
from torch.utils.data import DataLoader, Subset

from mmn13lib.benchmarks import measurements
from mmn13lib.foundation.hardware import load_watch
from mmn13lib.foundation.settings import Settings
from mmn13lib.q3_transfer.data.datasets import as_tensors, dataset
from mmn13lib.q3_transfer.data.inputs import Inputs, resolve
from mmn13lib.q3_transfer.data.preprocessing import per_image
from mmn13lib.q3_transfer.experiment.store import stored_features
from mmn13lib.q3_transfer.models.backbone import NUM_FEATURES, FrozenResNet18, new_head
from mmn13lib.q3_transfer.models.devices import choose_device, choose_dtype
from mmn13lib.q3_transfer.models.features import BATCH_SIZE, feature_network
from mmn13lib.q3_transfer.training.head import HeadSettings, train_head
from mmn13lib.writing.tables import markdown_table

NUM_TRAIN, NUM_EPOCHS = 45_000, HeadSettings().num_epochs
MODULES = ("mmn13lib.q3_transfer.experiment.store", "mmn13lib.q3_transfer.training.head")


def run(settings: Settings, quick: bool = False) -> dict[str, Any]:
    """Measure, print the table and store the result; the quick way with a quarter batch.

    Both ways go once through the same images, in batches of the same size, after one batch to
    warm up.
    """
    inputs, device = resolve(settings), choose_device()
    dtype, count = choose_dtype(device), BATCH_SIZE // 4 if quick else 1024
    epochs = 1 if quick else NUM_EPOCHS
    with load_watch() as load:
        measured = {
            **_features(inputs, device, dtype, count),
            "usual_seconds_per_image": _usual_seconds(inputs, device, count) / count,
            "head_seconds_per_epoch": _head_seconds(epochs) / epochs,
        }
    result = {"quick": quick, "images": count, "device": device.type, **measured}
    result |= {"precision": str(dtype).removeprefix("torch."), "computed": computed(measured)}
    measurements.save(settings, "transfer", result, MODULES, load)
    print(table(result))
    return result


def computed(measured: dict[str, Any]) -> dict[str, float]:
    """Compute a whole training from what was measured, and split the gain in two.

    ``epochs_gain`` is what a single pass saves, at the usual way's speed; ``pass_gain`` is the
    rest, a quicker pass: precision, folded BatchNorm, transforms in batches.
    """
    one_pass = NUM_TRAIN * measured["usual_seconds_per_image"]
    head = NUM_EPOCHS * measured["head_seconds_per_epoch"]
    usual, once = NUM_EPOCHS * one_pass, one_pass + head
    ours = NUM_TRAIN / measured["extraction_images_per_second"] + head
    gains = {"epochs_gain": usual / once, "pass_gain": once / ours, "gain": usual / ours}
    return {"usual_seconds": usual, "our_seconds": ours, **gains}


def table(result: dict[str, Any]) -> str:
    """Lay the result out in Markdown, what was measured before what was computed from it."""
    found = result["computed"]
    peaks = " and ".join(f"{size / 1e9:.2f} GB" for size in result["peak_memory"])
    memory = f"memory, {result['images']:,} images and four times as many"
    measured = [
        ("features", f"{result['extraction_images_per_second']:,.0f} images/s"),
        ("a pass the usual way", f"{1 / result['usual_seconds_per_image']:,.0f} images/s"),
        (memory, peaks),
        ("an epoch of the head", f"{result['head_seconds_per_epoch']:.2f} s"),
    ]
    whole = f"{NUM_EPOCHS} epochs on {NUM_TRAIN:,} images"
    computed = [
        (f"{whole}, the usual way", f"{found['usual_seconds'] / 3600:.1f} h"),
        (f"{whole}, features stored", f"{found['our_seconds'] / 60:.1f} min"),
        ("gain, one pass instead of all", f"{found['epochs_gain']:.1f} times"),
        ("gain, a quicker pass", f"{found['pass_gain']:.1f} times"),
    ]
    rows = [(*row, "measured") for row in measured] + [(*row, "computed") for row in computed]
    return markdown_table(["what", result["precision"], "how"], rows, align="lrl")


def _features(
    inputs: Inputs, device: torch.device, dtype: torch.dtype, count: int
) -> dict[str, Any]:
    """Time the features, and watch the memory for four times as many images."""
    images, _ = as_tensors(dataset(inputs, train=True))
    images = images.repeat(-(-4 * count // len(images)), 1, 1, 1)[: 4 * count]  # a sample has fewer
    network = feature_network(FrozenResNet18.from_weights(inputs.weights), device, dtype)
    with tempfile.TemporaryDirectory() as folder:

        def whole(part: Tensor, name: str) -> float:
            return _seconds(
                lambda: stored_features(Path(folder, name), part, lambda: network, print)
            )

        whole(images[: min(BATCH_SIZE, count)], "warm-up")
        seconds, peak = whole(images[:count], "features"), peak_memory()
        whole(images, "four times as many")
    return {"extraction_images_per_second": count / seconds, "peak_memory": [peak, peak_memory()]}


def peak_memory() -> int:
    """Tell the largest resident size in bytes that this process has had."""
    if sys.platform == "win32":  # which has no module resource
        return int(psutil.Process().memory_info().peak_wset)
    import resource

    unit = 1 if sys.platform == "darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit


def _head_seconds(num_epochs: int) -> float:
    """Time the head's training; its speed does not depend on what the features are."""
    features, labels = torch.randn(NUM_TRAIN, NUM_FEATURES), torch.arange(NUM_TRAIN) % 10
    settings = HeadSettings(num_epochs=num_epochs)
    return _seconds(lambda: train_head(new_head(10, 0), features, labels, settings, seed=0))


def _usual_seconds(inputs: Inputs, device: torch.device, count: int) -> float:
    """Time a pass of the usual training: PIL transforms, a DataLoader, the whole network."""
    model = FrozenResNet18.from_weights(inputs.weights).to(device).train()
    optimizer = torch.optim.AdamW(model.fc.parameters())
    images = dataset(inputs, train=True, transform=per_image())

    def one_pass(count: int) -> None:
        chosen = Subset(images, [index % len(images) for index in range(count)])
        for batch, labels in DataLoader(chosen, batch_size=BATCH_SIZE, shuffle=True):
            loss = F.cross_entropy(model(batch.to(device)), labels.to(device))
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()

    one_pass(min(BATCH_SIZE, count))
    return _seconds(lambda: one_pass(count))


def _seconds(work: Callable[[], object]) -> float:
    begin = time.perf_counter()
    work()
    return time.perf_counter() - begin
