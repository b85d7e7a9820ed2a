"""What an experiment has still to do, and how long it takes, before it starts and meanwhile."""

import time
from collections.abc import Callable
from dataclasses import dataclass, replace

from mmn13lib.q3_transfer.experiment.features import features
from mmn13lib.q3_transfer.experiment.progress import images_done, in_words
from mmn13lib.q3_transfer.experiment.stages import Stage, Stages
from mmn13lib.q3_transfer.training.from_scratch import train_small_resnet

FEW_IMAGES = 3000  # minutes of work at most: not worth a measurement of some seconds
STOPPED = (
    "Stopped. What is finished is stored, of a training each finished epoch: the same command goes "
    "on from there."
)


@dataclass(frozen=True)
class Plan:
    """Stages with the steps that are missing, and images per second by network, if measured."""

    stages: list[Stage]
    rates: dict[str, float]

    @classmethod
    def of(cls, stages: Stages, progress: Callable[[str], None] = lambda line: None) -> "Plan":
        """Return what is missing, with a measurement of how quick the machine is."""
        missing = [
            replace(stage, jobs=[job for job in stage.jobs if job.task.find(progress) is None])
            for stage in stages.all
        ]
        to_do = [stage for stage in missing if stage.jobs]
        many = sum(map(_images, to_do)) > FEW_IMAGES
        return cls(to_do, measured_rates(stages) if many else {})

    def seconds(self, first: int = 0) -> float | None:
        """Return about what the stages take from the given one on; None if nothing was measured."""
        stages = [stage for stage in self.stages[first:] if stage.network]
        if not self.rates:
            return None
        return sum(_images(stage) / self.rates[stage.network] for stage in stages)

    def __str__(self) -> str:
        """Return how many steps there are, and how long they take."""
        seconds = self.seconds()
        how_long = "a few minutes at most" if seconds is None else f"about {in_words(seconds)}"
        return f"Question 3's experiment: {len(self.stages)} steps, {how_long} on this machine."

    def do(self, progress: Callable[[str], None]) -> None:
        """Do what is missing: say before how much it is, and what is kept if it is stopped."""
        if self.stages:
            progress(str(self))
        try:
            for number, stage in enumerate(self.stages, 1):
                title = f"Step {number} of {len(self.stages)}, {stage.name}"
                if not stage.network:
                    progress(title)
                later = self.seconds(number)
                with images_done(title, _images(stage), progress, later) as add:
                    for job in stage.jobs:
                        job.task.do(on_images=add)
        except KeyboardInterrupt:
            progress(STOPPED)
            raise


def measured_rates(stages: Stages) -> dict[str, float]:
    """Return how many images a second the two networks take, measured in a few seconds."""
    few, how = stages.images[:32], (stages.inputs.weights, stages.device, stages.dtype)
    seconds = []
    for _ in range(2):  # the first one warms up
        begin = time.perf_counter()
        features(few, *how)
        seconds.append(time.perf_counter() - begin)
    settings = replace(stages.config.small_resnet, num_epochs=2, batch_size=50)
    images = stages.images[:50], stages.labels[:50]
    _, history = train_small_resnet(*images, settings, seed=0, device=stages.device)
    return {"backbone": len(few) / seconds[-1], "SmallResNet": 50 / history[-1].seconds}


def _images(stage: Stage) -> int:
    return sum(job.images for job in stage.jobs)
