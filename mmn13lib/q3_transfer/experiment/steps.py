"""What the experiment does, step by step; each step is found again if it was done before.

A step's key is made of the code that makes it, of the content that it starts from, and of what
computes it, so a change in one step leaves those before it, and those beside it, as they are.
"""

from dataclasses import asdict, replace
from functools import cached_property, partial
from importlib.metadata import version
from pathlib import Path
from types import ModuleType
from typing import Any

import torch
from torch import Tensor, nn

from mmn13lib.foundation.provenance import code_digest, key
from mmn13lib.foundation.settings import Settings
from mmn13lib.q3_transfer.data.datasets import as_tensors, dataset, stratified_split
from mmn13lib.q3_transfer.data.inputs import fingerprint, resolve
from mmn13lib.q3_transfer.experiment import (
    step_features,
    step_head,
    step_small_resnet,
    step_speed,
    step_trap,
)
from mmn13lib.q3_transfer.experiment.progress import images_done
from mmn13lib.q3_transfer.experiment.settings import ExperimentSettings
from mmn13lib.q3_transfer.experiment.store import (
    Progress,
    Step,
    joined,
    stored,
    stored_features,
    tensor_digest,
)
from mmn13lib.q3_transfer.models.devices import choose_device, choose_dtype

# Taken now, when the files are what has just been imported: code that is edited while the
# experiment runs, or waits for another one, must not lend its key to what this code makes.
code_digest.cache_clear()
CODE = {
    module.__name__: code_digest(module.__name__)
    for module in (step_features, step_head, step_small_resnet, step_speed, step_trap)
}


def environment() -> dict[str, str]:
    """Name what computes: results of another device, precision or version are other results."""
    device = choose_device()
    versions = {name: version(name) for name in ("torch", "torchvision")}
    return {"device": device.type, "dtype": str(choose_dtype(device)), **versions}


