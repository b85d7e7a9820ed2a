"""What the experiment does, step by step; each step is found again if it was done before.

A step's key is made of the code that makes it and of the content that it starts from, so a
change in one step leaves those before it, and those beside it, as they are.
"""

from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from functools import cached_property
from statistics import mean
from typing import Any

import torch
from torch import Tensor, nn

from mmn13lib.foundation.provenance import key
from mmn13lib.q3_transfer.data import datasets
from mmn13lib.q3_transfer.data.inputs import Inputs
from mmn13lib.q3_transfer.experiment.progress import Say, images_done
from mmn13lib.q3_transfer.experiment.settings import ExperimentSettings
from mmn13lib.q3_transfer.experiment.shards import Extraction, stored_features
from mmn13lib.q3_transfer.experiment.store import Step, Steps, tensor_digest
from mmn13lib.q3_transfer.models.backbone import TransferResNet, new_head
from mmn13lib.q3_transfer.models.features import feature_network
from mmn13lib.q3_transfer.training.batchnorm_trap import spring
from mmn13lib.q3_transfer.training.from_scratch import (
    SmallResNetSettings,
    predict_logits,
    train_small_resnet,
)
from mmn13lib.q3_transfer.training.head import train_head
from mmn13lib.q3_transfer.training.loop import EpochRecord

MODULE = "mmn13lib.q3_transfer."


