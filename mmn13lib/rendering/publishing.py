"""Puts a new report into its place, and takes away what the last one had and this one has not."""

import shutil
from contextlib import suppress
from pathlib import Path

from mmn13lib.foundation import storage

LIST = ".files.json"


def publish(built: Path, report: Path, names: set[str] | None = None, whole: bool = True) -> None:
    """Copy what an engine built, or the files named, into the report's folder, each in one step.

    Of what the last render's list names this removes only the kinds (pages, PDF, notebook) that
    this render made as a `whole`. A kill leaves whole files, a full disk the old report and a
    `UserError`.
    """
    files = (path for path in built.rglob("*") if path.is_file())
    made = names or {path.relative_to(built).as_posix() for path in files}
    kinds = {_kind(name) for name in made}
    staging, before = report / ".new", set[str]()
    try:
        report.mkdir(exist_ok=True)
        shutil.rmtree(staging, ignore_errors=True)
        for name in made:
            (staging / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(built / name, staging / name)
        with suppress(storage.Damaged):
            before = set(storage.read_json(report / LIST))
        old = {name for name in before - made if whole and _kind(name) in kinds}
        storage.write_json(report / LIST, sorted(before | made))
        for name in sorted(made):
            (report / name).parent.mkdir(parents=True, exist_ok=True)
            (staging / name).replace(report / name)
        for name in old:
            (report / name).unlink(missing_ok=True)
            for folder in Path(name).parents[:-1]:
                with suppress(OSError):  # it is not empty
                    (report / folder).rmdir()
        storage.write_json(report / LIST, sorted((before | made) - old))
        shutil.rmtree(staging, ignore_errors=True)
    except OSError as error:
        raise storage.disk_error(report / "index.html", error) from error


def _kind(name: str) -> str:
    return {"pdf": "PDF", "ipynb": "notebook"}.get(name.rpartition(".")[2], "pages")
