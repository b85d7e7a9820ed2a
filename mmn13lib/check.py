"""What the report needs and whether it is there, ``mmn13 check``."""

import platform
import shutil
import subprocess
import sys
from importlib import import_module
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import NamedTuple

from mmn13lib.foundation.errors import UserError
from mmn13lib.foundation.settings import Settings
from mmn13lib.q3_transfer.data import inputs
from mmn13lib.rendering import document, quarto

ROOMY_DISK, LEAST_DISK = 2.0, 0.5  # GB: with the real data set; with the sample
INSTALL = 'pip install -c constraints.txt -e ".[dev]"'


class Requirement(NamedTuple):
    """One thing, whether it is there and good, and whether no report can be made without it."""

    name: str
    ok: bool
    needed: bool
    detail: str  # what was found
    fix: str = ""  # what mends it


def check(settings: Settings) -> list[Requirement]:
    """Look for everything that the report needs."""
    found = check_quarto()
    return [
        check_python(),
        check_torch(),
        check_device(),
        found,
        check_built_in_engine(needed=not found.ok),
        check_data(settings),
        check_weights(settings),
        check_disk(settings.root),
    ]


def check_python() -> Requirement:
    """Look at the version of the Python that runs this."""
    ok = sys.version_info[:2] >= (3, 11)
    detail = f"{platform.python_version()} in {sys.prefix}"
    fix = "install Python 3.11 or newer, then `make PYTHON=<that> report`"
    return Requirement("Python", ok, True, detail, fix)


def check_torch() -> Requirement:
    """Look at torch and torchvision, which have to fit each other to be imported."""
    try:
        detail = f"{version('torch')} and {version('torchvision')}"
        import_module("torchvision")
    except PackageNotFoundError as error:
        problem = f"{error.name} is not installed"
    except Exception as error:  # a broken pair raises RuntimeError, OSError and others
        problem = f"{detail} do not fit each other ({type(error).__name__}: {error})"
    else:
        return Requirement("torch, torchvision", True, True, detail)
    return Requirement("torch, torchvision", False, True, problem, INSTALL)


def check_device() -> Requirement:
    """Say what trains: a GPU where there is one; a CPU will do."""
    try:
        import torch

        from mmn13lib.q3_transfer.models.devices import choose_device

        detail = choose_device().type
        if detail == "cuda":
            detail = f"cuda ({torch.cuda.get_device_name()})"
        elif detail == "cpu":
            detail = f"cpu, {torch.get_num_threads()} threads"
    except Exception as error:  # torch's own line says what to do
        return Requirement("device", False, True, f"unknown ({type(error).__name__})", INSTALL)
    return Requirement("device", True, True, detail)


def check_quarto() -> Requirement:
    """Look for Quarto, which makes the site; without it the built-in engine makes the report."""
    usable, detail = quarto.installed()
    return Requirement("Quarto", usable, False, detail, quarto.FIX)


def check_built_in_engine(needed: bool) -> Requirement:
    """Look for the packages that make the report without Quarto."""
    name = "built-in engine"
    try:
        pandoc = subprocess.check_output([document.pandoc_path(), "--version"], text=True)
        detail = f"{pandoc.splitlines()[0]}, typst {version('typst')}, jupyter-cache"
        import_module("typst")
        version("jupyter-cache")
    # PackageNotFoundError is an ImportError
    except (ImportError, OSError, subprocess.SubprocessError) as error:
        return Requirement(name, False, needed, f"incomplete ({error})", INSTALL)
    return Requirement(name, True, needed, detail)


def check_data(settings: Settings) -> Requirement:
    """Look for CIFAR-10, file by file; without it the sample stands in."""
    try:
        folder = inputs.find_data(settings)
    except UserError as error:
        return _refused("data set", error)
    if folder is None:
        detail = f"no {inputs.BATCHES} in {settings.downloads}"
        return Requirement("data set", False, False, detail, "mmn13 fetch")
    return Requirement("data set", True, True, f"CIFAR-10 in {folder}")


def check_weights(settings: Settings) -> Requirement:
    """Load ResNet-18's weights as the experiment will; without them the sample stands in."""
    try:
        path = inputs.find_weights(settings)
        if path is not None and settings.weights:
            from mmn13lib.q3_transfer.models.backbone import FrozenResNet18

            FrozenResNet18.from_weights(path)
    except UserError as error:
        return _refused("weights", error)
    except (ImportError, OSError, RuntimeError) as error:  # torch's own line says what to do
        detail = f"{path} can't be loaded ({type(error).__name__}: {error})"
        return Requirement("weights", False, True, detail, INSTALL)
    if path is None:
        detail = f"no {inputs.IMAGENET_WEIGHTS.name} in {settings.downloads}"
        return Requirement("weights", False, False, detail, "mmn13 fetch")
    return Requirement("weights", True, True, str(path))


def _refused(name: str, error: UserError) -> Requirement:
    """Turn what the experiment would say into a finding: what is wrong: what to do."""
    detail, _, fix = str(error).rpartition(": ")
    return Requirement(name, False, True, detail, fix)


def check_disk(root: Path) -> Requirement:
    """Look at the free space where the project is."""
    free = shutil.disk_usage(root).free / 1e9
    fix = f"free {ROOMY_DISK:.0f} GB; the README lists what this project can make again"
    return Requirement("free disk", free >= ROOMY_DISK, free < LEAST_DISK, f"{free:.1f} GB", fix)
