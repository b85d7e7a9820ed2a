"""Progress for people: a bar on a terminal, a plain line now and then where there is none."""

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from tqdm import tqdm

SECONDS_BETWEEN_LINES = 20.0


@contextmanager
def images_done(
    task: str, total: int, progress: Callable[[str], None]
) -> Iterator[Callable[[int], None]]:
    """Show how a task goes through images, with images per second and the time left.

    What is yielded is to be called with the number of images done since the last call.
    """
    if not sys.stderr.isatty():
        yield _Lines(task, total, progress).add
        return
    with tqdm(total=total, desc=task, unit=" images", smoothing=0.1) as bar:

        def add(count: int) -> None:
            bar.update(count)

        yield add


class _Lines:
    """Say how far a task is, at most every `SECONDS_BETWEEN_LINES`."""

    def __init__(self, task: str, total: int, progress: Callable[[str], None]) -> None:
        self.task, self.total, self.progress = task, total, progress
        self.done = self.done_before = 0
        self.last = time.perf_counter()

    def add(self, count: int) -> None:
        self.done += count
        now = time.perf_counter()
        if now - self.last < SECONDS_BETWEEN_LINES:
            return
        rate = (self.done - self.done_before) / (now - self.last)
        minutes = (self.total - self.done) / rate / 60
        self.progress(
            f"{self.task}: {self.done:,} of {self.total:,} images, {rate:.0f} images/s, "
            f"{minutes:.1f} min left"
        )
        self.last, self.done_before = now, self.done
