"""Time question 3: features against the bare network, and against training the usual way."""

import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.utils.data import DataLoader, Subset

from mmn13lib.benchmarks import measurements
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

NUM_IMAGES = 60_000  # CIFAR-10's
NUM_TRAIN = 45_000
NUM_EPOCHS = 20
MEASURED = ("mmn13lib.q3_transfer.experiment.store", "mmn13lib.q3_transfer.training.head")


def run(settings: Settings, quick: bool = False) -> dict[str, Any]:
    """Measure, print the table and store the result.

    Parameters
    ----------
    settings
        The data and where to store the result; the embedded sample will do.
    quick
        Fewer images: about 30 seconds.

    Returns
    -------
    dict
        What was stored; times in seconds, sizes in bytes.
    """
    inputs = resolve(settings)
    device = choose_device()
    dtype = choose_dtype(device)
    images, _ = as_tensors(dataset(inputs, train=True))
    count = 2 * BATCH_SIZE if quick else 1024
    images = images.repeat(-(-4 * count // len(images)), 1, 1, 1)[: 4 * count]  # a sample has fewer
    network = feature_network(TransferResNet.from_weights(inputs.weights), device, dtype)
    result = {
        "quick": quick,
        "device": device.type,
        "precision": str(dtype).removeprefix("torch."),
        "images": count,
        **_extraction(network, images, count),
        "head_seconds": _head_seconds(1 if quick else NUM_EPOCHS),
        "usual_seconds_per_image": _usual_seconds(inputs, device, count // 2 if quick else 1000),
    }
    usual = result["usual_seconds_per_image"] * NUM_TRAIN * NUM_EPOCHS
    ours = NUM_TRAIN / result["extraction_images_per_second"] + result["head_seconds"]
    result |= {"usual_seconds": usual, "our_seconds": ours, "speedup": usual / ours}
    measurements.save(settings, "transfer", result, modules=MEASURED)
    print(table(result))
    return result


def table(result: dict[str, Any]) -> str:
    """Lay the result out for reading.

    Parameters
    ----------
    result
        As `run` gives it.

    Returns
    -------
    str
        A Markdown table.
    """
    share = result["extraction_images_per_second"] / result["ready_images_per_second"]
    rows = [
        ("network alone, ready tensors", f"{result['ready_images_per_second']:,.0f} images/s"),
        ("features, from CIFAR images", f"{result['extraction_images_per_second']:,.0f} images/s"),
        ("the second as a share of the first", f"{share:.2f}"),
        (
            f"peak memory, {result['images']:,} images and four times as many",
            " and ".join(f"{size / 1e9:.2f} GB" for size in result["peak_memory"]),
        ),
        (f"features of {NUM_IMAGES:,} images", f"{result['feature_bytes'] / 1e6:.1f} MB"),
        (
            f"head, {NUM_EPOCHS} epochs on {NUM_TRAIN:,} features",
            f"{result['head_seconds']:.1f} s",
        ),
        (
            f"{NUM_EPOCHS} epochs on {NUM_TRAIN:,} images, the usual way",
            f"{result['usual_seconds'] / 3600:.1f} h",
        ),
        ("the same from stored features", f"{result['our_seconds'] / 60:.1f} min"),
        ("gain", f"{result['speedup']:.0f} times"),
    ]
    return markdown_table(["measured", result["precision"]], rows, align="lr")


def _extraction(network: nn.Module, images: Tensor, count: int) -> dict[str, Any]:
    """Time features beside the bare network, in turns, so that both meet the same machine."""
    weight = next(network.parameters())
    ready = preprocess(images[:BATCH_SIZE].to(weight.device), weight.dtype)
    ready = ready.contiguous(memory_format=torch.channels_last)

    def bare() -> None:
        with torch.inference_mode():
            for _ in range(count // BATCH_SIZE):
                network(ready).float().cpu()

    with tempfile.TemporaryDirectory() as folder:

        def whole(part: Tensor, name: str) -> float:
            begin = time.perf_counter()
            stored_features(Path(folder) / name, part, lambda: network, print)
            return time.perf_counter() - begin

        whole(images[:BATCH_SIZE], "warm-up")
        rounds = [(whole(images[:count], f"{turn}"), _seconds(bare)) for turn in range(3)]
        files = list((Path(folder) / "0").glob("*.safetensors"))
        stored = sum(file.stat().st_size for file in files)
        peak = [peak_memory()]
        whole(images, "larger")
        peak.append(peak_memory())
    return {
        "extraction_images_per_second": count / min(seconds for seconds, _ in rounds),
        "ready_images_per_second": count / min(seconds for _, seconds in rounds),
        "peak_memory": peak,
        "feature_bytes": stored * NUM_IMAGES // count,
    }


def _head_seconds(num_epochs: int) -> float:
    """Time the head's training; its speed does not depend on what the features are."""
    features, labels = torch.randn(NUM_TRAIN, NUM_FEATURES), torch.arange(NUM_TRAIN) % 10
    settings = HeadSettings(num_epochs=num_epochs)
    seconds = _seconds(lambda: train_head(new_head(10, 0), features, labels, settings, seed=0))
    return seconds * NUM_EPOCHS / num_epochs


def _usual_seconds(inputs: Inputs, device: torch.device, count: int) -> float:
    """Time an image in the usual training: PIL transforms, a DataLoader, the whole network."""
    model = TransferResNet.from_weights(inputs.weights).to(device).train()
    optimizer = torch.optim.AdamW(model.fc.parameters())
    images = dataset(inputs, train=True, transform=per_image())
    chosen = Subset(images, [index % len(images) for index in range(count)])
    loader = DataLoader(chosen, batch_size=BATCH_SIZE, shuffle=True)

    def epoch() -> None:
        for batch, labels in loader:
            loss = F.cross_entropy(model(batch.to(device)), labels.to(device))
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()

    return _seconds(epoch) / count


def _seconds(work: Callable[[], object]) -> float:
    begin = time.perf_counter()
    work()
    return time.perf_counter() - begin
