"""The experiment's steps on disk, each under the key of what made it."""

import hashlib
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from torch import Tensor

from mmn13lib.foundation import storage
from mmn13lib.q3_transfer.experiment.progress import Say


@dataclass(frozen=True)
class Step:
    """What a step made.

    Attributes
    ----------
    values
        Whatever JSON can hold.
    tensors
        By their names.
    seconds
        That making it took.
    """

    values: dict[str, Any]
    tensors: dict[str, Tensor] = field(default_factory=dict)
    seconds: float = 0.0


@dataclass(frozen=True)
class Steps:
    """The folder of finished steps.

    Attributes
    ----------
    folder
        Where they are.
    say
        Takes a line for people.
    """

    folder: Path
    say: Say

    def path(self, name: str, key: str, suffix: str) -> Path:
        """Name a file of a step.

        Parameters
        ----------
        name, key, suffix
            The step's name and key, and the file's ending.

        Returns
        -------
        Path
        """
        return self.folder / name / f"{key}{suffix}"

    def get(self, name: str, key: str, make: Callable[[], Step]) -> Step:
        """Read a step, or make and store it if it is absent or damaged.

        Parameters
        ----------
        name
            A folder's name, for people.
        key
            Of everything that the step is made from.
        make
            Makes it; its time is measured unless it tells one.

        Returns
        -------
        Step
        """
        json, tensors = (self.path(name, key, suffix) for suffix in (".json", ".safetensors"))
        if json.exists():
            try:
                stored = storage.read_json(json)
                return Step(stored["values"], storage.read_tensors(tensors), stored["seconds"])
            except storage.Damaged as damage:
                self.say(f"The stored step {name} is damaged ({damage}): it is computed again.")
        begin = time.perf_counter()
        made = make()
        seconds = made.seconds or time.perf_counter() - begin
        storage.write_tensors(tensors, made.tensors)
        # the JSON comes last: where it is, the step is whole
        storage.write_json(json, {"values": made.values, "seconds": seconds})
        return Step(made.values, made.tensors, seconds)


def tensor_digest(*tensors: Tensor) -> str:
    """Digest the content of tensors, for keys.

    Parameters
    ----------
    *tensors
        On the CPU.

    Returns
    -------
    str
        SHA-256, hexadecimal.

    Examples
    --------
    >>> import torch
    >>> tensor_digest(torch.zeros(2)) == tensor_digest(torch.zeros(3))
    False
    """
    digest = hashlib.sha256()
    for tensor in tensors:
        digest.update(f"{tensor.dtype} {tuple(tensor.shape)}".encode())
        digest.update(tensor.contiguous().numpy().tobytes())
    return digest.hexdigest()