class Steps:
    """The steps of one run; images are uint8 (N, 3, 32, 32), `kept` and `held_out` indices."""

    def __init__(
        self, settings: Settings, config: ExperimentSettings | None, progress: Progress
    ) -> None:
        self.inputs, self.folder, self.progress = resolve(settings), settings.results, progress
        self.config = config or ExperimentSettings.for_mode(self.inputs.mode)
        self.device = choose_device()
        self.dtype = choose_dtype(self.device)
        self.environment = environment()
        self.weights = fingerprint(settings)["weights"]
        self.images, self.labels = self._data(train=True, count=self.config.num_train)
        self.test_images, self.test_labels = self._data(train=False, count=self.config.num_test)
        self.kept, self.held_out = self._split(self.labels, self.config.num_validation)

    def _data(self, train: bool, count: int | None) -> tuple[Tensor, Tensor]:
        images, labels = as_tensors(dataset(self.inputs, train))
        return images[:count], labels[:count]

    def _split(self, labels: Tensor, num_held_out: int) -> tuple[Tensor, Tensor]:
        return stratified_split(labels, num_held_out, self.config.split_seed)

    @cached_property
    def features(self) -> list[Step]:
        """The features of the training images, validation included, in shards."""
        return self._features("train", self.images, self.dtype)

    @cached_property
    def test_features(self) -> list[Step]:
        """The features of the test images, in shards."""
        return self._features("test", self.test_images, self.dtype)

    @cached_property
    def exact_features(self) -> list[Step]:
        """The features of the first test images at least in float32, in shards."""
        if self.dtype is torch.float32:
            return self.test_features
        return self._features("test", self.test_images[: self.config.precision_images])

    def features_folder(self, images: Tensor, dtype: torch.dtype) -> Path:
        """Name the folder of these images' features."""
        content = {"images": tensor_digest(images), "weights": self.weights, "dtype": str(dtype)}
        return self._path(step_features, **content).with_suffix("")

    def _features(
        self, part: str, images: Tensor, dtype: torch.dtype = torch.float32
    ) -> list[Step]:
        network = partial(step_features.network, self.inputs.weights, self.device, dtype)
        folder = self.features_folder(images, dtype)
        with images_done(f"Features, {part} images", len(images), self.progress) as add:
            return stored_features(folder, images, network, self.progress, add)

    def head(self, seed: int, count: int | None = None) -> Step:
        """Train a head on the features of all labelled images, or of `count` of them.

        The seed is that of the head, of the order, and of the choice of few images.
        """
        settings = self.config.head if count is None else self.config.head.for_images(count)
        features, test_features, digest = self._joined
        chosen = self._chosen(count, seed)
        path = self._path(
            step_head,
            features=digest,
            chosen=tensor_digest(chosen, self.held_out),
            settings=asdict(settings),
            seed=seed,
        )
        make = partial(
            step_head.make,
            (features[chosen], self.labels[chosen]),
            (features[self.held_out], self.labels[self.held_out]),
            test_features,
            settings,
            seed,
        )
        return stored(path, make, self.progress)

    def small_resnet(self, seed: int = 0, count: int | None = None) -> Step:
        """Train SmallResNet on all labelled images, or on `count` of them; the seed as for `head`.

        With few labels all are for learning from: only the main run is watched on validation.
        """
        settings = self.config.small_resnet_for(count)
        chosen, held_out = self._chosen(count, seed), self.held_out
        path = self._path(
            step_small_resnet,
            data=self._data_digest,
            chosen=tensor_digest(chosen, held_out),
            settings=asdict(settings),
            seed=seed,
        )
        checkpoint = path.with_suffix(".checkpoint")
        task = f"Small network, {'all' if count is None else f'{count:,}'} labels, seed {seed}"
        with images_done(task, settings.num_epochs * len(chosen), self.progress) as add:
            make = partial(
                step_small_resnet.make,
                (self.images[chosen], self.labels[chosen]),
                (self.images[held_out], self.labels[held_out]) if count is None else None,
                self.test_images,
                settings,
                seed,
                self.device,
                checkpoint,
                add,
            )
            step = stored(path, make, self.progress)
        for leftover in (checkpoint, checkpoint.with_name(f"{checkpoint.name}.sha256")):
            leftover.unlink(missing_ok=True)
        return step

    def label_study(self) -> list[tuple[str, int, int, Step]]:
        """Train both models on few labels, and on all: model, labelled images, seed and step."""
        records = []
        for count in (*self.config.label_counts, None):
            images = count or len(self.kept)
            several = count is not None and count <= self.config.small_resnet_seeds_up_to
            for seed in range(self.config.num_study_seeds):
                records.append(("head", images, seed, self.head(seed, count)))
                if several or seed == 0:
                    records.append(("small_resnet", images, seed, self.small_resnet(seed, count)))
        return records

    def trap(self) -> Step:
        """Show what the usual freezing does to BatchNorm; see `training.batchnorm_trap`."""
        settings = replace(self.config.head, batch_size=self.config.trap_batch_size)
        chosen, watched = (
            indices[self._split(self.labels[indices], count)[1]]
            for indices, count in (
                (self.kept, self.config.trap_images),
                (self.held_out, self.config.trap_validation),
            )
        )
        path = self._path(
            step_trap,
            data=self._data_digest,
            weights=self.weights,
            chosen=tensor_digest(chosen, watched),
            settings=asdict(settings),
        )
        train, validation = ((self.images[part], self.labels[part]) for part in (chosen, watched))
        make = partial(step_trap.make, self.inputs.weights, train, validation, settings)
        return stored(path, make, self.progress)

    def speed(self, model: nn.Module) -> Step:
        """Time a network's forward pass."""
        batches = (self.config.speed_batches, self.config.speed_batch_size)
        path = self._path(step_speed, model=repr(model), batches=batches)
        make = partial(step_speed.make, model, self.device, self.dtype, *batches)
        return stored(path, make, self.progress)

    def _path(self, module: ModuleType, **ingredients: Any) -> Path:
        """Name the file of a step by its key."""
        name = module.__name__
        made_from = key(code=CODE[name], environment=self.environment, **ingredients)
        return self.folder / name.rpartition("step_")[2] / f"{made_from}.safetensors"

    @cached_property
    def _joined(self) -> tuple[Tensor, Tensor, str]:
        parts = joined(self.features), joined(self.test_features)
        return *parts, tensor_digest(*parts, self.labels, self.test_labels)

    @cached_property
    def _data_digest(self) -> str:
        return tensor_digest(self.images, self.labels, self.test_images, self.test_labels)

    def _chosen(self, count: int | None, seed: int) -> Tensor:
        """Choose labelled images to train on: all that are not held out, or few of these."""
        if count is None:
            return self.kept
        return self.kept[stratified_split(self.labels[self.kept], count, seed)[1]]
