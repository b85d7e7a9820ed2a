"""The whole experiment of question 3: run it, go on with it, or find it done.

Killed at any moment and started again, it goes on from where it was. Two processes at once are
kept apart by a lock.
"""

from dataclasses import asdict
from pathlib import Path
from statistics import mean
from typing import Any

import torch.nn.functional as F
from torch import Tensor, nn

from mmn13lib.foundation import storage
from mmn13lib.foundation.locks import exclusive
from mmn13lib.foundation.provenance import code_digest, key
from mmn13lib.foundation.settings import Settings
from mmn13lib.q3_transfer.data.datasets import dataset
from mmn13lib.q3_transfer.data.inputs import Inputs, fingerprint, resolve
from mmn13lib.q3_transfer.data.preprocessing import IMAGE_SIZE, preprocess
from mmn13lib.q3_transfer.experiment import completion, store
from mmn13lib.q3_transfer.experiment.settings import ExperimentSettings
from mmn13lib.q3_transfer.experiment.steps import Steps, environment
from mmn13lib.q3_transfer.experiment.store import Progress, Step, joined
from mmn13lib.q3_transfer.models.backbone import FrozenResNet18
from mmn13lib.q3_transfer.models.costs import count_multiply_adds, count_parameters
from mmn13lib.q3_transfer.models.devices import keep_freed_memory
from mmn13lib.q3_transfer.models.gradcam import gradcam
from mmn13lib.q3_transfer.models.small_resnet import SmallResNet
from mmn13lib.q3_transfer.results import metrics, records
from mmn13lib.q3_transfer.results.metrics import accuracy
from mmn13lib.q3_transfer.results.records import ModelResult, Results

# kept from now on, as in `steps`; the inputs' key asks for the sample's
CODE = code_digest("mmn13lib.q3_transfer.experiment.run")
code_digest("mmn13lib.q3_transfer.data.sample")


def run(
    settings: Settings, progress: Progress = print, config: ExperimentSettings | None = None
) -> Results:
    """Run the experiment, or find its results if it has run with these inputs and this code.

    `config` is chosen for the inputs where it is None. Raises UserError if an input is wrong,
    the disk is full or the results' folder can't be written to.
    """
    inputs = resolve(settings)
    folder = results_folder(settings, config)

    def waiting(holder: str) -> None:
        progress(f"The experiment is running in {holder}: waiting for it to finish.")

    found = _find(folder, inputs, progress)
    if found is None:
        with exclusive(settings.locks / "experiment.lock", waiting):
            found = _find(folder, inputs, lambda _: None)  # the other process may have finished it
            if found is None:
                keep_freed_memory()
                records.write(folder, _assemble(Steps(settings, config, progress)))
                found = records.read(folder, inputs)
    if config is None:
        completion.remember(settings, folder / records.FILE, found.head.test_accuracy)
    return found


def results_folder(settings: Settings, config: ExperimentSettings | None = None) -> Path:
    """Name the folder of the results that belong to these inputs and this code."""
    made_from = fingerprint(settings)
    config = config or ExperimentSettings.for_mode(resolve(settings).mode)
    name = key(code=CODE, **made_from, config=asdict(config), environment=environment())
    return settings.results / "experiment" / name


def stored_features(
    settings: Settings, config: ExperimentSettings | None = None
) -> dict[str, tuple[Tensor, Tensor]] | None:
    """Read the features (N, 512) and labels of ``train``, ``validation`` and ``test`` images.

    None where they are not stored, as in a submission that was unzipped.
    """
    if not (settings.results / "features").is_dir():
        return None
    steps = Steps(settings, config, lambda _: None)
    parts = []
    for images in (steps.images, steps.test_images):
        folder = steps.features_folder(images, steps.dtype)
        shards = [store.read(file, lambda _: None) for file in sorted(folder.glob("*.safetensors"))]
        whole = [shard for shard in shards if shard is not None]
        if sum(len(shard.tensors["features"]) for shard in whole) != len(images):
            return None
        parts.append(joined(whole))
    features, test_features = parts
    return {
        "train": (features[steps.kept], steps.labels[steps.kept]),
        "validation": (features[steps.held_out], steps.labels[steps.held_out]),
        "test": (test_features, steps.test_labels),
    }


def _find(folder: Path, inputs: Inputs, progress: Progress) -> Results | None:
    if not (folder / records.FILE).exists():
        return None
    try:
        return records.read(folder, inputs)
    except storage.Damaged as damage:
        progress(f"The stored results are damaged ({damage}): they are put together again.")
        return None


