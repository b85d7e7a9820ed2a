"""Removes what can be made again, ``mmn13 clean``."""

import shutil
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

from mmn13lib.foundation.errors import UserError
from mmn13lib.foundation.settings import Settings

LEFTOVERS = (
    "_report", "_report.*", "index_files", "report/*_files",
    ".quarto", ".jupyter_cache", "report/.jupyter_cache",
)  # fmt: skip
"""What both engines make, as patterns from the project's folder."""


def clean(settings: Settings, confirm: Callable[[str], bool]) -> list[Path]:
    """Remove reports and caches; ask before anything goes that took long or is not known.

    Nothing outside the project's folder is touched: of a link only the link goes.

    Parameters
    ----------
    settings
        The run's settings.
    confirm
        Asked before the downloads, the experiment's results, and whatever else lies in
        ``artifacts`` are deleted.

    Returns
    -------
    list of Path
        What was removed.

    Raises
    ------
    UserError
        If something could not be removed.
    """
    root = settings.root
    quickly_made = [path for pattern in LEFTOVERS for path in root.glob(pattern)]
    quickly_made += [settings.cache, settings.benchmarks]
    questions = {
        settings.downloads: "the downloads (CIFAR-10 and the weights)",
        settings.results: "the results of question 3's experiment",
    }
    going = list(_ours(quickly_made, root))
    others = settings.artifacts.iterdir() if settings.artifacts.is_dir() else ()
    for path in _ours(others, root):
        what = questions.get(path, path.name)
        if path not in going and confirm(f"Delete {what}, {_size(path) / 1e6:.0f} MB, {path}?"):
            going.append(path)
    for path in going:
        _remove(path)
    return going


def _ours(paths: Iterable[Path], root: Path) -> Iterator[Path]:
    """Give what exists and really lies in the project, in a fixed order."""
    for path in sorted(paths):
        there = path.exists() or path.is_symlink()
        if there and path.parent.resolve().is_relative_to(root.resolve()):
            yield path


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


def _size(path: Path) -> int:
    files = [path, *path.rglob("*")] if path.is_dir() else [path]
    return sum(file.lstat().st_size for file in files)
