"""Puts a new report into its place, and takes away what the last one had and this one has not."""

import shutil
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

from mmn13lib.foundation import storage

LIST = ".files.json"


def publish(made: Mapping[str, Path], report: Path) -> None:
    """Copy files into the report's folder, under these names, each in one step.

    Of what is there this removes what the last render's list names. A kill leaves whole files, a
    full disk the old report and a `UserError`.
    """
    staging, before = report / ".new", set[str]()
    try:
        report.mkdir(exist_ok=True)
        shutil.rmtree(staging, ignore_errors=True)
        for name, file in made.items():
            (staging / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(file, staging / name)
        with suppress(storage.Damaged):
            listed = set(storage.read_json(report / LIST))
            inside = report.resolve()
            before = {name for name in listed if (report / name).resolve().is_relative_to(inside)}
        storage.write_json(report / LIST, sorted(before | made.keys()))
        for name in sorted(made):
            (report / name).parent.mkdir(parents=True, exist_ok=True)
            (staging / name).replace(report / name)
        for name in before - made.keys():
            (report / name).unlink(missing_ok=True)
            for folder in Path(name).parents[:-1]:
                with suppress(OSError):  # it is not empty
                    (report / folder).rmdir()
        storage.write_json(report / LIST, sorted(made))
        shutil.rmtree(staging, ignore_errors=True)
    except OSError as error:
        raise storage.disk_error(report / "index.html", error) from error
