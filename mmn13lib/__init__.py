"""The package behind the report: a package for each question, and those that they share.

Importing it imports nothing heavy: the two public names are resolved when they are first asked for.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from mmn13lib.q1_convolution.layer import Conv2d
    from mmn13lib.q2_backpropagation.derivation import convolution_gradients

__all__ = ["Conv2d", "convolution_gradients"]

# not import statements: what imports this package does not depend on them
_HOMES = {
    "Conv2d": "mmn13lib.q1_convolution.layer",
    "convolution_gradients": "mmn13lib.q2_backpropagation.derivation",
}


def __getattr__(name: str) -> Any:
    if name in _HOMES:
        return getattr(import_module(_HOMES[name]), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
