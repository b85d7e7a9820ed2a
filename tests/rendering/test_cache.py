"""A cache that is damaged costs time at the worst."""

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from mmn13lib.rendering.cache import drop_damaged

Rerun = Callable[..., list[str]]


@pytest.mark.parametrize("damage", ["none", "database", "notebook", "no database"])
def test_a_damaged_cache_is_dropped_and_a_sound_one_kept(executed: Path, damage: str) -> None:
    folder = executed / "artifacts/cache/jupyter"
    if damage == "database":
        (folder / "global.db").write_bytes(b"garbage" * 100)
    elif damage == "notebook":
        next(folder.glob("executed/*/base.ipynb")).write_text('{"cells": [')
    elif damage == "no database":
        (folder / "global.db").unlink()
    assert drop_damaged(folder) == (damage != "none")
    assert folder.exists() == (damage == "none")


def truncate_notebooks(cache: Path) -> None:
    for path in cache.glob("jupyter/executed/*/base.ipynb"):
        path.write_bytes(path.read_bytes()[:100])


def scramble(pattern: str) -> Callable[[Path], None]:
    def change(cache: Path) -> None:
        found = list(cache.glob(pattern))
        assert found
        for path in found:
            path.write_bytes(b"no such thing")

    return change


@pytest.mark.parametrize(
    ("damage", "executed_again"),
    [
        pytest.param(truncate_notebooks, True, id="truncated notebooks"),
        pytest.param(scramble("jupyter/global.db"), True, id="broken database"),
        pytest.param(lambda cache: shutil.rmtree(cache / "jupyter"), True, id="deleted"),
        pytest.param(lambda cache: shutil.rmtree(cache), True, id="all deleted"),
        pytest.param(scramble("jupyter/__version__.txt"), False, id="another version"),
        pytest.param(scramble("dependencies/*/*.json"), False, id="broken records"),
    ],
)
def test_a_damaged_cache_costs_time_at_the_worst(
    executed: Path, rerun: Rerun, damage: Callable[[Path], None], executed_again: bool
) -> None:
    damage(executed / "artifacts/cache")
    assert rerun(executed, "q2") == ["q2-beta"] * executed_again
    assert rerun(executed, "q2") == []


def test_a_cache_file_in_the_way_of_the_folder_is_replaced(executed: Path, rerun: Rerun) -> None:
    shutil.rmtree(executed / "artifacts/cache/jupyter")
    (executed / "artifacts/cache/jupyter").write_text("a file")
    assert rerun(executed, "q2") == ["q2-beta"]
    assert rerun(executed, "q2") == []