@dataclass(frozen=True)
class Stages:
    """The steps of one run.

    Attributes
    ----------
    inputs, fingerprint
        The run's data and weights, and what identifies them.
    config
        The experiment's settings.
    device, dtype
        Where the networks run, and in what precision the backbone does.
    steps
        Where steps are stored.
    say
        Takes a line for people.
    """

    inputs: Inputs
    fingerprint: dict[str, str]
    config: ExperimentSettings
    device: torch.device
    dtype: torch.dtype
    steps: Steps
    say: Say

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

    def features(self, train: bool) -> Extraction:
        """Compute the features of the training set or the test set."""
        return self._train_features if train else self._test_features

    @cached_property
    def _train_features(self) -> Extraction:
        return self._extraction("train", self.train[0], self.dtype)

    @cached_property
    def _test_features(self) -> Extraction:
        return self._extraction("test", self.test[0], self.dtype)

    def _extraction(self, part: str, images: Tensor, dtype: torch.dtype) -> Extraction:
        made_from = key(
            f"{MODULE}models.features",
            f"{MODULE}models.backbone",
            **self.fingerprint,
            device=self.device.type,
            dtype=str(dtype),
        )

        def network() -> nn.Module:
            model = TransferResNet.from_weights(self.inputs.weights)
            return feature_network(model, self.device, dtype)

        folder = self.steps.folder / "features" / made_from / part
        with images_done(f"Features, {part} images", len(images), self.say) as on_batch:
            return stored_features(folder, images, network, on_batch)

    def head(self, seed: int, count: int | None = None) -> Step:
        """Train a head on the features of all labelled images, or of `count` of them.

        Parameters
        ----------
        seed
            Of the head and the order, and of the choice of few images.
        count
            Labelled images; None means all.

        Returns
        -------
        Step
            Values ``history`` and ``test_accuracy``; tensors ``weight``, ``bias`` and
            ``test_logits``.
        """
        kept, held_out = self.split
        chosen = kept if count is None else self._few(count, seed)
        settings = self.config.head if count is None else self.config.head.for_images(count)
        features, labels = self.features(train=True).features, self.train[1]
        test_features, test_labels = self.features(train=False).features, self.test[1]
        made_from = key(
            f"{MODULE}training.head",
            features=self._features_digest,
            chosen=tensor_digest(chosen, held_out),
            settings=asdict(settings),
            seed=seed,
        )

        def make() -> Step:
            head = new_head(len(self.classes), seed)
            validation = (features[held_out], labels[held_out])
            records = train_head(head, features[chosen], labels[chosen], settings, seed, validation)
            with torch.no_grad():
                logits = head(test_features)
            return Step(
                {"history": _history(records), "test_accuracy": accuracy(logits, test_labels)},
                {"weight": head.weight, "bias": head.bias, "test_logits": logits},
            )

        return self.steps.get("head", made_from, make)

    def small_resnet(self, seed: int = 0, count: int | None = None) -> Step:
        """Train SmallResNet on all labelled images, or on `count` of them.

        Parameters
        ----------
        seed, count
            As for `head`.

        Returns
        -------
        Step
            Values ``history`` and ``test_accuracy``; tensors ``test_logits`` and the network's
            under ``model.``.
        """
        kept, held_out = self.split
        chosen = kept if count is None else self._few(count, seed)
        settings = self._small_resnet_settings(count)
        images, labels = self.train
        test_images, test_labels = self.test
        made_from = key(
            f"{MODULE}training.from_scratch",
            data=self._data_digest,
            chosen=tensor_digest(chosen, held_out),
            settings=asdict(settings),
            seed=seed,
            device=self.device.type,
        )
        checkpoint = self.steps.path("small_resnet", made_from, ".checkpoint")

        def make() -> Step:
            amount = "all" if count is None else f"{count:,}"
            task = f"Small network, {amount} labels, seed {seed}"
            total = settings.num_epochs * len(chosen)
            # few labels are for learning from: only the main run is watched on validation
            validation = (images[held_out], labels[held_out]) if count is None else None
            with images_done(task, total, self.say) as add:
                model, records = train_small_resnet(
                    images[chosen],
                    labels[chosen],
                    settings,
                    seed,
                    self.device,
                    checkpoint,
                    validation,
                    on_batch=_increments(add),
                )
            logits = predict_logits(model, test_images, self.device)
            return Step(
                {"history": _history(records), "test_accuracy": accuracy(logits, test_labels)},
                {"test_logits": logits}
                | {f"model.{name}": tensor for name, tensor in model.state_dict().items()},
                seconds=sum(record.seconds for record in records),
            )

        step = self.steps.get("small_resnet", made_from, make)
        for leftover in (checkpoint, checkpoint.with_name(f"{checkpoint.name}.sha256")):
            leftover.unlink(missing_ok=True)
        return step

    def label_study(self) -> list[dict[str, Any]]:
        """Train both models on few labels.

        Returns
        -------
        list of dict
            ``model``, ``count``, ``seed``, ``test_accuracy`` and ``seconds`` of training; all
            labelled images included.
        """
        config = self.config
        records = []
        for count in (*config.label_counts, None):
            for seed in range(config.num_study_seeds):
                records.append(("head", count, seed, self.head(seed, count)))
                single = count is None or count > config.small_resnet_seeds_up_to
                if not (single and seed > 0):
                    records.append(("small_resnet", count, seed, self.small_resnet(seed, count)))
        return [
            {
                "model": model,
                "count": count or len(self.split[0]),
                "seed": seed,
                "test_accuracy": step.values["test_accuracy"],
                "seconds": step.seconds,
            }
            for model, count, seed, step in records
        ]

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
        made_from = key(
            f"{MODULE}training.batchnorm_trap",
            data=self._data_digest,
            weights=self.fingerprint["weights"],
            chosen=tensor_digest(chosen, watched),
            settings=asdict(settings),
        )

        def make() -> Step:
            self.say("The BatchNorm trap: an epoch through the network, frozen in two ways.")
            training = (images[chosen], labels[chosen])
            validation = (images[watched], labels[watched])
            return Step(asdict(spring(self.inputs.weights, training, validation, settings)))

        return self.steps.get("trap", made_from, make)

    def precision(self) -> dict[str, Any]:
        """Compare the heads' mean accuracy on features of the precision used and of float32."""
        count = self.config.precision_images
        images, labels = self.test[0][:count], self.test[1][:count]
        exact = self._extraction("test", images, torch.float32).features
        heads = [self.head(seed).tensors for seed in range(self.config.num_head_seeds)]
        logits = [torch.nn.functional.linear(exact, h["weight"], h["bias"]) for h in heads]
        return {
            "float32": mean(accuracy(found, labels) for found in logits),
            "used": mean(accuracy(head["test_logits"][:count], labels) for head in heads),
            "used_name": str(self.dtype).removeprefix("torch."),
            "images": len(labels),
        }

    @cached_property
    def _data_digest(self) -> str:
        return tensor_digest(*self.train, *self.test)

    @cached_property
    def _features_digest(self) -> str:
        features = (self.features(train=True).features, self.features(train=False).features)
        return tensor_digest(*features, self.train[1], self.test[1])

    def _few(self, count: int, seed: int) -> Tensor:
        kept, _ = self.split
        return kept[datasets.stratified_split(self.train[1][kept], count, seed)[1]]

    def _small_resnet_settings(self, count: int | None) -> SmallResNetSettings:
        if count is None:
            return self.config.small_resnet
        if self.config.study_epochs is not None:
            return replace(self.config.small_resnet, num_epochs=self.config.study_epochs)
        return self.config.small_resnet.for_images(count)


def _history(records: list[EpochRecord]) -> list[dict[str, Any]]:
    return [asdict(record) for record in records]


def _increments(add: Callable[[int], None]) -> Callable[[int, int], None]:
    """Turn a count of all images so far into the images since the last call."""
    before = 0

    def on_batch(so_far: int, _: int) -> None:
        nonlocal before
        add(so_far - before)
        before = so_far

    return on_batch


def accuracy(logits: Tensor, labels: Tensor) -> float:
    """Give the share of images whose largest logit is the true class, in [0, 1]."""
    return float((logits.argmax(1) == labels).double().mean())
