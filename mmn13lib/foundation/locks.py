"""A lock that one process at a time can hold; the others wait, and say for which one."""

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path

from filelock import FileLock, Timeout


@contextmanager
def exclusive(path: Path, progress: Callable[[str], None]) -> Iterator[None]:
    """Hold a lock, which the system frees when the process ends or is killed.

    Where another process has it, this says so, with the holder in words ("process 17, since
    14:03"), and waits. They stand in a file beside the lock's, which Windows lets nobody open.
    """
    lock, note = FileLock(path), path.with_suffix(".holder")
    path.parent.mkdir(parents=True, exist_ok=True)
    try:
        held = lock.acquire(timeout=0)
    except Timeout:
        holder = (note.read_text() if note.is_file() else "") or "another process"
        progress(f"Another {path.stem} is running in {holder}: waiting until it has ended.")
        held = lock.acquire()
    with held:
        note.write_text(f"process {os.getpid()}, since {datetime.now():%H:%M}")
        yield
