"""Kills processes at random moments, and looks whether the last one ends as if alone.

``MMN13_KILLS=100 pytest -s -k "kill and moments"`` kills a hundred times in each test and prints a
table; ``MMN13_SEED`` repeats what an earlier run has printed.
"""

import multiprocessing
import os
import random
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

KILLS = int(os.environ.get("MMN13_KILLS", "2"))
SEED = int(os.environ.get("MMN13_SEED", random.randrange(2**32)))
FORKING = multiprocessing.get_context("forkserver")
# what its children have imported from the start, whichever test comes first
FORKING.set_forkserver_preload(
    [
        "mmn13lib.q3_transfer.experiment.run",
        "mmn13lib.rendering.render",
        "mmn13lib.submission.package",
    ]
)


def kill_at_random_moments(
    make: Callable[[Path], object],
    result: Callable[[Path], Any],
    tmp_path: Path,
    begin: Callable[[Path], object] = lambda root: None,
) -> None:
    """Start ``make(folder)`` and kill it, until the kills are done; results must be the same.

    ``begin(folder)`` gets it ready before; ``result(folder)`` makes it once more, undisturbed, and
    gives what has to be equal.
    """
    print(f"\nMMN13_SEED={SEED}")
    moments = random.Random(SEED)
    begin(tmp_path / "undisturbed")
    # the first waits until all is imported
    for target, arguments in ((print, ()), (make, (tmp_path / "undisturbed",))):
        began = time.perf_counter()
        undisturbed = FORKING.Process(target=target, args=arguments)
        undisturbed.start()
        undisturbed.join()
    seconds = time.perf_counter() - began
    expected = result(tmp_path / "undisturbed")
    kills = rounds = 0
    while kills < KILLS:
        rounds += 1
        root = tmp_path / f"{rounds}"
        begin(root)
        for _ in range(moments.randint(2, 4)):
            process, moment = FORKING.Process(target=make, args=(root,)), moments.random()
            process.start()
            process.join(timeout=moment * seconds)
            if process.exitcode is None:
                process.kill()
                process.join()
                kills += 1
                files = sum(path.is_file() for path in root.rglob("*"))
                print(f"{kills:4}  killed after {moment * seconds:5.2f} s, {files:3} files")
        assert result(root) == expected, f"round {rounds}, MMN13_SEED={SEED}"
        print(f"      round {rounds}: the same bits")