def _assemble(steps: Steps) -> Results:
    config = steps.config
    heads = [steps.head(seed) for seed in range(config.num_head_seeds)]
    trap = steps.trap()
    small_resnet = steps.small_resnet()
    study = steps.label_study()
    few = [(model, step) for model, count, _, step in study if count < len(steps.kept)]
    model = FrozenResNet18.from_weights(steps.inputs.weights)
    model.fc.load_state_dict({name: heads[0].tensors[name] for name in ("weight", "bias")})
    small = SmallResNet(channels=config.small_resnet.channels)
    speeds = steps.speed(model), steps.speed(small)
    groups = {
        "features": [*steps.features, *steps.test_features],
        "heads": heads,
        "BatchNorm trap": [trap],
        "small network": [small_resnet],
        "few labels, heads": [step for name, step in few if name == "head"],
        "few labels, small networks": [step for name, step in few if name != "head"],
        "features in float32": steps.exact_features,
        "speed of classification": [*speeds],
    }
    made = {name: store.summary(group) for name, group in groups.items()}
    last = max(made.values(), key=lambda summary: summary["date"])
    num_images = len(steps.labels) + len(steps.test_labels)
    # the held-out images' features are no part of the training
    training = sum(s.seconds for s in steps.features) * len(steps.kept) / len(steps.labels)
    return Results(
        inputs=steps.inputs,
        classes=tuple(dataset(steps.inputs, train=False).classes),
        counts={
            "train": len(steps.kept),
            "validation": len(steps.held_out),
            "test": len(steps.test_labels),
        },
        head=_model_result(steps, heads[0], model, speeds[0], training),
        small_resnet=_model_result(steps, small_resnet, small, speeds[1]),
        small_resnet_weights=records.under("model.", small_resnet.tensors),
        head_seeds=[_test_accuracy(steps, head) for head in heads],
        label_study=[_study_record(steps, *record) for record in study],
        trap=trap.values,
        mistakes=_mistakes(steps, model, heads[0].tensors["test_logits"]),
        precision=_precision(steps, heads),
        steps=made,
        extraction_images_per_second=num_images / made["features"]["seconds"],
        experiment=asdict(config),
        hardware=last["hardware"] | {"device": steps.device.type},
    )


def _model_result(
    steps: Steps, step: Step, model: nn.Module, speed: Step, before: float = 0.0
) -> ModelResult:
    """Describe a model; `before` are the seconds of what its training started from."""
    return ModelResult(
        test_logits=step.tensors["test_logits"].numpy(),
        test_labels=steps.test_labels.numpy(),
        validation_logits=step.tensors["validation_logits"].numpy(),
        validation_labels=steps.labels[steps.held_out].numpy(),
        history=step.values["history"],
        trained_parameters=count_parameters(model, trained_only=True),
        total_parameters=count_parameters(model),
        multiply_adds=count_multiply_adds(model, (3, IMAGE_SIZE, IMAGE_SIZE)),
        training_seconds=before + step.seconds,
        inference_images_per_second=speed.values["images_per_second"],
    )


def _study_record(steps: Steps, model: str, count: int, seed: int, step: Step) -> dict[str, Any]:
    history = step.values["history"]
    accuracies = [epoch["train_accuracy"] for epoch in history]
    return {
        "model": model,
        "count": count,
        "seed": seed,
        "test_accuracy": _test_accuracy(steps, step),
        "train_accuracy": accuracies[-1],
        # what the last quarter of the epochs gained: at a plateau it is less than a point
        "last_gain": accuracies[-1] - accuracies[-1 - len(accuracies) // 4],
        "epochs": len(accuracies),
        "updates": history[-1]["updates"],
        "seconds": step.seconds,
    }


def _test_accuracy(steps: Steps, step: Step) -> float:
    return accuracy(step.tensors["test_logits"], steps.test_labels)


def _mistakes(steps: Steps, model: FrozenResNet18, logits: Tensor) -> list[dict[str, Any]]:
    """Describe the most blatant mistakes, surest of all and wrong, as `Results` has them."""
    indices = metrics.blatant_mistakes(logits, steps.test_labels, steps.config.num_mistakes)
    if not len(indices):
        return []
    images, labels = steps.test_images[indices], steps.test_labels[indices]
    predicted = logits[indices].argmax(1)
    probabilities = metrics.softmax(logits[indices])
    heat = gradcam(model.eval(), preprocess(images), predicted)
    return [
        {
            "index": int(index),
            "image": images[rank].permute(1, 2, 0).contiguous().numpy(),
            "predicted": int(predicted[rank]),
            "true": int(labels[rank]),
            "predicted_probability": float(probabilities[rank, predicted[rank]]),
            "true_probability": float(probabilities[rank, labels[rank]]),
            "gradcam": heat[rank],
        }
        for rank, index in enumerate(indices)
    ]


def _precision(steps: Steps, heads: list[Step]) -> dict[str, Any]:
    """Compare the heads' mean accuracy on features of the precision used and of float32."""
    labels = steps.test_labels[: steps.config.precision_images]
    exact = joined(steps.exact_features)[: len(labels)]
    logits = [F.linear(exact, head.tensors["weight"], head.tensors["bias"]) for head in heads]
    used = [head.tensors["test_logits"][: len(labels)] for head in heads]
    return {
        "float32": mean(accuracy(found, labels) for found in logits),
        "used": mean(accuracy(found, labels) for found in used),
        "used_name": str(steps.dtype).removeprefix("torch."),
        "images": len(labels),
    }
