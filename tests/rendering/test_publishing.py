"""A new report takes the old one's place, and nothing else is touched."""

import json
import shutil
from pathlib import Path

import pytest

from mmn13lib.foundation.errors import UserError
from mmn13lib.rendering.publishing import LIST, publish


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
    files = [path for path in report.rglob("*") if path.is_file() and not path.match(f"{LIST}*")]
    return {path.relative_to(report).as_posix(): path.read_text() for path in files}


def test_what_the_new_report_lacks_goes_with_its_folder(tmp_path: Path) -> None:
    new, report = tmp_path / "new", tmp_path / "report"
    publish(built(new, index_html="1", libs__deep__a_css="1", a_pdf="1"), report)
    publish(built(new, index_html="2", a_pdf="2"), report)
    assert contents(report) == {"index.html": "2", "a.pdf": "2"}
    assert not (report / "libs").exists()


def test_other_peoples_files_stay_in_a_public_folder_that_the_report_links_to(
    tmp_path: Path,
) -> None:
    new, report, public = tmp_path / "new", tmp_path / "report", tmp_path / "public"
    built(public, thesis_pdf="theirs", photos__a_jpg="theirs")
    report.symlink_to(public)
    for text in "12":
        publish(built(new, index_html=text, **{f"only{text}_css": text}), report)
    assert report.is_symlink()
    assert contents(public) == {
        "thesis.pdf": "theirs",
        "photos/a.jpg": "theirs",
        "index.html": "2",
        "only2.css": "2",
    }


def test_a_list_that_names_places_outside_the_report_removes_nothing_there(tmp_path: Path) -> None:
    new, report, other = tmp_path / "new", tmp_path / "report", tmp_path / "other.html"
    other.write_text("theirs")
    publish(built(new, index_html="1"), report)
    (report / LIST).write_text(json.dumps(["../other.html", str(other), "index.html"]))
    publish(built(new, index_html="2"), report)
    assert other.read_text() == "theirs"


@pytest.mark.parametrize("stopped_at", range(4))
def test_whatever_moment_it_is_stopped_at_every_file_is_whole_and_the_next_time_mends_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, stopped_at: int
) -> None:
    new, report = tmp_path / "new", tmp_path / "report"
    publish(built(new, index_html="1", old_html="1", a_pdf="1"), report)
    replace, steps = Path.replace, iter(range(100))

    def stop(self: Path, target: Path) -> Path:
        if next(steps) == stopped_at:
            raise KeyboardInterrupt
        return replace(self, target)

    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr(Path, "replace", stop)
        publish(built(new, index_html="2", a_pdf="2"), report)
    found = {name: text for name, text in contents(report).items() if name[0] != "."}
    assert set(found) - {"old.html"} == {"index.html", "a.pdf"}
    publish(built(new, index_html="3", a_pdf="3"), report)
    assert contents(report) == {"index.html": "3", "a.pdf": "3"}


def test_a_disk_that_fills_up_leaves_the_last_report(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    new, report = tmp_path / "new", tmp_path / "report"
    publish(built(new, index_html="1"), report)

    def full(*arguments: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(shutil, "copyfile", full)
    with pytest.raises(UserError, match="full"):
        publish(built(new, index_html="2"), report)
    assert contents(report) == {"index.html": "1"}
