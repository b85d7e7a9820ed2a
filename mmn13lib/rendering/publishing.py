"""Puts a new report into its place, and takes away what the last one had and this one has not."""

import json
import shutil
from pathlib import Path

from mmn13lib.foundation import storage

LIST = ".files.json"


def publish(built: Path, report: Path, names: set[str] | None = None, whole: bool = True) -> None:
    """Copy what an engine built, or the files named, into the report's folder, each in one step.

    Of what the last render's list names this removes only the kinds, pages or PDF, that this render
    made as a `whole`. A kill leaves whole files, a full disk the old report and a `UserError`.
    """
    files = (path for path in built.rglob("*") if path.is_file())
    made = names or {path.relative_to(built).as_posix() for path in files}
    kinds = {_kind(name) for name in made}
    staging = report / ".new"
    try:
        report.mkdir(exist_ok=True)
        shutil.rmtree(staging, ignore_errors=True)
        for name in made:
            (staging / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(built / name, staging / name)
        before = _listed(report)
        old = {name for name in before - made if whole and _kind(name) in kinds}
        _write_list(report, before | made)
        for name in sorted(made):
            (report / name).parent.mkdir(parents=True, exist_ok=True)
            (staging / name).replace(report / name)
        for name in old:
            (report / name).unlink(missing_ok=True)
            for folder in (report / name).relative_to(report).parents[:-1]:
                if not any((report / folder).glob("*")):
                    (report / folder).rmdir()
        _write_list(report, (before | made) - old)
        shutil.rmtree(staging, ignore_errors=True)
    except OSError as error:
        raise storage.disk_error(report / "index.html", error) from error


def _kind(name: str) -> str:
    return "PDF" if name.endswith(".pdf") else "pages"


def _listed(report: Path) -> set[str]:
    """Read the last list; what it says of places outside the report is not believed."""
    try:
        names = {str(name) for name in json.loads((report / LIST).read_text("utf-8"))}
    except (OSError, ValueError, TypeError):
        return set()
    inside = report.resolve()
    return {name for name in names if (report / name).resolve().parent.is_relative_to(inside)}


def _write_list(report: Path, names: set[str]) -> None:
    unfinished = report / f"{LIST}.new"
    unfinished.write_text(json.dumps(sorted(names), indent=1), "utf-8")
    unfinished.replace(report / LIST)
