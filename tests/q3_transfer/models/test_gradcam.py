"""Grad-CAM shows what the network computed, and leaves the network alone."""

import copy

import numpy as np
import pytest
import torch
from torchvision import models

from mmn13lib.q3_transfer.models.gradcam import gradcam


@pytest.fixture(scope="module")
def frozen():
    torch.manual_seed(0)
    model = models.resnet18(weights=None, num_classes=10)
    for parameter in model.parameters():
        parameter.requires_grad_(False)
    return model.eval()


@pytest.fixture(scope="module")
def images():
    return torch.randn(3, 3, 64, 64, generator=torch.Generator().manual_seed(1))


def test_with_average_pooling_and_one_layer_it_is_the_class_activation_map(frozen, images):
    # Selvaraju et al. 2017, section 3.1: there Grad-CAM is CAM (Zhou et al. 2016)
    classes = torch.tensor([0, 5, 9])
    heat = gradcam(frozen, images, classes)
    maps: list[torch.Tensor] = []
    handle = frozen.layer4.register_forward_hook(lambda *call: maps.append(call[2]))
    frozen(images)
    handle.remove()
    cam = torch.einsum("nk,nkhw->nhw", frozen.fc.weight[classes], maps[0]).relu()
    cam = cam / cam.amax(dim=(1, 2), keepdim=True).clamp(min=1e-12)  # one may be dark
    assert heat.shape == (3, 2, 2)
    assert heat.dtype == np.float32
    np.testing.assert_allclose(heat, cam.numpy(), atol=1e-5)


def test_it_leaves_parameters_buffers_and_gradients_as_they_were(frozen, images):
    model = copy.deepcopy(frozen).train()
    model.fc.weight.requires_grad_()
    state = {name: value.clone() for name, value in model.state_dict().items()}
    gradcam(model, images, torch.tensor([1, 2, 3]))
    assert all(torch.equal(value, state[name]) for name, value in model.state_dict().items())
    assert all(parameter.grad is None for parameter in model.parameters())


def test_it_works_where_gradients_are_switched_off_and_images_do_not_mix(frozen, images):
    classes = torch.tensor([4, 4, 4])
    with torch.no_grad():
        together = gradcam(frozen, images, classes)
    alone = np.concatenate([gradcam(frozen, images[i : i + 1], classes[:1]) for i in range(3)])
    np.testing.assert_allclose(together, alone, atol=1e-5)
    assert ((together >= 0) & (together <= 1)).all()


def test_a_class_that_no_place_speaks_for_is_dark_not_nan(frozen, images):
    model = copy.deepcopy(frozen)
    model.fc.weight.fill_(-1.0)
    assert (gradcam(model, images, torch.tensor([0, 0, 0])) == 0).all()
