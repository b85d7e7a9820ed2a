"""Files that are whole or absent: each is written beside its place, and then moved there.

A file of arrays holds its own digest, which is checked on reading.
"""

import hashlib
import json
import os
import secrets
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import numpy as np

SEAL = b'"sealed":"'  # in a header; inside of a text its quotation marks are escaped
UNSEALED = "0" * 64


class Damaged(Exception):  # noqa: N818 - it names the file's state
    """A stored file is missing, truncated or altered; it has to be made again."""


def digest(*parts: str | bytes | memoryview) -> str:
    """Return the SHA-256 of texts and bytes, one after the other, in hexadecimal."""
    whole = hashlib.sha256()
    for part in parts:
        whole.update(part.encode() if isinstance(part, str) else part)
    return whole.hexdigest()


def write_bytes(path: Path, content: bytes) -> None:
    """Write a file atomically."""
    path.parent.mkdir(parents=True, exist_ok=True)
    # not tempfile's: its files are readable by their owner alone
    temporary = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
    try:
        with temporary.open("xb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise


def write_json(path: Path, value: Any) -> None:
    """Write JSON; see `write_bytes`."""
    write_bytes(path, json.dumps(value, indent=1, ensure_ascii=False).encode())


def read_json(path: Path) -> Any:
    """Read JSON that `write_json` wrote; Damaged if it is missing or no JSON."""
    try:
        return json.loads(_read(path))
    except ValueError as error:
        raise Damaged(f"{path.name} was truncated or altered") from error


def write_arrays(path: Path, arrays: Mapping[str, "np.ndarray"], values: Any = None) -> None:
    """Write named arrays, and values that JSON can write, in one file that holds no code."""
    import numpy as np
    from safetensors.numpy import save

    # the library takes each array's memory as it is, and would mix up one that is transposed
    whole = {name: np.asarray(array, order="C") for name, array in arrays.items()}
    # one entry, the digest before the values: the library writes several in any order
    content = save(whole, {"sealed": UNSEALED + json.dumps(values, ensure_ascii=False)})
    unsealed = SEAL + UNSEALED.encode()
    write_bytes(path, content.replace(unsealed, SEAL + digest(content).encode(), 1))


def read_values(path: Path) -> tuple[Any, str]:
    """Read the values that `write_arrays` wrote, and the file's digest.

    Raises `Damaged` if the file is missing or not what was written.
    """
    return _checked(path)[1:]


def read_arrays(path: Path) -> tuple[dict[str, "np.ndarray"], Any]:
    """Read the arrays and the values that `write_arrays` wrote; see `read_values`."""
    from safetensors.numpy import load

    content, values, _ = _checked(path)
    return load(content), values


def _checked(path: Path) -> tuple[bytes, Any, str]:
    content = _read(path)
    before, _, after = content.partition(SEAL)
    seal, rest = after[:64], after[64:]
    if digest(before, SEAL, UNSEALED, rest) != seal.decode("latin-1"):
        raise Damaged(f"{path.name} was truncated or altered")
    # the format: the header's length in eight bytes, then the header as JSON
    header = json.loads(content[8 : 8 + int.from_bytes(content[:8], "little")])
    return content, json.loads(header["__metadata__"]["sealed"][len(UNSEALED) :]), seal.decode()


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except (FileNotFoundError, NotADirectoryError) as error:
        raise Damaged(f"{path.name} is missing") from error
