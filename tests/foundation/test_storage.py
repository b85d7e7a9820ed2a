"""Stored files are whole or absent, whatever happens to the process, the disk or the bytes."""

import errno
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from mmn13lib.foundation import storage
from mmn13lib.foundation.errors import UserError
from mmn13lib.foundation.storage import Damaged

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text() | st.floats(allow_nan=False),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=20,
)

FEW = settings(max_examples=25)  # every example is written to the disk


def failing(code: int) -> Callable[..., Any]:
    def fail(*arguments: Any, **options: Any) -> None:
        raise OSError(code, os.strerror(code))

    return fail


@FEW
@given(JSON)
def test_json_comes_back_as_it_was(value: Any) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "new" / "value.json"
        storage.write_json(path, value)
        assert storage.read_json(path) == value


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16, torch.uint8, torch.int64])
def test_tensors_come_back_as_they_were(dtype: torch.dtype, tmp_path: Path) -> None:
    whole = torch.arange(24).reshape(2, 3, 4).to(dtype)
    tensors = {
        "whole": whole,
        "transposed": whole.transpose(0, 2),
        "scalar": torch.tensor(3).to(dtype),
        "empty": torch.empty(0, 5, dtype=dtype),
        "trained": torch.nn.Parameter(torch.ones(2)),
    }
    storage.write_tensors(tmp_path / "x.safetensors", tensors, {"made": [1, "here"]})
    back, values = storage.read_record(tmp_path / "x.safetensors")
    assert values == {"made": [1, "here"]}
    assert back.keys() == tensors.keys()
    for name, tensor in tensors.items():
        assert back[name].dtype == tensor.dtype
        assert torch.equal(back[name], tensor.detach())


@FEW
@given(content=st.binary(max_size=300), data=st.data())
def test_a_truncated_file_is_damaged(content: bytes, data: st.DataObject) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "x"
        storage.write_bytes(path, content + b"!")
        path.write_bytes(content[: data.draw(st.integers(0, len(content)))])
        with pytest.raises(Damaged, match="x was truncated or altered"):
            storage.read_bytes(path)


@FEW
@given(content=st.binary(min_size=1, max_size=300), data=st.data())
def test_one_altered_bit_is_damage(content: bytes, data: st.DataObject) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "x"
        storage.write_bytes(path, content)
        altered = bytearray(content)
        altered[data.draw(st.integers(0, len(content) - 1))] ^= 1 << data.draw(st.integers(0, 7))
        path.write_bytes(altered)
        with pytest.raises(Damaged):
            storage.read_bytes(path)


@pytest.mark.parametrize("digest", [None, b"", b"0" * 64, b"\xff\xfe"])
def test_a_missing_or_broken_digest_is_damage(digest: bytes | None, tmp_path: Path) -> None:
    path = tmp_path / "x"
    storage.write_bytes(path, b"content")
    sidecar = tmp_path / "x.sha256"
    sidecar.unlink() if digest is None else sidecar.write_bytes(digest)
    with pytest.raises(Damaged):
        storage.read_bytes(path)


def test_a_missing_file_is_damage_and_named(tmp_path: Path) -> None:
    with pytest.raises(Damaged, match=r"x\.json is missing"):
        storage.read_json(tmp_path / "x.json")
    (tmp_path / "file").write_text("")
    with pytest.raises(Damaged, match="missing"):
        storage.read_json(tmp_path / "file" / "x.json")


@pytest.mark.parametrize(
    ("code", "words"),
    [
        (errno.ENOSPC, "disk is full"),
        (errno.EDQUOT, "disk is full"),
        (errno.EACCES, "can't be written"),
        (errno.EROFS, "can't be written"),
        (errno.EIO, "could not be written"),
    ],
)
def test_a_disk_error_is_a_sentence_and_keeps_the_old_file(
    code: int, words: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "x.json"
    storage.write_json(path, "old")
    with monkeypatch.context() as patched:
        patched.setattr(os, "fsync", failing(code))
        with pytest.raises(UserError, match=words):
            storage.write_json(path, "new")
    assert storage.read_json(path) == "old"
    assert {file.name for file in tmp_path.iterdir()} == {"x.json", "x.json.sha256"}


def test_what_json_cannot_write_leaves_no_file(tmp_path: Path) -> None:
    with pytest.raises(TypeError):
        storage.write_json(tmp_path / "x.json", object())
    assert not list(tmp_path.iterdir())


def test_a_stopped_write_leaves_the_old_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Stop at each renaming in turn, as Ctrl-C does."""
    replace = Path.replace
    for stop in (1, 2):
        path = tmp_path / f"x{stop}"
        storage.write_bytes(path, b"old")
        renamings = 0

        def stopping(source: Path, target: Path, stop: int = stop) -> Path:
            nonlocal renamings
            renamings += 1
            if renamings == stop:
                raise KeyboardInterrupt
            return replace(source, target)

        with monkeypatch.context() as patched:
            patched.setattr(Path, "replace", stopping)
            with pytest.raises(KeyboardInterrupt):
                storage.write_bytes(path, b"new")
        assert storage.read_bytes(path) == b"old"
        storage.write_bytes(path, b"newer")
        assert storage.read_bytes(path) == b"newer"


def test_a_killed_process_leaves_a_whole_file(tmp_path: Path) -> None:
    path = tmp_path / "x"
    code = (
        "import sys; from pathlib import Path; from mmn13lib.foundation import storage\n"
        "for i in range(10**6):\n"
        "    storage.write_bytes(Path(sys.argv[1]), bytes([i % 256]) * 2_000_000)\n"
        "    print(i, flush=True)\n"
    )
    for delay in (0.0, 0.003, 0.01):
        process = subprocess.Popen(
            [sys.executable, "-c", code, str(path)], stdout=subprocess.PIPE, text=True
        )
        assert process.stdout is not None
        process.stdout.readline()
        time.sleep(delay)
        process.kill()
        process.wait()
        process.stdout.close()
        content = storage.read_bytes(path)
        assert len(content) == 2_000_000 and len(set(content)) == 1


def test_files_can_be_read_by_whoever_the_system_lets(tmp_path: Path) -> None:
    (tmp_path / "plain").write_bytes(b"")
    storage.write_bytes(tmp_path / "x", b"")
    assert (tmp_path / "x").stat().st_mode == (tmp_path / "plain").stat().st_mode
