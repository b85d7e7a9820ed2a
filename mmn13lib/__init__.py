"""The package behind the report: one module for each question.

`convolution` answers question 1, `backpropagation` question 2, `transfer` question 3; `press`
turns the chapters into documents and `cli` is the command ``mmn13``. Importing this package
imports nothing heavy: ``mmn13lib.Conv2d`` is resolved when it is first asked for.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from mmn13lib.convolution import Conv2d

__all__ = ["Conv2d"]


def __getattr__(name: str) -> Any:
    if name == "Conv2d":
        # not an import statement: what imports this package does not depend on the layer
        return import_module("mmn13lib.convolution").Conv2d
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
