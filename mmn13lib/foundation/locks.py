"""A lock file that one process at a time can hold; the others are told who holds it."""

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path

from filelock import FileLock, Timeout

from mmn13lib.foundation.errors import UserError
from mmn13lib.foundation.storage import disk_error


class Held(UserError):  # noqa: N818 - it names the lock's state
    """Another process has the lock; `holder` names it in words."""

    def __init__(self, path: Path, holder: str) -> None:
        super().__init__(f"{holder} holds {path}: wait until it has ended and try again.")
        self.holder = holder


@contextmanager
def exclusive(
    path: Path, waiting: Callable[[str], None] | None = None, fail: bool = False
) -> Iterator[None]:
    """Hold a lock, which the system frees when the process ends or is killed.

    Where another process has it, `waiting` is called once with the holder in words ("process 17,
    since 14:03"), and then this waits. Raises `Held` instead if it shall `fail`, and `UserError`
    if the file can't be written.
    """
    lock = FileLock(path)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            lock.acquire(timeout=0)
        except Timeout as held:
            if fail:
                raise Held(path, _holder(path)) from held
            if waiting is not None:
                waiting(_holder(path))
            lock.acquire()
        path.write_text(f"process {os.getpid()}, since {datetime.now():%H:%M}")
    except OSError as error:
        raise disk_error(path, error) from error
    try:
        yield
    finally:
        lock.release()


def _holder(path: Path) -> str:
    try:
        return path.read_text() or "another process"
    except OSError:  # some systems let nobody read a locked file
        return "another process"
