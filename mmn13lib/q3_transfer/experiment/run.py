"""The whole experiment of question 3: run it, go on with it, or find it done.

Killed at any moment and started again, it goes on from where it was. Two processes at once are
kept apart by a lock.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from datetime import date
from pathlib import Path

from filelock import FileLock, Timeout
from torch import nn

from mmn13lib.foundation import storage
from mmn13lib.foundation.hardware import hardware
from mmn13lib.foundation.provenance import key
from mmn13lib.foundation.settings import Settings
from mmn13lib.q3_transfer.data.inputs import Inputs, fingerprint, resolve
from mmn13lib.q3_transfer.experiment import measure
from mmn13lib.q3_transfer.experiment.progress import Say
from mmn13lib.q3_transfer.experiment.settings import ExperimentSettings
from mmn13lib.q3_transfer.experiment.steps import Stages
from mmn13lib.q3_transfer.experiment.store import Step, Steps
from mmn13lib.q3_transfer.models.backbone import TransferResNet
from mmn13lib.q3_transfer.models.devices import choose_device, choose_dtype
from mmn13lib.q3_transfer.models.small_resnet import SmallResNet
from mmn13lib.q3_transfer.results import records
from mmn13lib.q3_transfer.results.records import ModelResult, Results


def run(
    settings: Settings, progress: Say = print, config: ExperimentSettings | None = None
) -> Results:
    """Run the experiment, or find its results if it has run with these inputs and this code.

    Parameters
    ----------
    settings
        The run's settings.
    progress
        Takes lines for people.
    config
        The experiment's settings; None chooses those for the inputs.

    Returns
    -------
    Results

    Raises
    ------
    UserError
        If an input is wrong, the disk is full or the results' folder can't be written to.
    """
    inputs = resolve(settings)
    config = config or ExperimentSettings.for_mode(inputs.mode)
    folder = results_folder(settings, config)
    found = _find(folder, inputs, progress)
    if found is not None:
        return found
    with _alone(settings, progress):
        found = _find(folder, inputs, lambda _: None)  # the other process may have finished it
        if found is None:
            found = _compute(_stages(settings, inputs, config, progress))
            records.write(folder, found)
    return found


def results_folder(settings: Settings, config: ExperimentSettings | None = None) -> Path:
    """Name the folder of the results that belong to these inputs and this code.

    Parameters
    ----------
    settings
        The run's settings.
    config
        As for `run`.

    Returns
    -------
    Path
    """
    inputs = resolve(settings)
    config = config or ExperimentSettings.for_mode(inputs.mode)
    device = choose_device()
    made_from = key(
        "mmn13lib.q3_transfer.experiment.run",
        **fingerprint(settings),
        config=asdict(config),
        device=device.type,
        dtype=str(choose_dtype(device)),
    )
    return settings.results / "experiment" / made_from


def _find(folder: Path, inputs: Inputs, say: Say) -> Results | None:
    if not (folder / "results.json").exists():
        return None
    try:
        return records.read(folder, inputs)
    except storage.Damaged as damage:
        say(f"The stored results are damaged ({damage}): they are put together again.")
        return None


@contextmanager
def _alone(settings: Settings, say: Say) -> Iterator[None]:
    """Hold the experiment's lock, which the system frees when a process ends or is killed."""
    path = settings.locks / "experiment.lock"
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        lock = FileLock(path)
        try:
            lock.acquire(timeout=0)
        except Timeout:
            say("The experiment is running in another process: waiting for it to finish.")
            lock.acquire()
    except OSError as error:
        raise storage.disk_error(path, error) from error
    try:
        yield
    finally:
        lock.release()


def _stages(settings: Settings, inputs: Inputs, config: ExperimentSettings, say: Say) -> Stages:
    device = choose_device()
    made_from = fingerprint(settings)
    if config.num_train is not None or config.num_test is not None:
        made_from["data"] += f"[{config.num_train}, {config.num_test}]"
    steps = Steps(settings.results, say)
    return Stages(inputs, made_from, config, device, choose_dtype(device), steps, say)


def _compute(stages: Stages) -> Results:
    config = stages.config
    features = {part: stages.features(train=part == "train") for part in ("train", "test")}
    heads = [stages.head(seed) for seed in range(config.num_head_seeds)]
    trap = stages.trap()
    small_resnet = stages.small_resnet()
    study = stages.label_study()
    precision = stages.precision()
    model = TransferResNet.from_weights(stages.inputs.weights)
    model.fc.load_state_dict({name: heads[0].tensors[name] for name in ("weight", "bias")})
    test_images, test_labels = stages.test
    num_images = len(stages.train[0]) + len(test_images)
    extraction_seconds = sum(part.seconds for part in features.values())
    few = [record for record in study if record["count"] < len(stages.split[0])]  # not all again
    studied = {
        name: sum(record["seconds"] for record in few if record["model"] == name)
        for name in ("head", "small_resnet")
    }
    return Results(
        inputs=stages.inputs,
        classes=stages.classes,
        counts={
            "train": len(stages.split[0]),
            "validation": len(stages.split[1]),
            "test": len(test_images),
        },
        head=_model_result(
            stages,
            heads[0],
            "new head on a frozen ResNet-18",
            model,
            features["train"].seconds + heads[0].seconds,
        ),
        small_resnet=_model_result(
            stages,
            small_resnet,
            "small residual network",
            SmallResNet(channels=config.small_resnet.channels),
            small_resnet.seconds,
        ),
        head_seeds=[head.values["test_accuracy"] for head in heads],
        label_study=study,
        trap=trap.values,
        mistakes=measure.mistakes(
            model, test_images, test_labels, heads[0].tensors["test_logits"], config.num_mistakes
        ),
        precision=precision,
        timings={
            "features": extraction_seconds,
            "heads": sum(head.seconds for head in heads),
            "BatchNorm trap": trap.seconds,
            "small network": small_resnet.seconds,
            "few labels, heads": studied["head"],
            "few labels, small networks": studied["small_resnet"],
        },
        extraction_images_per_second=num_images / extraction_seconds,
        peak_memory_bytes=max(part.peak_memory for part in features.values()),
        experiment=asdict(config),
        hardware=hardware() | {"device": stages.device.type},
        date=date.today().isoformat(),
    )


def _model_result(
    stages: Stages, step: Step, name: str, model: nn.Module, training_seconds: float
) -> ModelResult:
    return ModelResult(
        name=name,
        test_logits=step.tensors["test_logits"].numpy(),
        test_labels=stages.test[1].numpy(),
        history=step.values["history"],
        training_seconds=training_seconds,
        inference_images_per_second=measure.inference_speed(model, stages.device, stages.dtype),
        **measure.costs(model),
    )
