"""A lock that one process at a time can hold; the others are told who holds it."""

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path

from filelock import FileLock, Timeout

from mmn13lib.foundation.errors import UserError
from mmn13lib.foundation.storage import disk_error


@contextmanager
def exclusive(path: Path, waiting: Callable[[str], None] | None = None) -> Iterator[None]:
    """Hold a lock, which the system frees when the process ends or is killed.

    Where another process has it, this calls `waiting` once with the holder in words ("process 17,
    since 14:03") and waits; without `waiting`, and where the file can't be written, it raises
    `UserError`. The holder stands in a file beside the lock's, which Windows lets nobody open.
    """
    lock, note = FileLock(path), path.with_suffix(".holder")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            lock.acquire(timeout=0)
        except Timeout as held:
            holder = (note.read_text() if note.is_file() else "") or "another process"
            if waiting is None:
                message = f"{holder} holds {path}: wait until it has ended and try again."
                raise UserError(message) from held
            waiting(holder)
            lock.acquire()
        note.write_text(f"process {os.getpid()}, since {datetime.now():%H:%M}")
    except OSError as error:
        raise disk_error(path, error) from error
    try:
        yield
    finally:
        lock.release()
