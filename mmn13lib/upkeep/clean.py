"""Removes what can be made again, ``mmn13 clean``."""

import shutil
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack
from pathlib import Path

from mmn13lib.foundation import locks
from mmn13lib.foundation.errors import UserError
from mmn13lib.foundation.settings import Settings

LEFTOVERS = (
    "_report", "_report.*", "index_files", "report/*_files",
    "*.quarto_ipynb*", "report/*.quarto_ipynb*",  # a killed Quarto leaves them
    ".quarto", ".jupyter_cache", "report/.jupyter_cache", "artifacts/cache", "artifacts/benchmarks",
)  # fmt: skip
"""What is made within minutes, as patterns from the project's folder."""

LOCKS = ("downloads", "experiment", "render")


def clean(settings: Settings, confirm: Callable[[str], bool]) -> list[Path]:
    """Remove reports and caches, and what took long or is not known where `confirm` says so.

    Nothing outside the project's folder is touched: of a link only the link goes. Raises
    `UserError` if another process works here, or something could not be removed.
    """
    root = settings.root
    if not (root / "mmn13lib" / "cli.py").is_file():
        raise UserError(
            f"{root} is another Quarto project (it has no mmn13lib/cli.py), nothing was removed: "
            "change to the folder that you cloned and try again."
        )
    with ExitStack() as held:
        for name in LOCKS:
            held.enter_context(locks.exclusive(settings.locks / f"{name}.lock"))
        going = list(_chosen(settings, confirm))  # nothing goes before the last answer
        for path in going:
            _remove(path)
    return going


def _chosen(settings: Settings, confirm: Callable[[str], bool]) -> Iterator[Path]:
    made = [path for pattern in LEFTOVERS for path in settings.root.glob(pattern)]
    yield from _ours(made, settings.root)
    questions = {
        settings.downloads: "the downloads (CIFAR-10 and the weights)",
        settings.results: "the results of question 3's experiment",
    }
    for path in _ours(settings.artifacts.iterdir(), settings.root):
        what = questions.get(path, path.name)
        size = sum(file.lstat().st_size for file in (path, *path.rglob("*")))
        # a lock file that went would let two processes hold the same lock
        if path not in (*made, settings.locks) and confirm(
            f"Delete {what}, {size / 1e6:.0f} MB, {path}?"
        ):
            yield path


def _ours(paths: Iterable[Path], root: Path) -> Iterator[Path]:
    """Give what really lies in the project, in a fixed order."""
    inside = root.resolve()
    return (path for path in sorted(paths) if path.parent.resolve().is_relative_to(inside))


def _remove(path: Path) -> None:
    try:
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path)
        else:
            path.unlink()
    except OSError as error:
        raise UserError(
            f"{path} could not be removed ({error.strerror}): make it yours "
            f"(chmod -R u+w {path}) and rerun."
        ) from error
