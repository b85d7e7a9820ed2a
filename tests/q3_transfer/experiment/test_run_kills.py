"""Killed at random moments, the experiment ends with the bits of one that was left alone."""

from pathlib import Path

import pytest
from support.kills import KILLS, kill_at_random_moments
from support.tiny_experiment import TINY, content

from mmn13lib.foundation.settings import Settings
from mmn13lib.q3_transfer.data.inputs import resolve
from mmn13lib.q3_transfer.experiment.run import run
from mmn13lib.q3_transfer.results.records import Results


def found_by(root: Path) -> Results:
    settings = Settings(root)
    return run(settings, resolve(settings), lambda line: None, TINY)


@pytest.mark.slow
@pytest.mark.timeout(100 + 60 * KILLS)
def test_killed_at_random_moments_it_ends_with_the_same_bits(tmp_path: Path) -> None:
    kill_at_random_moments(found_by, lambda root: content(found_by(root)), tmp_path)
