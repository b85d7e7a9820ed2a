"""Puts a new report into the place of the last one."""

import shutil
from collections.abc import Mapping
from pathlib import Path

from mmn13lib.foundation import storage


def publish(made: Mapping[str, Path], report: Path) -> None:
    """Make the report's folder hold copies of these files, under these names, and no others.

    A full disk leaves the last report and a `UserError`.
    """
    new = report.with_name(f"{report.name}.new")
    try:
        shutil.rmtree(new, ignore_errors=True)
        for name, file in made.items():
            (new / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(file, new / name)
        if report.exists():
            shutil.rmtree(report)
        new.rename(report)
    except OSError as error:
        raise storage.disk_error(report, error) from error
