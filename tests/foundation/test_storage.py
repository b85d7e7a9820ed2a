"""Stored files are whole or absent, whatever happens to the process, the disk or the bytes."""

import errno
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mmn13lib.foundation import storage
from mmn13lib.foundation.storage import Damaged

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text() | st.floats(allow_nan=False),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=20,
)

FEW = settings(max_examples=25)  # every example is written to the disk


@FEW
@given(JSON)
def test_json_comes_back_as_it_was(value: Any) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "new" / "value.json"
        storage.write_json(path, value)
        assert storage.read_json(path) == value


@pytest.mark.parametrize("dtype", ["float32", "float16", "uint8", "int64"])
def test_arrays_come_back_as_they_were(dtype: str, tmp_path: Path) -> None:
    whole = np.arange(24, dtype=dtype).reshape(2, 3, 4)
    arrays = {
        "whole": whole,
        "transposed": whole.T,
        "every other": whole[:, ::2],
        "scalar": np.array(3, dtype),
        "empty": np.empty((0, 5), dtype),
    }
    storage.write_arrays(tmp_path / "x.safetensors", arrays, {"made": [1, "here"]})
    back, values = storage.read_arrays(tmp_path / "x.safetensors")
    assert values == {"made": [1, "here"]}
    assert back.keys() == arrays.keys()
    for name, array in arrays.items():
        np.testing.assert_array_equal(back[name], array, strict=True)


@FEW
@given(data=st.data())
def test_a_file_of_tensors_that_is_cut_off_or_altered_by_one_bit_is_damaged(
    data: st.DataObject,
) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "x"
        storage.write_arrays(path, {"a": np.arange(9.0)}, {"sealed": "of something else"})
        content = path.read_bytes()
        place = data.draw(st.integers(0, len(content) - 1))
        altered = bytearray(content)
        altered[place] ^= 1 << data.draw(st.integers(0, 7))
        for damaged in (content[:place], bytes(altered), content + b"!"):
            path.write_bytes(damaged)
            for read in (storage.read_arrays, storage.read_values):
                with pytest.raises(Damaged, match="x was truncated or altered"):
                    read(path)


def test_another_content_has_another_digest(tmp_path: Path) -> None:
    digests = set()
    for number in (1, 1, 2):
        storage.write_arrays(tmp_path / "x", {"a": np.array(number)}, "same")
        digests.add(storage.read_values(tmp_path / "x")[1])
    assert len(digests) == 2


@pytest.mark.parametrize("content", [b"", b"{", b"\xff\xfe"])
def test_what_is_no_json_is_damage(content: bytes, tmp_path: Path) -> None:
    (tmp_path / "x.json").write_bytes(content)
    with pytest.raises(Damaged, match=r"x\.json was truncated or altered"):
        storage.read_json(tmp_path / "x.json")


@pytest.mark.parametrize("name", ["x.json", "file/x.json"])
def test_a_missing_file_is_damage_and_named(name: str, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    for read in (storage.read_json, storage.read_values):
        with pytest.raises(Damaged, match=r"x\.json is missing"):
            read(tmp_path / name)


@pytest.mark.parametrize("error", [OSError(errno.ENOSPC, ""), KeyboardInterrupt()])
@pytest.mark.parametrize("call", ["fsync", "replace"])
def test_a_write_that_fails_or_is_stopped_keeps_the_old_file_and_leaves_no_other(
    call: str, error: BaseException, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object) -> None:
        raise error

    storage.write_json(tmp_path / "x.json", "old")
    with monkeypatch.context() as patched:
        patched.setattr(*((os, "fsync", fail) if call == "fsync" else (Path, "replace", fail)))
        with pytest.raises(type(error)):
            storage.write_json(tmp_path / "x.json", "new")
    with pytest.raises(TypeError):
        storage.write_json(tmp_path / "x.json", object())
    assert [storage.read_json(file) for file in tmp_path.iterdir()] == ["old"]


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
        content = path.read_bytes()
        assert len(content) == 2_000_000 and len(set(content)) == 1


def test_files_can_be_read_by_whoever_the_system_lets(tmp_path: Path) -> None:
    (tmp_path / "plain").write_bytes(b"")
    storage.write_bytes(tmp_path / "x", b"")
    assert (tmp_path / "x").stat().st_mode == (tmp_path / "plain").stat().st_mode
