"""Progress for people: a bar on a terminal, a plain line now and then where there is none."""

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from tqdm import tqdm

SECONDS_BETWEEN_LINES = 20.0

Say = Callable[[str], None]


@contextmanager
def images_done(
    task: str, total: int, say: Say, terminal: bool | None = None
) -> Iterator[Callable[[int], None]]:
    """Show how a task goes through images, with images per second and the time left.

    Parameters
    ----------
    task
        What is being done.
    total
        Images in all.
    say
        Takes a line, where there is no terminal.
    terminal
        Whether there is one; None finds out.

    Yields
    ------
    Callable
        To be called with the number of images done since the last call.
    """
    if sys.stderr.isatty() if terminal is None else terminal:
        with tqdm(total=total, desc=task, unit=" images", smoothing=0.1) as bar:
            yield lambda count: _add(bar, count)
    else:
        yield _Lines(task, total, say).add


def _add(bar: tqdm, count: int) -> None:
    bar.update(count)


class _Lines:
    """Say how far a task is, at most every `SECONDS_BETWEEN_LINES`."""

    def __init__(self, task: str, total: int, say: Say) -> None:
        self.task, self.total, self.say = task, total, say
        self.done = self.done_before = 0
        self.last = time.perf_counter()

    def add(self, count: int) -> None:
        self.done += count
        now = time.perf_counter()
        if now - self.last < SECONDS_BETWEEN_LINES:
            return
        rate = (self.done - self.done_before) / (now - self.last)
        minutes = (self.total - self.done) / rate / 60
        self.say(
            f"{self.task}: {self.done:,} of {self.total:,} images, {rate:.0f} images/s, "
            f"{minutes:.1f} min left"
        )
        self.last, self.done_before = now, self.done
