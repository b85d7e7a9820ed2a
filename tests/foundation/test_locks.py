"""One process at a time holds a lock, and the others are told which one."""

import multiprocessing
import os
from multiprocessing.synchronize import Barrier
from pathlib import Path

from mmn13lib.foundation.locks import exclusive

SPAWN = multiprocessing.get_context("spawn")


def hold(path: Path, holding: Barrier, release: Barrier) -> None:
    with exclusive(path, print):
        holding.wait(60)
        release.wait(60)


def test_a_second_process_waits_and_knows_the_first(tmp_path: Path) -> None:
    path = tmp_path / "new" / "lock"
    holding, release = SPAWN.Barrier(2), SPAWN.Barrier(2)
    first = SPAWN.Process(target=hold, args=(path, holding, release), daemon=True)
    first.start()
    holding.wait(60)
    heard: list[str] = []

    def waiting(who: str) -> None:
        heard.append(who)
        release.wait(60)

    with exclusive(path, waiting):
        note = path.with_suffix(".holder")
        assert note.read_text().startswith(f"process {os.getpid()}, since ")
        assert path.read_bytes() == b""  # Windows lets nobody read or write what is locked
    first.join()
    (line,) = heard
    assert line.startswith(f"Another lock is running in process {first.pid}, since ")
