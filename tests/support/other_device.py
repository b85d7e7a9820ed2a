"""A device that is none: it computes on the CPU, and keeps its tensors apart as a GPU does.

Within `OtherDevice()`, a tensor moved to `OTHER` meets no tensor of the CPU (scalars excepted), has
no ``numpy()``, and comes back by ``cpu()`` or ``item()`` alone; `waits` counts the latter.
"""

from typing import Any, ClassVar

import torch
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves, tree_map

OTHER = torch.device("meta")  # the one whose name torch knows everywhere


class Elsewhere(torch.Tensor):
    """A tensor on the other device, whose numbers are `here`."""

    @staticmethod
    def __new__(cls, here: torch.Tensor) -> "Elsewhere":
        layout = {"strides": here.stride(), "dtype": here.dtype, "device": OTHER}
        return torch.Tensor._make_wrapper_subclass(cls, here.shape, **layout)

    def __init__(self, here: torch.Tensor) -> None:
        self.here = here

    @classmethod
    def __torch_dispatch__(cls, operator, types, arguments=(), options=None):
        return _call(operator, arguments, options or {})


class OtherDevice(TorchDispatchMode):
    """Where the other device exists."""

    waits: ClassVar[list[str]] = []

    def __torch_dispatch__(self, operator, types, arguments=(), options=None):
        name = operator.overloadpacket.__name__
        if name in ("_local_scalar_dense", "item") and isinstance(arguments[0], Elsewhere):
            self.waits.append(name)
        return _call(operator, arguments, options or {})


def _call(operator: Any, arguments: Any, options: dict[str, Any]) -> Any:
    leaves = tree_leaves((arguments, options))
    tensors = [it for it in leaves if isinstance(it, torch.Tensor)]
    away = [it for it in tensors if isinstance(it, Elsewhere)]
    moves = operator.overloadpacket.__name__ in ("_to_copy", "copy_", "to")
    if away and not moves and any(it.ndim for it in tensors if not isinstance(it, Elsewhere)):
        raise RuntimeError(f"{operator} got tensors of the CPU beside the other device's")
    targets = [it for it in leaves if isinstance(it, torch.device)]
    arguments, options = tree_map(_here, (arguments, options))
    result = operator(*arguments, **options)
    if targets[0] != OTHER if targets else not away:
        return result
    if operator._schema.is_mutable:  # in place: the result is an argument
        for it in away:
            if it.here is result:
                return it
    return tree_map(lambda it: Elsewhere(it) if isinstance(it, torch.Tensor) else it, result)


def _here(it: Any) -> Any:
    if isinstance(it, torch.device):
        return torch.device("cpu")
    return it.here if isinstance(it, Elsewhere) else it
