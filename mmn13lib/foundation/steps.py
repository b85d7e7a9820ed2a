"""Steps on disk: what a function makes is stored under the key of its code and its arguments."""

import inspect
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass, is_dataclass
from datetime import datetime
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mmn13lib.foundation import storage
from mmn13lib.foundation.hardware import hardware, versions
from mmn13lib.foundation.provenance import file_digest, key

if TYPE_CHECKING:
    from torch import Tensor

    Made = tuple[dict[str, Any], dict[str, Tensor]]
    """Values that JSON can write, and tensors."""


@dataclass(frozen=True)
class Step:
    """What a step made, and how.

    Attributes
    ----------
    values, tensors
        Whatever JSON can write, and tensors by their names.
    made
        ``seconds``, ``date`` and ``hardware``.
    """

    values: dict[str, Any]
    tensors: "dict[str, Tensor]"
    made: dict[str, Any]

    @property
    def seconds(self) -> float:
        """What the step took; of a training, its epochs, whichever process did them."""
        history = self.values.get("history")
        return sum(epoch["seconds"] for epoch in history) if history else self.made["seconds"]


class Task:
    """A step to be done, or found done: a function and its arguments.

    The step's file is named by the key of the function's module, with all that this imports, of
    the libraries' versions, and of the arguments. Of these, tensors and files count by their
    content, dataclasses by their fields, another task by its key: what it makes is handed to the
    function in its place. Other arguments must be what JSON can write.
    """

    def __init__(self, folder: Path, make: "Callable[..., Made]", *arguments: Any) -> None:
        self.make, self.arguments = make, arguments
        self.step: Step | None = None
        content = [_content(argument) for argument in arguments]
        self.key = key(make.__module__, arguments=content, versions=versions())
        self.path = folder / make.__name__ / f"{self.key}.safetensors"

    def find(self, progress: Callable[[str], None] = lambda line: None) -> Step | None:
        """Read the step; None if it is absent or, with a line that says so, damaged."""
        if self.step is None and self.path.exists():
            try:
                self.step = self._read()
            except storage.Damaged as damage:
                progress(f"A stored step is damaged ({damage}): it is computed again.")
        return self.step

    def do(self, **uncounted: Any) -> Step:
        """Make the step and store it.

        What is given here changes no result, so it is in no key; a function that has no use for
        it is not given it. One may keep what it has not finished in the file ``checkpoint``.
        """
        checkpoint = self.path.with_suffix(".checkpoint")
        uncounted["checkpoint"] = checkpoint
        takes = inspect.signature(self.make).parameters
        given = {name: value for name, value in uncounted.items() if name in takes}
        arguments = [_made(argument) for argument in self.arguments]
        begin = time.perf_counter()
        values, tensors = self.make(*arguments, **given)
        made = {
            "seconds": time.perf_counter() - begin,
            "date": datetime.now().isoformat(timespec="seconds"),
            "hardware": hardware(),
        }
        arrays = {name: tensor.detach().cpu().numpy() for name, tensor in tensors.items()}
        storage.write_arrays(self.path, arrays, {"values": values, "made": made})
        checkpoint.unlink(missing_ok=True)
        self.step = self._read()
        return self.step

    def _read(self) -> Step:
        import torch  # not before there is a step to read

        arrays, record = storage.read_arrays(self.path)
        tensors = {name: torch.from_numpy(array) for name, array in arrays.items()}
        return Step(record["values"], tensors, record["made"])


def _made(argument: Any) -> Any:
    if isinstance(argument, tuple):
        return tuple(map(_made, argument))
    return (argument.find() or argument.do()) if isinstance(argument, Task) else argument


def _content(argument: Any) -> Any:
    if isinstance(argument, tuple):
        return [_content(part) for part in argument]
    if isinstance(argument, Task):
        return argument.key
    if isinstance(argument, Path):
        return _file_content(argument)
    if is_dataclass(argument) and not isinstance(argument, type):
        return asdict(argument)
    if hasattr(argument, "untyped_storage"):  # a tensor; torch may not be imported here
        import torch

        plain = argument.contiguous().flatten().view(torch.uint8).numpy()
        return f"{argument.dtype} {tuple(argument.shape)} {storage.digest(plain.data)}"
    return argument


@cache
def _file_content(path: Path) -> str:
    return file_digest(path)
