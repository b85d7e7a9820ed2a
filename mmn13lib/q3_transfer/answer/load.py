"""The experiment's stored results, as the report reads them.

This imports the experiment, so that what shows results depends on the code that made them.
"""

import shutil
from pathlib import Path

import torch
from torchvision.models import ResNet, ResNet18_Weights, resnet18

from mmn13lib.foundation import storage
from mmn13lib.foundation.errors import UserError
from mmn13lib.foundation.settings import Settings
from mmn13lib.q3_transfer.answer import portable
from mmn13lib.q3_transfer.data.inputs import Inputs, resolve
from mmn13lib.q3_transfer.models.backbone import load_backbone
from mmn13lib.q3_transfer.results import records
from mmn13lib.q3_transfer.results.records import Results


def load(settings: Settings) -> Results:
    """Read the results that belong to these inputs and this code, or those that travel here.

    Raises `UserError` if the experiment has not been run, or its files are damaged.
    """
    try:
        travelled = portable.load(settings)
        if travelled is not None:
            return travelled
        # where results travel to, neither the experiment nor what it needs has to be there
        from mmn13lib.q3_transfer.experiment.run import results_folder

        return records.read(results_folder(settings), resolve(settings))
    except storage.Damaged as error:
        raise UserError(
            f"Question 3 has no results to show ({error}): run `mmn13 experiment`."
        ) from error


def stand_in_model(inputs: Inputs) -> ResNet | None:
    """Make a ResNet-18 of other weights, or random ones; None where the ImageNet ones are here."""
    if inputs.weights is not None and inputs.mode == "imagenet":
        return None
    model = resnet18()
    if inputs.weights is not None:
        load_backbone(model, inputs.weights)  # every layer but the last
    return model


def offer_weights(settings: Settings, inputs: Inputs) -> None:
    """Let `models.resnet18(weights=…)` find the ImageNet weights that are here."""
    if inputs.mode != "imagenet" or inputs.weights is None:
        return
    hub = settings.cache / "torch"
    file = hub / "checkpoints" / Path(ResNet18_Weights.IMAGENET1K_V1.url).name
    file.parent.mkdir(parents=True, exist_ok=True)
    file.unlink(missing_ok=True)
    try:
        file.symlink_to(inputs.weights)
    except OSError:  # Windows asks for a right to make links
        shutil.copyfile(inputs.weights, file)
    torch.hub.set_dir(hub)
