"""Time question 3: features against the bare network, and against training the usual way."""

import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor
from torch.utils.data import DataLoader, Subset

from mmn13lib.benchmarks import measurements
from mmn13lib.foundation.hardware import load_watch
from mmn13lib.foundation.settings import Settings
from mmn13lib.q3_transfer.data.datasets import as_tensors, dataset
from mmn13lib.q3_transfer.data.inputs import Inputs, resolve
from mmn13lib.q3_transfer.data.preprocessing import per_image, preprocess
from mmn13lib.q3_transfer.experiment.step_features import peak_memory
from mmn13lib.q3_transfer.experiment.store import stored_features
from mmn13lib.q3_transfer.models.backbone import NUM_FEATURES, TransferResNet, new_head
from mmn13lib.q3_transfer.models.devices import choose_device, choose_dtype
from mmn13lib.q3_transfer.models.features import BATCH_SIZE, feature_network
from mmn13lib.q3_transfer.training.head import HeadSettings, train_head
from mmn13lib.writing.tables import markdown_table

NUM_TRAIN, NUM_EPOCHS = 45_000, HeadSettings().num_epochs
MEASURED = ("mmn13lib.q3_transfer.experiment.store", "mmn13lib.q3_transfer.training.head")


def run(settings: Settings, quick: bool = False) -> dict[str, Any]:
    """Measure, print the table and store the result; the quick way with a batch of images.

    Every way goes once through the same number of images, in batches of the same size, after one
    batch to warm up.
    """
    inputs, device = resolve(settings), choose_device()
    dtype, count = choose_dtype(device), BATCH_SIZE if quick else 1024
    epochs = 1 if quick else NUM_EPOCHS
    with load_watch() as load:
        measured = {
            **_features(inputs, device, dtype, count),
            "usual_images_per_second": count / _usual_seconds(inputs, device, count),
            "head_epoch_seconds": _head_seconds(epochs) / epochs,
        }
    result = {
        "quick": quick,
        "device": device.type,
        "precision": str(dtype).removeprefix("torch."),
        "images": count,
        **measured,
        **computed(measured),
    }
    measurements.save(settings, "transfer", result, MEASURED, load)
    print(table(result))
    return result


def computed(measured: dict[str, Any]) -> dict[str, Any]:
    """Compute what a whole training takes from what was measured, and split the gain in two.

    ``epochs_gain`` is what a single pass saves, at the usual way's speed: at most the number of
    epochs. ``pass_gain`` is the rest, a quicker pass: precision, folded BatchNorm, transforms in
    batches.
    """
    one_pass = NUM_TRAIN / measured["usual_images_per_second"]
    features = NUM_TRAIN / measured["extraction_images_per_second"]
    head = measured["head_epoch_seconds"] * NUM_EPOCHS
    usual = one_pass * NUM_EPOCHS
    return {
        "epochs": NUM_EPOCHS,
        "head_seconds": head,
        "usual_seconds": usual,
        "our_seconds": features + head,
        "speedup": usual / (features + head),
        "epochs_gain": usual / (one_pass + head),
        "pass_gain": (one_pass + head) / (features + head),
    }


def table(result: dict[str, Any]) -> str:
    """Lay the result out in Markdown, what was measured before what was computed from it."""
    whole = f"{NUM_EPOCHS} epochs on {NUM_TRAIN:,} images"
    peaks = " and ".join(f"{size / 1e9:.2f} GB" for size in result["peak_memory"])
    rows = [
        *(
            (what, f"{result[f'{name}_images_per_second']:,.0f} images/s", "measured")
            for what, name in (
                ("network alone, ready tensors", "ready"),
                ("features, from CIFAR images", "extraction"),
                ("a pass the usual way", "usual"),
            )
        ),
        (f"memory, {result['images']:,} images and four times as many", peaks, "measured"),
        ("an epoch of the head", f"{result['head_epoch_seconds']:.2f} s", "measured"),
        (f"{whole}, the usual way", f"{result['usual_seconds'] / 3600:.1f} h", "computed"),
        (f"{whole}, features stored", f"{result['our_seconds'] / 60:.1f} min", "computed"),
        ("gain, one pass instead of all", f"{result['epochs_gain']:.1f} times", "computed"),
        ("gain, a quicker pass", f"{result['pass_gain']:.1f} times", "computed"),
    ]
    return markdown_table(["what", result["precision"], "how"], rows, align="lrl")


def _features(
    inputs: Inputs, device: torch.device, dtype: torch.dtype, count: int
) -> dict[str, Any]:
    """Time the stored features, and the bare network on tensors that are ready for it."""
    images, _ = as_tensors(dataset(inputs, train=True))
    images = images.repeat(-(-4 * count // len(images)), 1, 1, 1)[: 4 * count]  # a sample has fewer
    network = feature_network(TransferResNet.from_weights(inputs.weights), device, dtype)
    ready = preprocess(images[:BATCH_SIZE].to(device), dtype)
    ready = ready.contiguous(memory_format=torch.channels_last)

    @torch.inference_mode()
    def bare() -> None:
        for _ in range(count // BATCH_SIZE):
            network(ready).float().cpu()

    with tempfile.TemporaryDirectory() as folder:

        def whole(part: Tensor, name: str) -> float:
            return _seconds(
                lambda: stored_features(Path(folder, name), part, lambda: network, print)
            )

        whole(images[:BATCH_SIZE], "warm-up")
        seconds, peak = whole(images[:count], "features"), peak_memory()
        stored = sum(file.stat().st_size for file in Path(folder, "features").glob("*.safetensors"))
        whole(images, "four times as many")
    return {
        "extraction_images_per_second": count / seconds,
        "ready_images_per_second": count / _seconds(bare),
        "peak_memory": [peak, peak_memory()],
        "feature_bytes_per_image": stored / count,
    }


def _head_seconds(num_epochs: int) -> float:
    """Time the head's training; its speed does not depend on what the features are."""
    features, labels = torch.randn(NUM_TRAIN, NUM_FEATURES), torch.arange(NUM_TRAIN) % 10
    settings = HeadSettings(num_epochs=num_epochs)
    return _seconds(lambda: train_head(new_head(10, 0), features, labels, settings, seed=0))


def _usual_seconds(inputs: Inputs, device: torch.device, count: int) -> float:
    """Time a pass of the usual training: PIL transforms, a DataLoader, the whole network."""
    model = TransferResNet.from_weights(inputs.weights).to(device).train()
    optimizer = torch.optim.AdamW(model.fc.parameters())
    images = dataset(inputs, train=True, transform=per_image())

    def one_pass(count: int) -> None:
        chosen = Subset(images, [index % len(images) for index in range(count)])
        for batch, labels in DataLoader(chosen, batch_size=BATCH_SIZE, shuffle=True):
            loss = F.cross_entropy(model(batch.to(device)), labels.to(device))
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()

    one_pass(BATCH_SIZE)
    return _seconds(lambda: one_pass(count))


def _seconds(work: Callable[[], object]) -> float:
    begin = time.perf_counter()
    work()
    return time.perf_counter() - begin
