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
    done = said = 0
    last = time.perf_counter()

    def say(count: int) -> None:
        nonlocal done, said, last
        done, now = done + count, time.perf_counter()
        if now - last < SECONDS_BETWEEN_LINES:
            return
        rate = (done - said) / (now - last)
        left = f"{(total - done) / rate / 60:.1f} min left"
        progress(f"{task}: {done:,} of {total:,} images, {rate:.0f} images/s, {left}")
        said, last = done, now

    if not sys.stderr.isatty():
        yield say
        return
    with tqdm(total=total, desc=task, unit=" images", smoothing=0.1) as bar:

        def add(count: int) -> None:
            bar.update(count)

        yield add
