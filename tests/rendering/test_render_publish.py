"""A new report takes the old one's place."""

import shutil
from pathlib import Path

import pytest

from mmn13lib.rendering.render import publish


def built(folder: Path, **texts: str) -> dict[str, Path]:
    """Write files, whose names have __ for a slash and _ for a dot."""
    shutil.rmtree(folder, ignore_errors=True)
    files = {}
    for name, text in texts.items():
        relative = name.replace("__", "/").replace("_", ".")
        files[relative] = folder / relative
        files[relative].parent.mkdir(parents=True, exist_ok=True)
        files[relative].write_text(text)
    return files


def contents(report: Path) -> dict[str, str]:
    files = [path for path in report.rglob("*") if path.is_file()]
    return {path.relative_to(report).as_posix(): path.read_text() for path in files}


def test_what_the_new_report_lacks_goes_with_its_folder(tmp_path: Path) -> None:
    new, report = tmp_path / "new", tmp_path / "report"
    publish(built(new, index_html="1", libs__deep__a_css="1", a_pdf="1"), report)
    publish(built(new, index_html="2", a_pdf="2"), report)
    assert contents(report) == {"index.html": "2", "a.pdf": "2"}
    assert not (report / "libs").exists()


def test_what_a_killed_render_left_does_not_get_into_the_report(tmp_path: Path) -> None:
    report = tmp_path / "report"
    built(tmp_path / "report.new", left_html="half")
    publish(built(tmp_path / "new", index_html="1"), report)
    assert contents(report) == {"index.html": "1"}
    assert {path.name for path in tmp_path.iterdir()} == {"report", "new"}


def test_a_folder_that_the_report_links_to_is_left_alone(tmp_path: Path) -> None:
    public = tmp_path / "public"
    built(public, thesis_pdf="theirs")
    (tmp_path / "report").symlink_to(public)
    with pytest.raises(OSError, match="link"):
        publish(built(tmp_path / "new", index_html="1"), tmp_path / "report")
    assert contents(public) == {"thesis.pdf": "theirs"}


def test_a_disk_that_fills_up_leaves_the_last_report(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    new, report = tmp_path / "new", tmp_path / "report"
    publish(built(new, index_html="1"), report)

    def full(*arguments: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(shutil, "copyfile", full)
    with pytest.raises(OSError, match="No space"):
        publish(built(new, index_html="2"), report)
    assert contents(report) == {"index.html": "1"}
