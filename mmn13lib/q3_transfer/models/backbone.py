"""A ResNet-18 with weights from elsewhere, a new head, and everything before the head frozen."""

from pathlib import Path
from typing import Self

import torch
from safetensors.torch import load_file
from torch import Tensor, nn
from torchvision.models.resnet import BasicBlock, ResNet

from mmn13lib.foundation.errors import UserError

PRECISIONS = (torch.float16, torch.bfloat16, torch.float32, torch.float64)


class FrozenResNet18(ResNet):
    """ResNet-18 of which only the head, ``fc``, can be trained.

    Nothing outside the head changes, whatever is called: no parameter there takes a gradient,
    and ``train()`` leaves every layer before the head in eval mode, so that BatchNorm normalises
    with the statistics that came with the weights and does not move them.

    >>> model = FrozenResNet18().train()
    >>> [name for name, parameter in model.named_parameters() if parameter.requires_grad]
    ['fc.weight', 'fc.bias']
    >>> model.bn1.training, model.fc.training
    (False, True)
    """

    def __init__(self, seed: int = 0) -> None:
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            super().__init__(BasicBlock, [2, 2, 2, 2])
        self.requires_grad_(False)
        self.fc = new_head(seed)
        self.train()

    @classmethod
    def from_weights(cls, path: Path | None) -> Self:
        """Return the network with a backbone from a file, or of random weights for None.

        Raises UserError as `load_backbone` does.
        """
        model = cls()
        if path is not None:
            load_backbone(model, path)
        return model

    def train(self, mode: bool = True) -> Self:
        """Set the head's mode; the backbone stays in eval mode."""
        super().train(False)
        self.fc.train(mode)
        return self


def new_head(seed: int) -> nn.Linear:
    """Return a head for the backbone's features: ten classes."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return nn.Linear(512, 10)


def load_backbone(model: ResNet, path: Path) -> None:
    """Load a state dict into every layer of a ResNet-18 but its head, whatever the file's is.

    The model is in eval mode afterwards. Raises UserError if the file, ``.safetensors`` or
    `torch.save`'s, is no state dict in torchvision's names, or if its numbers can't be a network's.
    """
    weights = {
        name: tensor for name, tensor in read_state_dict(path).items() if not name.startswith("fc.")
    }
    for name, tensor in weights.items():
        if name.endswith("num_batches_tracked"):  # a counter that nothing here reads
            continue
        if tensor.dtype not in PRECISIONS or tensor.layout is not torch.strided or tensor.is_meta:
            kind = f"{tensor.dtype}, {tensor.layout}, {tensor.device}"
            raise _unusable(path, f"{name} is no plain tensor of floating-point numbers ({kind})")
        if not tensor.float().isfinite().all():
            raise _unusable(path, f"{name} holds NaN or infinite values")
    weights |= {f"fc.{name}": tensor for name, tensor in model.fc.state_dict().items()}
    try:
        model.load_state_dict(weights)  # half precision becomes float32 here
    except RuntimeError as error:
        difference = str(error).splitlines()[1].strip()
        raise UserError(
            f"{path} does not hold a ResNet-18 in torchvision's names ({difference[:160]}): give "
            "the state dict of torchvision.models.resnet18."
        ) from error
    with torch.no_grad():
        logits = model.eval()(torch.linspace(-2, 2, 2 * 3 * 32 * 32).view(2, 3, 32, 32))
    if not logits.isfinite().all():
        raise _unusable(path, "what it computes of an image is not finite")
    if logits[0].equal(logits[1]):
        raise _unusable(path, "it computes the same of any image")


def _unusable(path: Path, fault: str) -> UserError:
    return UserError(
        f"{path} can't be used as weights, {fault}: give the state dict of a trained "
        "ResNet-18 in float32 or float16."
    )


def read_state_dict(path: Path) -> dict[str, Tensor]:
    """Return a file's state dict, ``.safetensors`` or PyTorch's; nothing in it is executed.

    Raises UserError if the file is truncated, is something else, or holds more than tensors.
    """
    try:
        if path.suffix.lower() == ".safetensors":
            return load_file(path)
        weights = torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:  # what a foreign file makes the two readers raise has no end
        raise UserError(
            f"{path} can't be read as weights, it is truncated or something else: give a "
            "ResNet-18 state dict (.pth or .safetensors), or get the weights again with "
            "`mmn13 fetch`."
        ) from error
    if not isinstance(weights, dict) or not all(
        isinstance(name, str) and isinstance(value, Tensor) for name, value in weights.items()
    ):
        raise UserError(
            f"{path} holds no state dict (names with tensors) but a {type(weights).__name__}: "
            "save model.state_dict() and give that file."
        )
    return dict(weights)
