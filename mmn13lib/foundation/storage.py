"""Files that are whole or absent: written atomically, with a digest that is checked on reading.

``x.json.sha256`` holds the digest of ``x.json`` and, on a second line, of the file that it
replaces; written first, it lets a reader find one of the two, whole, whenever a write is killed.
"""

import errno
import hashlib
import json
import os
import secrets
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mmn13lib.foundation.errors import UserError

if TYPE_CHECKING:
    import torch


class Damaged(Exception):  # noqa: N818 - it names the file's state
    """A stored file is missing, truncated or altered; it has to be made again."""


def digest(*parts: str | bytes) -> str:
    """Give the SHA-256 of texts and bytes, one after the other, in hexadecimal."""
    whole = hashlib.sha256()
    for part in parts:
        whole.update(part.encode() if isinstance(part, str) else part)
    return whole.hexdigest()


def write_bytes(path: Path, content: bytes) -> None:
    """Write a file and its digest atomically; UserError if the disk is full or not writable."""
    digests = [digest(content)]
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with suppress(Damaged):
            digests.append(digest(read_bytes(path)))
        _replace(_sidecar(path), "\n".join(digests).encode())
        _replace(path, content)
    except OSError as error:
        raise disk_error(path, error) from error


def disk_error(path: Path, error: OSError) -> UserError:
    """Say what a failed write means and what to do."""
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return UserError(f"The disk is full, {path} was not written: free some space and rerun.")
    if error.errno in (errno.EACCES, errno.EPERM, errno.EROFS):
        return UserError(
            f"The folder {path.parent} can't be written to: make it writable "
            f"(chmod -R u+w {path.parent}) or work in a copy that is yours."
        )
    return UserError(f"{path} could not be written ({error.strerror or error}).")


def read_bytes(path: Path) -> bytes:
    """Read a file that `write_bytes` wrote; Damaged if it is missing or not what was written."""
    try:
        content = path.read_bytes()
        accepted = _sidecar(path).read_bytes().split()
    except (FileNotFoundError, NotADirectoryError) as error:
        raise Damaged(f"{path.name} is missing") from error
    if digest(content).encode() not in accepted:
        raise Damaged(f"{path.name} was truncated or altered")
    return content


def write_json(path: Path, value: Any) -> None:
    """Write JSON; see `write_bytes`."""
    write_bytes(path, json.dumps(value, indent=1, ensure_ascii=False).encode())


def read_json(path: Path) -> Any:
    """Read JSON that `write_json` wrote; see `read_bytes`."""
    return json.loads(read_bytes(path))


def write_tensors(path: Path, tensors: Mapping[str, "torch.Tensor"], values: Any = None) -> None:
    """Write named tensors, and values that JSON can write, in one file that holds no code."""
    from safetensors.torch import save

    whole = {name: tensor.detach().cpu().contiguous() for name, tensor in tensors.items()}
    write_bytes(path, save(whole, {"values": json.dumps(values, ensure_ascii=False)}))


def read_record(path: Path) -> tuple[dict[str, "torch.Tensor"], Any]:
    """Read the tensors and the values that `write_tensors` wrote; see `read_bytes`."""
    from safetensors.torch import load

    content = read_bytes(path)
    # the format: the header's length in eight bytes, then the header as JSON
    header = json.loads(content[8 : 8 + int.from_bytes(content[:8], "little")])
    return load(content), json.loads(header["__metadata__"]["values"])


def _sidecar(path: Path) -> Path:
    return path.with_name(path.name + ".sha256")


def _replace(path: Path, content: bytes) -> None:
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
