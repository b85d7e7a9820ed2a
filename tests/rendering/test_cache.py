"""What is stored of executed chapters: damage costs time at the worst, and nothing leaves it."""

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from mmn13lib.foundation.settings import Settings
from mmn13lib.rendering.book import read_book
from mmn13lib.rendering.cache import read, reasons, write

Rerun = Callable[..., list[str]]


def spoil(change: Callable[[Path], object]) -> Callable[[Path], None]:
    def spoil_all(stored: Path) -> None:
        files = [path for path in stored.rglob("*") if path.is_file()]
        assert files
        for path in files:
            change(path)

    return spoil_all


@pytest.mark.parametrize(
    "damage",
    [
        pytest.param(spoil(lambda file: file.write_bytes(b"no such thing")), id="scrambled"),
        pytest.param(spoil(lambda file: file.write_bytes(b"")), id="emptied"),
        pytest.param(lambda stored: shutil.rmtree(stored.parent), id="all deleted"),
    ],
)
def test_damage_costs_time_at_the_worst(
    executed: Path, rerun: Rerun, damage: Callable[[Path], None]
) -> None:
    damage(executed / "artifacts/cache/executed")
    assert rerun(executed, "q2") == ["q2-beta"]
    assert rerun(executed, "q2") == []


@pytest.mark.parametrize(
    "folder", ["C#", "My%20Project", "a?mode=ro", "Dana's thesis", "com~apple~CloudDocs", "פרויקט"]
)
def test_what_is_stored_is_found_whatever_the_folders_name_and_nothing_lies_beside_it(
    tmp_path: Path, executed: Path, folder: str
) -> None:
    root = executed.rename(tmp_path / folder)
    chapter, settings = read_book(root).chapters[1], Settings(root)
    found = {"Python": "3.99"}
    write(chapter, found, [[{"output_type": "stream", "name": "stdout", "text": "1"}]], settings)
    outputs = read(chapter, found, settings)
    assert outputs and outputs[0][0].text == "1"
    assert reasons(chapter, found, settings) == []
    assert [path.name for path in tmp_path.iterdir()] == [folder]
