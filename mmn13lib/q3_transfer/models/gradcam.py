"""Grad-CAM: where in the image a network saw the class."""

import numpy as np
import torch
from torch import nn


def gradcam(model: nn.Module, images: torch.Tensor, classes: torch.Tensor) -> np.ndarray:
    """Return how much each place of a network's last feature maps speaks for a class.

    The network's last two children are its pooling and its head, as in ResNet-18 and SmallResNet;
    it is put into eval mode. For normalised images (N, 3, H, W), and a class (N,) for each, it is
    (N, h, w) of the maps' h and w (7×7 of ResNet-18's for 224×224), the strongest place being 1,
    or all 0 where no place speaks for the class.

    R. R. Selvaraju et al., "Grad-CAM: visual explanations from deep networks via
    gradient-based localization", ICCV 2017, equations 1 and 2.
    """
    *layers, pool, head = model.eval().children()
    with torch.no_grad():
        maps = nn.Sequential(*layers)(images)
    # a new leaf: the gradient begins here, whatever is frozen before
    with torch.enable_grad():
        logits = head(pool(maps.requires_grad_()).flatten(1))
        # images do not mix in eval mode: the gradient of the sum is each image's own
        chosen = logits.gather(1, classes.to(maps.device)[:, None]).sum()
        (gradients,) = torch.autograd.grad(chosen, maps)
    weights = gradients.mean(dim=(2, 3), keepdim=True)
    heat = (weights * maps.detach()).sum(dim=1).relu().float()
    highest = heat.amax(dim=(1, 2), keepdim=True)
    return np.asarray((heat / highest.where(highest > 0, 1.0)).cpu())
