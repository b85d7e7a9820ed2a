"""Grad-CAM: where in the image a ResNet saw the class."""

from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np
import torch
from torch import nn


def gradcam(model: nn.Module, images: torch.Tensor, classes: torch.Tensor) -> np.ndarray:
    """Return how much each place of a ResNet's last feature maps speaks for a class.

    It is (N, h, w) of ``layer4``'s h and w (7×7 for 224×224), the strongest place being 1, or all
    0 where no place speaks for the class. ValueError if there is not one class for each
    normalised image (N, 3, H, W).

    The gradient is taken with respect to the feature maps, not to parameters, so a frozen
    backbone is no obstacle and no parameter's gradient is touched.

    R. R. Selvaraju et al., "Grad-CAM: visual explanations from deep networks via
    gradient-based localization", ICCV 2017, equations 1 and 2.
    """
    if images.ndim != 4 or classes.shape != images.shape[:1]:
        raise ValueError(
            f"expected images (N, 3, H, W) and classes (N,), got {tuple(images.shape)} and "
            f"{tuple(classes.shape)}"
        )
    kept: list[torch.Tensor] = []

    def keep(module: nn.Module, inputs: object, output: torch.Tensor) -> torch.Tensor:
        # a new leaf: the graph begins here, whatever is frozen before
        kept.append(output.detach().requires_grad_())
        return kept[0]

    handle = model.get_submodule("layer4").register_forward_hook(keep)
    try:
        with _in_eval_mode(model), torch.enable_grad():
            logits = model(images)
            # images do not mix in eval mode: the gradient of the sum is each image's own
            chosen = logits.gather(1, classes.to(logits.device)[:, None]).sum()
            (gradients,) = torch.autograd.grad(chosen, kept)
    finally:
        handle.remove()
    weights = gradients.mean(dim=(2, 3), keepdim=True)
    heat = (weights * kept[0]).sum(dim=1).relu().detach().float()
    highest = heat.amax(dim=(1, 2), keepdim=True)
    return np.asarray((heat / highest.where(highest > 0, 1.0)).cpu())


@contextmanager
def _in_eval_mode(model: nn.Module) -> Iterator[None]:
    """Switch to eval mode, and each module back to its own mode afterwards."""
    modes = [(module, module.training) for module in model.modules()]
    model.eval()
    try:
        yield
    finally:
        for module, training in modes:
            module.training = training
