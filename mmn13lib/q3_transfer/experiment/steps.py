"""What the experiment does, step by step; each step is found again if it was done before.

A step's key is made of the code that computes it, of the content that it starts from, and of what
runs it, so a change in one step leaves those before it, and those beside it, as they are.
"""

import inspect
from dataclasses import asdict, replace
from functools import cached_property
from importlib.metadata import version
from pathlib import Path
from textwrap import dedent
from typing import Any

import torch
from torch import Tensor, nn

from mmn13lib.foundation.provenance import code_digest, key, meaning
from mmn13lib.foundation.settings import Settings
from mmn13lib.q3_transfer.data.datasets import as_tensors, dataset, stratified_split
from mmn13lib.q3_transfer.data.inputs import fingerprint, resolve
from mmn13lib.q3_transfer.experiment.progress import images_done
from mmn13lib.q3_transfer.experiment.settings import ExperimentSettings
from mmn13lib.q3_transfer.experiment.store import (
    Made,
    Progress,
    Step,
    joined,
    stored,
    stored_features,
    tensor_digest,
)
from mmn13lib.q3_transfer.models.backbone import FrozenResNet18, new_head
from mmn13lib.q3_transfer.models.costs import images_per_second
from mmn13lib.q3_transfer.models.devices import choose_device, choose_dtype
from mmn13lib.q3_transfer.models.features import feature_network
from mmn13lib.q3_transfer.training.batchnorm_trap import run_batchnorm_trap
from mmn13lib.q3_transfer.training.from_scratch import predict_logits, train_small_resnet
from mmn13lib.q3_transfer.training.head import train_head

MAKERS = {
    "features": ("models.backbone", "models.features"),
    "head": ("models.backbone", "training.head"),
    "small_resnet": ("training.from_scratch",),
    "trap": ("training.batchnorm_trap",),
    "speed": ("models.costs",),
}
"""The modules that, with all that they import, compute each step."""

