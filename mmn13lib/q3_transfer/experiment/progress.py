"""Progress for people: a bar on a terminal, a plain line now and then where there is none."""

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from tqdm import tqdm

SECONDS_BETWEEN_LINES = 20.0


@contextmanager
def images_done(
    task: str, total: int, progress: Callable[[str], None], later: float | None = None
) -> Iterator[Callable[[int], None]]:
    """Show how a task goes through images, with images per second and the time left.

    What is yielded is to be called with the number of images done since the last call. `later` are
    the seconds that come after the task, where it is one of several.
    """
    done = said = 0
    last = time.perf_counter()

    def in_all(seconds: float) -> str:
        return "" if later is None else f"{in_words(seconds + later)} left in all"

    def say(count: int) -> None:
        nonlocal done, said, last
        done, now = done + count, time.perf_counter()
        if now - last < SECONDS_BETWEEN_LINES:
            return
        rate = (done - said) / (now - last)
        left = (total - done) / rate
        line = f"{task}: {done:,} of {total:,} images, {rate:.0f} images/s"
        progress(", ".join(filter(None, [line, f"{in_words(left)} left", in_all(left)])))
        said, last = done, now

    if not sys.stderr.isatty() or not total:
        yield say
        return
    with tqdm(total=total, desc=task, unit=" images", smoothing=0.1) as bar:

        def add(count: int) -> None:
            done = bar.n + count
            state = bar.format_dict
            rate = state["rate"] or done / state["elapsed"]
            bar.set_postfix_str(in_all((total - done) / rate), refresh=False)
            bar.update(count)

        yield add


def in_words(seconds: float) -> str:
    """Return roughly how long something takes.

    >>> in_words(20), in_words(2460), in_words(7500)
    ('under a minute', '41 min', '2 h 5 min')
    """
    hours, minutes = divmod(round(seconds / 60), 60)
    if hours:
        return f"{hours} h {minutes} min"
    return f"{minutes} min" if minutes else "under a minute"
