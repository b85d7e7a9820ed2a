"""The whole experiment of question 3: run it, go on with it, or find it done.

Killed at any moment and started again, it goes on from where it was. Two processes at once are
kept apart by a lock.
"""

from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Any

from torch import Tensor, nn

from mmn13lib.foundation import storage
from mmn13lib.foundation.locks import exclusive
from mmn13lib.foundation.settings import Settings
from mmn13lib.foundation.steps import Step
from mmn13lib.q3_transfer.data.datasets import dataset
from mmn13lib.q3_transfer.data.inputs import Inputs
from mmn13lib.q3_transfer.data.preprocessing import IMAGE_SIZE
from mmn13lib.q3_transfer.experiment.find import results_folder
from mmn13lib.q3_transfer.experiment.head import joined
from mmn13lib.q3_transfer.experiment.plan import Plan
from mmn13lib.q3_transfer.experiment.progress import images_done
from mmn13lib.q3_transfer.experiment.settings import ExperimentSettings
from mmn13lib.q3_transfer.experiment.stages import Stages
from mmn13lib.q3_transfer.models.backbone import FrozenResNet18
from mmn13lib.q3_transfer.models.costs import count_multiply_adds, count_parameters
from mmn13lib.q3_transfer.models.devices import keep_freed_memory
from mmn13lib.q3_transfer.models.small_resnet import SmallResNet
from mmn13lib.q3_transfer.results import records
from mmn13lib.q3_transfer.results.metrics import accuracy
from mmn13lib.q3_transfer.results.records import ModelResult, Results


def run(
    settings: Settings,
    inputs: Inputs,
    progress: Callable[[str], None] = print,
    config: ExperimentSettings | None = None,
) -> Results:
    """Run the experiment, or find its results if it has run with these inputs and this code.

    `config` is chosen for the inputs where it is None. Raises UserError if an input is wrong.
    """
    folder = results_folder(settings, inputs, asdict(config) if config else None)
    found = _read(folder, inputs, progress)
    if found is None:
        # the steps' keys are taken now: code that is edited while this runs, or waits for another
        # process, must not lend its key to what this code makes
        stages = Stages(settings, inputs, config or ExperimentSettings.for_mode(inputs.mode))
        _ = stages.all

        with exclusive(settings.artifacts / "experiment.lock", progress):
            found = _read(folder, inputs, lambda _: None)  # the other process may have finished it
            if found is None:
                keep_freed_memory()
                Plan.of(stages, progress).do(progress)
                records.write(folder, _assemble(stages))
                found = records.read(folder, inputs)
    return found


def all_features(
    settings: Settings,
    inputs: Inputs,
    config: ExperimentSettings | None = None,
    progress: Callable[[str], None] = print,
) -> dict[str, tuple[Tensor, Tensor]]:
    """Return the features (N, 512) and labels of ``train``, ``validation`` and ``test`` images.

    Those that are not stored, as in a submission that was unzipped, are computed and stored.
    """
    stages = Stages(settings, inputs, config or ExperimentSettings.for_mode(inputs.mode))
    parts = (stages.train_features, stages.test_features)
    missing = [job for jobs in parts for job in jobs if job.task.find(progress) is None]
    with images_done("Features", sum(job.images for job in missing), progress) as add:
        for job in missing:
            job.task.do(on_images=add)
    features, test_features = (
        joined(tuple(step for job in jobs if (step := job.task.find()))) for jobs in parts
    )
    return {
        "train": (features[stages.training], stages.labels[stages.training]),
        "validation": (features[stages.validation], stages.labels[stages.validation]),
        "test": (test_features, stages.test_labels),
    }


def _read(folder: Path, inputs: Inputs, progress: Callable[[str], None]) -> Results | None:
    if not (folder / records.FILE).exists():
        return None
    try:
        return records.read(folder, inputs)
    except storage.Damaged as damage:
        progress(f"The stored results are damaged ({damage}): they are put together again.")
        return None


def _assemble(stages: Stages) -> Results:
    config, inputs = stages.config, stages.inputs
    made = {stage.name: stage.steps for stage in stages.all}
    heads, small_resnet = made["heads"], made["small network"][None, 0]
    small = SmallResNet(channels=config.small_resnet.channels)
    arrays = {name: tensor.numpy() for name, tensor in small_resnet.tensors.items()}
    speeds = made["speed of classification"]
    last = max((s.made for steps in made.values() for s in steps.values()), key=lambda m: m["date"])
    # the held-out images' features are no part of the training
    of_training = [step for (part, _), step in made["features"].items() if part == "train"]
    before = sum(s.seconds for s in of_training) * len(stages.training) / len(stages.labels)
    return Results(
        inputs=inputs,
        classes=tuple(dataset(inputs, train=False).classes),
        counts={
            "train": len(stages.training),
            "validation": len(stages.validation),
            "test": len(stages.test_labels),
        },
        head=_model_result(stages, heads[None, 0], FrozenResNet18(), speeds["head"], before),
        small_resnet=_model_result(stages, small_resnet, small, speeds["small_resnet"]),
        small_resnet_arrays=records.under("model.", arrays),
        head_seeds=[_test_accuracy(stages, head) for head in heads.values()],
        label_study=_study(stages, made),
        trap=made["BatchNorm trap"]["trap"].values,
        seconds=sum(step.seconds for steps in made.values() for step in steps.values()),
        experiment=asdict(config),
        hardware=last["hardware"] | {"device": stages.device},
    )


def _model_result(
    stages: Stages, step: Step, model: nn.Module, speed: Step, before: float = 0.0
) -> ModelResult:
    """Describe a model; `before` are the seconds of what its training started from."""
    return ModelResult(
        test_logits=step.tensors["test_logits"].numpy(),
        test_labels=stages.test_labels.numpy(),
        trained_parameters=count_parameters(model, trained_only=True),
        total_parameters=count_parameters(model),
        multiply_adds=count_multiply_adds(model, (3, IMAGE_SIZE, IMAGE_SIZE)),
        train_losses=[epoch["train_loss"] for epoch in step.values["history"]],
        training_seconds=before + step.seconds,
        inference_images_per_second=speed.values["images_per_second"],
    )


def _study(stages: Stages, made: dict[str, dict[Any, Step]]) -> list[dict[str, Any]]:
    """Describe the trainings on few labels, and on all: a record each."""
    kinds = {
        "head": made["few labels, heads"] | made["heads"],
        "small_resnet": made["few labels, small networks"] | made["small network"],
    }
    return [
        {
            "model": model,
            "count": count or len(stages.training),
            "seed": seed,
            "test_accuracy": _test_accuracy(stages, step),
        }
        for number in (*stages.config.label_counts, None)
        for model, steps in kinds.items()
        for (count, seed), step in steps.items()
        if count == number and seed < stages.config.num_study_seeds
    ]


def _test_accuracy(stages: Stages, step: Step) -> float:
    return accuracy(step.tensors["test_logits"], stages.test_labels)