# Taken now, when the files are what has just been imported: code that is edited while the
# experiment runs, or waits for another one, must not lend its key to what this code makes.
code_digest.cache_clear()
CODE = {
    step: code_digest(*(f"mmn13lib.q3_transfer.{module}" for module in modules))
    for step, modules in MAKERS.items()
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
        self.config = config = config or ExperimentSettings.for_mode(self.inputs.mode)
        self.device = choose_device()
        self.dtype = choose_dtype(self.device)
        self.environment = environment()
        self.weights = fingerprint(settings)["weights"]
        self.images, self.labels = self._data(train=True, count=config.num_train)
        self.test_images, self.test_labels = self._data(train=False, count=config.num_test)
        self.kept, self.held_out = stratified_split(
            self.labels, config.num_validation, config.split_seed
        )

    def _data(self, train: bool, count: int | None) -> tuple[Tensor, Tensor]:
        images, labels = as_tensors(dataset(self.inputs, train))
        return images[:count], labels[:count]

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
        images = self.test_images[: self.config.precision_images]
        return self._features("test", images, torch.float32)

    def features_folder(self, images: Tensor, dtype: torch.dtype) -> Path:
        """Name the folder of these images' features."""
        content = {"images": tensor_digest(images), "weights": self.weights, "dtype": str(dtype)}
        return self._path("features", **content).with_suffix("")

    def _features(self, part: str, images: Tensor, dtype: torch.dtype) -> list[Step]:
        def network() -> nn.Module:
            model = FrozenResNet18.from_weights(self.inputs.weights)
            return feature_network(model, self.device, dtype)

        folder = self.features_folder(images, dtype)
        with images_done(f"Features, {part} images", len(images), self.progress) as add:
            return stored_features(folder, images, network, self.progress, add)

    def head(self, seed: int, count: int | None = None) -> Step:
        """Train a head on the features of all labelled images, or of `count` of them.

        The seed is that of the head, of the order, and of the choice of few images.
        """
        settings = self.config.head if count is None else self.config.head.for_images(count)
        features, test_features, digest = self._joined
        chosen = self._drawn(self.kept, count, seed)

        def make() -> Made:
            head = new_head(10, seed)
            train, validation = (
                (features[part], self.labels[part]) for part in (chosen, self.held_out)
            )
            history = train_head(head, *train, settings, seed, validation)
            tensors = dict(head.state_dict())
            with torch.no_grad():
                tensors["validation_logits"] = head(validation[0])
                tensors["test_logits"] = head(test_features)
            return {"history": [asdict(record) for record in history]}, tensors

        path = self._path(
            "head",
            features=digest,
            chosen=tensor_digest(chosen, self.held_out),
            settings=asdict(settings),
            seed=seed,
        )
        return stored(path, make, self.progress)

    def small_resnet(self, seed: int = 0, count: int | None = None) -> Step:
        """Train SmallResNet on all labelled images, or on `count` of them; the seed as for `head`.

        With few labels all are for learning from: only the main run is watched on validation.
        """
        settings = self.config.small_resnet_for(count)
        chosen = self._drawn(self.kept, count, seed)
        path = self._path(
            "small_resnet",
            data=self._data_digest,
            chosen=tensor_digest(chosen, self.held_out),
            settings=asdict(settings),
            seed=seed,
        )
        checkpoint = path.with_suffix(".checkpoint")

        def make() -> Made:
            validation = self._part(self.held_out) if count is None else None
            task = f"Small network, {'all' if count is None else f'{count:,}'} labels, seed {seed}"
            with images_done(task, settings.num_epochs * len(chosen), self.progress) as add:
                model, history = train_small_resnet(
                    *self._part(chosen), settings, seed, self.device, checkpoint, validation, add
                )
            tensors = {f"model.{name}": tensor for name, tensor in model.state_dict().items()}
            tensors["test_logits"] = predict_logits(model, self.test_images, self.device)
            if validation is not None:
                tensors["validation_logits"] = predict_logits(model, validation[0], self.device)
            return {"history": [asdict(record) for record in history]}, tensors

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
        config = self.config
        settings = replace(config.head, batch_size=config.trap_batch_size)
        chosen = self._drawn(self.kept, config.trap_images, config.split_seed)
        watched = self._drawn(self.held_out, config.trap_validation, config.split_seed)
        path = self._path(
            "trap",
            data=self._data_digest,
            weights=self.weights,
            chosen=tensor_digest(chosen, watched),
            settings=asdict(settings),
        )
        given = (self.inputs.weights, self._part(chosen), self._part(watched), settings)
        return stored(path, lambda: (asdict(run_batchnorm_trap(*given)), {}), self.progress)

    def speed(self, model: nn.Module) -> Step:
        """Time a network's forward pass."""
        batches = (self.config.speed_batches, self.config.speed_batch_size)
        path = self._path("speed", model=repr(model), batches=batches)
        given = (model, self.device, self.dtype, *batches)
        return stored(
            path, lambda: ({"images_per_second": images_per_second(*given)}, {}), self.progress
        )

    def _path(self, step: str, **ingredients: Any) -> Path:
        """Name the file of a step by its key."""
        code = [CODE[step], METHODS[step]]
        made_from = key(code=code, environment=self.environment, **ingredients)
        return self.folder / step / f"{made_from}.safetensors"

    @cached_property
    def _joined(self) -> tuple[Tensor, Tensor, str]:
        parts = joined(self.features), joined(self.test_features)
        return *parts, tensor_digest(*parts, self.labels, self.test_labels)

    @cached_property
    def _data_digest(self) -> str:
        return tensor_digest(self.images, self.labels, self.test_images, self.test_labels)

    def _part(self, indices: Tensor) -> tuple[Tensor, Tensor]:
        return self.images[indices], self.labels[indices]

    def _drawn(self, indices: Tensor, count: int | None, seed: int) -> Tensor:
        """Draw `count` of these labelled images, the classes in proportion; None takes all."""
        if count is None:
            return indices
        return indices[stratified_split(self.labels[indices], count, seed)[1]]


METHODS = {
    step: meaning(dedent(inspect.getsource(method)))
    for step, method in (
        ("features", Steps._features),
        ("head", Steps.head),
        ("small_resnet", Steps.small_resnet),
        ("trap", Steps.trap),
        ("speed", Steps.speed),
    )
}
"""What the steps' own methods mean: which images they take, and what they keep."""
