"""What the report needs and whether it is there, ``mmn13 check``."""

import platform
import sys
from collections.abc import Callable
from importlib import import_module
from pathlib import Path

from mmn13lib.foundation.errors import UserError
from mmn13lib.foundation.hardware import versions
from mmn13lib.foundation.settings import Settings
from mmn13lib.q3_transfer.data import inputs
from mmn13lib.rendering import quarto
from mmn13lib.submission.inspection import Finding

INSTALL = 'pip install -c constraints.txt -e ".[dev]"'


def check(settings: Settings) -> list[Finding]:
    """Look for everything that the report needs and that its installation does not bring."""
    usable, detail = quarto.installed()
    return [
        check_torch(),
        Finding(usable or None, f"Quarto: {detail}", quarto.FIX),
        _check_input("data set", lambda: inputs.find_data(settings)),
        _check_input("weights", lambda: _load_weights(settings)),
    ]


def check_torch() -> Finding:
    """Look at torch and torchvision, which have to fit each other, and say what trains."""
    python = f"Python {platform.python_version()} in {sys.prefix}"
    try:
        import_module("torchvision")
        device = import_module("mmn13lib.q3_transfer.models.devices").choose_device().type
        words = ", ".join(f"{name} {version}" for name, version in versions().items())
    except Exception as error:  # a broken pair raises RuntimeError, OSError and others
        return Finding(False, f"PyTorch: {type(error).__name__}: {error}; {python}", INSTALL)
    return Finding(True, f"PyTorch: {words}, trains on {device}; {python}")


def _check_input(name: str, find: Callable[[], Path | None]) -> Finding:
    """Look for the data or the weights; without them the sample stands in."""
    try:
        path = find()
    except (UserError, ImportError, OSError, RuntimeError) as error:  # torch's, too
        detail, _, fix = str(error).rpartition(": ")  # what is wrong: what to do
        return Finding(False, f"{name}: {detail}", fix)
    return Finding(path is not None or None, f"{name}: {path or 'not there'}", "mmn13 fetch")


def _load_weights(settings: Settings) -> Path | None:
    """Find ResNet-18's weights; those that somebody gave are loaded as the experiment will."""
    path = inputs.find_weights(settings)
    if path is not None and settings.weights:
        from mmn13lib.q3_transfer.models.backbone import FrozenResNet18

        FrozenResNet18.from_weights(path)
    return path
