"""Killed at random moments, the experiment ends with the bits of one that was left alone.

``MMN13_KILLS=100 pytest -s tests/q3_transfer/experiment/test_run_kills.py`` kills a hundred times
and prints a table; ``MMN13_SEED`` repeats what an earlier run has printed.
"""

import multiprocessing
import os
import random
import time
from pathlib import Path

import pytest
import torch
from support.tiny_experiment import TINY, content

from mmn13lib.foundation.settings import Settings
from mmn13lib.q3_transfer.experiment.run import run
from mmn13lib.q3_transfer.results.records import Results

KILLS = int(os.environ.get("MMN13_KILLS", "2"))
SEED = int(os.environ.get("MMN13_SEED", random.randrange(2**32)))


FORKING = multiprocessing.get_context("forkserver")  # a process that has imported torch
FORKING.set_forkserver_preload(["mmn13lib.q3_transfer.experiment.run"])


def found_by(root: Path) -> Results:
    torch.set_num_threads(1)  # so that sums are added in the same order every time
    return run(Settings(root), lambda line: None, TINY)


def stored(root: Path) -> int:
    return len(list(Settings(root).results.rglob("*.safetensors")))


@pytest.mark.slow
@pytest.mark.timeout(100 + 60 * KILLS)
def test_killed_at_random_moments_it_ends_with_the_same_bits(tmp_path: Path) -> None:
    print(f"\nMMN13_SEED={SEED}")
    moments = random.Random(SEED)
    for name in ("to warm up", "undisturbed"):
        begin = time.perf_counter()
        undisturbed = FORKING.Process(target=found_by, args=(tmp_path / name,))
        undisturbed.start()
        undisturbed.join()
    seconds = time.perf_counter() - begin
    expected = content(found_by(tmp_path / "undisturbed"))
    kills = rounds = 0
    while kills < KILLS:
        rounds += 1
        root = tmp_path / f"{rounds}"
        for _ in range(moments.randint(1, 4)):
            process, moment = FORKING.Process(target=found_by, args=(root,)), moments.random()
            process.start()
            process.join(timeout=moment * seconds)
            if process.exitcode is None:
                process.kill()
                process.join()
                kills += 1
                print(f"{kills:4}  killed after {moment * seconds:5.2f} s, {stored(root):2} files")
        assert content(found_by(root)) == expected, f"round {rounds}, MMN13_SEED={SEED}"
        print(f"      round {rounds}: the same bits")
