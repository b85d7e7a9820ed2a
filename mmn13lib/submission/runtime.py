"""What the submitted notebook's own cells call: text with its numbers, definitions taken over.

It runs wherever the ZIP is unzipped, so it needs nothing but IPython and this package.
"""

import json
import sys
from collections.abc import Callable
from functools import cache
from importlib import import_module
from pathlib import Path
from typing import Any

from IPython import display

from mmn13lib.submission.markup import References, plain

REFERENCES = Path("artifacts/references.json")


class Markdown(display.Markdown):
    """IPython's Markdown, with the report's numbers in place of Quarto's labels."""

    def _repr_markdown_(self) -> str:
        return plain(str(self.data), _references())


@cache
def _references() -> References:
    if not REFERENCES.is_file():  # the notebook is being made, and numbered afterwards
        return References()
    return References(**json.loads(REFERENCES.read_text("utf-8")))


def adopt(module: str, *definitions: Callable[..., Any]) -> None:
    """Let the package call a notebook's definitions in place of its own.

    Parameters
    ----------
    module
        Where the package defines them, as ``mmn13lib.q1_convolution.layer``.
    *definitions
        Functions and classes that a cell has defined under the same names.
    """
    origin = import_module(module)
    for new in definitions:
        old = getattr(origin, new.__name__)
        for name, other in list(sys.modules.items()):
            if name.partition(".")[0] == "mmn13lib":
                for key, value in list(vars(other).items()):
                    if value is old:
                        setattr(other, key, new)
