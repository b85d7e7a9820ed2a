"""The experiment's stages: their steps, which of them are missing, and how long these take."""

from collections.abc import Hashable
from dataclasses import dataclass
from functools import cached_property
from typing import Any, NamedTuple

from torch import Tensor

from mmn13lib.foundation.settings import Settings
from mmn13lib.foundation.steps import Step, Task
from mmn13lib.q3_transfer.data.datasets import as_tensors, dataset, stratified_split
from mmn13lib.q3_transfer.data.inputs import Inputs
from mmn13lib.q3_transfer.experiment.features import features
from mmn13lib.q3_transfer.experiment.head import head
from mmn13lib.q3_transfer.experiment.settings import ExperimentSettings
from mmn13lib.q3_transfer.experiment.small_resnet import small_resnet
from mmn13lib.q3_transfer.experiment.speed import speed
from mmn13lib.q3_transfer.experiment.trap import trap
from mmn13lib.q3_transfer.models.devices import choose_device, choose_dtype

SHARD_SIZE = 2000  # images; 4 MB of features


class Job(NamedTuple):
    """A step by its label, with the number of images that go through a network."""

    label: Hashable
    task: Task
    images: int = 0


@dataclass(frozen=True)
class Stage:
    """Steps of one kind: a row of the report's table of times.

    Attributes
    ----------
    network
        Whose images per second decide how long it takes: ``backbone`` or ``SmallResNet``; empty
        where it takes little.
    """

    name: str
    network: str
    jobs: list[Job]

    @property
    def steps(self) -> dict[Any, Step]:
        """What was made, by label, as far as it is there."""
        return {job.label: step for job in self.jobs if (step := job.task.find())}


class Stages:
    """What one run does; images are uint8 (N, 3, 32, 32), `training` and `validation` indices."""

    def __init__(self, settings: Settings, inputs: Inputs, config: ExperimentSettings) -> None:
        self.folder, self.inputs, self.config = settings.results, inputs, config
        device = choose_device()
        self.device, self.dtype = device.type, str(choose_dtype(device)).removeprefix("torch.")
        self.images, self.labels = self._data(train=True, count=config.num_train)
        self.test_images, self.test_labels = self._data(train=False, count=config.num_test)
        self.training, self.validation = stratified_split(
            self.labels, config.num_validation, seed=0
        )
        self.train_features = self._features("train", self.images)
        self.test_features = self._features("test", self.test_images)

    def _data(self, train: bool, count: int | None) -> tuple[Tensor, Tensor]:
        images, labels = as_tensors(dataset(self.inputs, train))
        return images[:count], labels[:count]

    def _task(self, make: Any, *arguments: Any) -> Task:
        return Task(self.folder, make, *arguments)

    @cached_property
    def all(self) -> list[Stage]:
        """The stages, in the order in which they are done."""
        config, few = self.config, self.config.label_counts
        seeds = range(config.num_study_seeds)
        small = [
            (count, seed)
            for count in few
            for seed in (seeds if count <= config.small_resnet_seeds_up_to else [0])
        ]
        return [
            Stage("features", "backbone", [*self.train_features, *self.test_features]),
            Stage("heads", "", [self._head(None, seed) for seed in range(config.num_head_seeds)]),
            Stage("BatchNorm trap", "", [self._trap()]),
            Stage("small network", "SmallResNet", [self._small_resnet(None, 0)]),
            Stage("few labels, heads", "", [self._head(count, s) for count in few for s in seeds]),
            Stage("few labels, small networks", "SmallResNet",
                  [self._small_resnet(count, seed) for count, seed in small]),
            Stage("speed of classification", "", self._speeds()),
        ]  # fmt: skip

    def _features(self, part: str, images: Tensor) -> list[Job]:
        jobs = []
        for start in range(0, len(images), SHARD_SIZE):
            shard = images[start : start + SHARD_SIZE]
            task = self._task(features, shard, self.inputs.weights, self.device, self.dtype)
            jobs.append(Job((part, start), task, len(shard)))
        return jobs

    def _head(self, count: int | None, seed: int) -> Job:
        """Train a head on `count` labelled images, or all; the seed also chooses the few."""
        settings = self.config.head if count is None else self.config.head.for_images(count)
        shards = [
            tuple(job.task for job in jobs) for jobs in (self.train_features, self.test_features)
        ]
        chosen = self._drawn(self.training, count, seed)
        return Job((count, seed), self._task(head, *shards, self.labels, chosen, settings, seed))

    def _small_resnet(self, count: int | None, seed: int) -> Job:
        """Train SmallResNet on `count` labelled images, or all; the seed as for a head."""
        settings = self.config.small_resnet_for(count)
        chosen = self._drawn(self.training, count, seed)
        how = (self.test_images, settings, seed, self.device)
        task = self._task(small_resnet, self._part(chosen), *how)
        return Job((count, seed), task, settings.num_epochs * len(chosen))

    def _trap(self) -> Job:
        config = self.config
        chosen = self._drawn(self.training, config.trap_images, seed=0)
        watched = self._drawn(self.validation, config.trap_validation, seed=0)
        parts = self._part(chosen), self._part(watched)
        return Job("trap", self._task(trap, self.inputs.weights, *parts, config.trap))

    def _speeds(self) -> list[Job]:
        config = self.config
        how = (self.device, self.dtype, config.speed_batches, config.speed_batch_size)
        channels = {"head": None, "small_resnet": config.small_resnet.channels}
        return [Job(name, self._task(speed, of, *how)) for name, of in channels.items()]

    def _part(self, indices: Tensor) -> tuple[Tensor, Tensor]:
        return self.images[indices], self.labels[indices]

    def _drawn(self, indices: Tensor, count: int | None, seed: int) -> Tensor:
        """Draw `count` of these labelled images, the classes in proportion; None takes all."""
        if count is None:
            return indices
        return indices[stratified_split(self.labels[indices], count, seed)[1]]
