"""What the experiment does, step by step; each step is found again if it was done before.

A step's key is made of the code that makes it, of the content that it starts from, and of what
computes it, so a change in one step leaves those before it, and those beside it, as they are.
"""

from dataclasses import asdict, replace
from functools import cached_property, partial
from importlib.metadata import version
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from mmn13lib.foundation.provenance import code_digest, key
from mmn13lib.foundation.settings import Settings
from mmn13lib.q3_transfer.data import datasets
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
    Step,
    joined,
    stored,
    stored_features,
    tensor_digest,
)
from mmn13lib.q3_transfer.models.devices import choose_device, choose_dtype
from mmn13lib.q3_transfer.training.from_scratch import SmallResNetSettings

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
    return {
        "device": device.type,
        "dtype": str(choose_dtype(device)),
        "torch": version("torch"),
        "torchvision": version("torchvision"),
    }


class Steps:
    """The steps of one run, each made when it is asked for the first time."""

    def __init__(
        self, settings: Settings, config: ExperimentSettings | None, progress: Any = print
    ) -> None:
        self.inputs = resolve(settings)
        self.config = config or ExperimentSettings.for_mode(self.inputs.mode)
        self.folder = settings.results
        self.progress = progress
        self.weights = fingerprint(settings)["weights"]
        self.environment = environment()
        self.device = choose_device()
        self.dtype = choose_dtype(self.device)

    @cached_property
    def classes(self) -> tuple[str, ...]:
        """The names of the ten classes."""
        return tuple(datasets.dataset(self.inputs, train=False).classes)

    @cached_property
    def train(self) -> tuple[Tensor, Tensor]:
        """The training set, validation included: uint8 (N, 3, 32, 32) and labels."""
        images, labels = datasets.as_tensors(datasets.dataset(self.inputs, train=True))
        return images[: self.config.num_train], labels[: self.config.num_train]

    @cached_property
    def test(self) -> tuple[Tensor, Tensor]:
        """The test set, like `train`."""
        images, labels = datasets.as_tensors(datasets.dataset(self.inputs, train=False))
        return images[: self.config.num_test], labels[: self.config.num_test]

    @cached_property
    def split(self) -> tuple[Tensor, Tensor]:
        """Indices into the training set: trained on, and held out for validation."""
        _, labels = self.train
        return datasets.stratified_split(labels, self.config.num_validation, self.config.split_seed)

    @cached_property
    def train_features(self) -> list[Step]:
        """The features of the training set, in shards."""
        return self._features("train", self.train[0], self.dtype)

    @cached_property
    def test_features(self) -> list[Step]:
        """The features of the test set, in shards."""
        return self._features("test", self.test[0], self.dtype)

    @cached_property
    def exact_features(self) -> list[Step]:
        """The features of the first test images at least in float32, in shards."""
        if self.dtype is torch.float32:
            return self.test_features
        return self._features("test", self.test[0][: self.config.precision_images], torch.float32)

    def features_folder(self, images: Tensor, dtype: torch.dtype) -> Path:
        """Name the folder of these images' features."""
        content = {"images": tensor_digest(images), "weights": self.weights}
        return self._path(step_features, **content, dtype=str(dtype)).with_suffix("")

    def _features(self, part: str, images: Tensor, dtype: torch.dtype) -> list[Step]:
        folder = self.features_folder(images, dtype)
        network = partial(step_features.network, self.inputs.weights, self.device, dtype)
        with images_done(f"Features, {part} images", len(images), self.progress) as add:
            return stored_features(folder, images, network, self.progress, add)

    def head(self, seed: int, count: int | None = None) -> Step:
        """Train a head on the features of all labelled images, or of `count` of them.

        The seed is that of the head, of the order, and of the choice of few images.
        """
        chosen, held_out = self._chosen(count, seed), self.split[1]
        settings = self.config.head if count is None else self.config.head.for_images(count)
        (features, test_features), labels = self._joined_features, self.train[1]
        path = self._path(
            step_head,
            features=self._features_digest,
            chosen=tensor_digest(chosen, held_out),
            settings=asdict(settings),
            seed=seed,
        )
        make = partial(
            step_head.make,
            (features[chosen], labels[chosen]),
            (features[held_out], labels[held_out]),
            test_features,
            settings,
            seed,
        )
        return stored(path, make, self.progress)

    def small_resnet(self, seed: int = 0, count: int | None = None) -> Step:
        """Train SmallResNet on all labelled images, or on `count` of them; the seed as for `head`.

        With few labels all are for learning from: only the main run is watched on validation.
        """
        chosen, held_out = self._chosen(count, seed), self.split[1]
        settings = self._small_resnet_settings(count)
        images, labels = self.train
        path = self._path(
            step_small_resnet,
            data=self._data_digest,
            chosen=tensor_digest(chosen, held_out),
            settings=asdict(settings),
            seed=seed,
        )
        checkpoint = path.with_suffix(".checkpoint")
        amount = "all" if count is None else f"{count:,}"
        task = f"Small network, {amount} labels, seed {seed}"
        with images_done(task, settings.num_epochs * len(chosen), self.progress) as add:
            make = partial(
                step_small_resnet.make,
                (images[chosen], labels[chosen]),
                (images[held_out], labels[held_out]) if count is None else None,
                self.test[0],
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
        config = self.config
        records = []
        for count in (*config.label_counts, None):
            images = count or len(self.split[0])
            for seed in range(config.num_study_seeds):
                records.append(("head", images, seed, self.head(seed, count)))
                single = count is None or count > config.small_resnet_seeds_up_to
                if not (single and seed > 0):
                    step = self.small_resnet(seed, count)
                    records.append(("small_resnet", images, seed, step))
        return records

    def trap(self) -> Step:
        """Show what the usual freezing does to BatchNorm; see `training.batchnorm_trap`."""
        config = self.config
        settings = replace(config.head, batch_size=config.trap_batch_size)
        kept, held_out = self.split
        images, labels = self.train
        chosen = kept[datasets.stratified_split(labels[kept], config.trap_images, 0)[1]]
        watched = held_out[
            datasets.stratified_split(labels[held_out], config.trap_validation, 0)[1]
        ]
        path = self._path(
            step_trap,
            data=self._data_digest,
            weights=self.weights,
            chosen=tensor_digest(chosen, watched),
            settings=asdict(settings),
        )
        training, validation = (images[chosen], labels[chosen]), (images[watched], labels[watched])
        make = partial(step_trap.make, self.inputs.weights, training, validation, settings)
        return stored(path, make, self.progress)

    def speed(self, model: nn.Module) -> Step:
        """Time a network's forward pass."""
        batches = (self.config.speed_batches, self.config.speed_batch_size)
        path = self._path(step_speed, model=repr(model), batches=batches)
        make = partial(step_speed.make, model, self.device, self.dtype, *batches)
        return stored(path, make, self.progress)

    def _path(self, module: Any, **ingredients: Any) -> Path:
        """Name the file of a step by its key."""
        name = module.__name__
        made_from = key(code=CODE[name], environment=self.environment, **ingredients)
        return self.folder / name.rpartition("step_")[2] / f"{made_from}.safetensors"

    @cached_property
    def _joined_features(self) -> tuple[Tensor, Tensor]:
        return joined(self.train_features), joined(self.test_features)

    @cached_property
    def _data_digest(self) -> str:
        return tensor_digest(*self.train, *self.test)

    @cached_property
    def _features_digest(self) -> str:
        return tensor_digest(*self._joined_features, self.train[1], self.test[1])

    def _chosen(self, count: int | None, seed: int) -> Tensor:
        """Choose labelled images to train on: all that are not held out, or few of these."""
        kept, _ = self.split
        if count is None:
            return kept
        return kept[datasets.stratified_split(self.train[1][kept], count, seed)[1]]

    def _small_resnet_settings(self, count: int | None) -> SmallResNetSettings:
        if count is None:
            return self.config.small_resnet
        if self.config.study_epochs is not None:
            return replace(self.config.small_resnet, num_epochs=self.config.study_epochs)
        return self.config.small_resnet.for_images(count)
