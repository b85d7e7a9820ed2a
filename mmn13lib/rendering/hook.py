"""The book's hooks: `_quarto.yml` has every ``quarto render`` run this file, before and after.

Before, it prepares what ``mmn13 render`` prepares, and writes what each chapter depends on into
the hidden cell that the chapter includes. After, it puts the empty cells back, so that git sees
no change, and swaps the new report in: a render that fails leaves the last good one alone.
"""

import json
import os
import shutil
import sqlite3
import sys
from contextlib import closing
from pathlib import Path

HERE = Path(__file__).resolve().parent
if __name__ == "__main__":
    # run by its path: the modules beside this file must not hide libraries of the same names
    sys.path = [str(HERE.parents[1]), *(path for path in sys.path if Path(path) != HERE)]

try:
    from mmn13lib.foundation import storage
    from mmn13lib.foundation.errors import UserError
    from mmn13lib.foundation.settings import Settings
    from mmn13lib.rendering import dependencies
    from mmn13lib.rendering.book import DIGEST_FOLDER, read_book
except ImportError as error:
    sys.exit(
        f"mmn13: {sys.executable} lacks {error.name}. Activate .venv (`make report` makes it) or "
        "set QUARTO_PYTHON to its Python, then render again."
    )

ENGINE = "quarto"
PREPARED = "MMN13_PREPARED"
SAYS = "mmn13| "
PLACEHOLDER = """\
```{python}
#| label: dependencies
#| include: false
# what this chapter depends on: written in here while Quarto renders, and taken out again
```
"""


def before(settings: Settings) -> None:
    """Prepare, and write each chapter's dependencies into the hidden cell that it includes.

    Parameters
    ----------
    settings
        The run's settings.
    """
    warnings = []
    if not os.environ.get(PREPARED):
        from mmn13lib.rendering.prepare import prepare

        warnings = prepare(settings)
    restore_placeholders(settings.root)  # a failed render leaves its own
    book = read_book(settings.root)
    for folder in {chapter.path.parent for chapter in book.chapters}:
        drop_damaged_cache(folder / ".jupyter_cache")
    depends = {}
    for chapter in book.chapters:
        if not chapter.cells:
            continue
        found = dependencies.dependencies(chapter, book, settings)
        changes = dependencies.why(chapter, found, settings, ENGINE)
        _say(f"{chapter.short_name}: {'; '.join(changes) or 'fresh'}")
        _write(_included(settings.root, chapter.name), dependencies.digest_cell(found))
        depends[chapter.name] = found
    storage.write_json(_pending(settings), {"dependencies": depends, "warnings": warnings})


def after(settings: Settings, built: Path) -> None:
    """Take the dependencies out again, note what was executed, and swap the new report in.

    Parameters
    ----------
    settings
        The run's settings.
    built
        The folder that Quarto made.
    """
    restore_placeholders(settings.root)
    pending = storage.read_json(_pending(settings))
    for chapter in read_book(settings.root).chapters:
        if chapter.name in pending["dependencies"]:
            found = pending["dependencies"][chapter.name]
            cache = os.path.relpath(chapter.path.parent / ".jupyter_cache", settings.cache)
            dependencies.remember(chapter, found, settings, ENGINE, cache)
    swap_in(built, settings.report)
    for warning in pending["warnings"]:
        print(f"\n{warning}", flush=True)
    if not os.environ.get(PREPARED):
        print(f"\nThe report: {settings.report / 'index.html'}", flush=True)


def restore_placeholders(root: Path) -> None:
    """Put back the committed text of every file that holds a chapter's dependencies.

    Parameters
    ----------
    root
        The project's folder.
    """
    for file in (root / "report" / DIGEST_FOLDER).glob("*.md"):
        if file.read_text("utf-8") != PLACEHOLDER:
            _write(file, PLACEHOLDER)


def drop_damaged_cache(folder: Path) -> None:
    """Delete a cache of executed chapters that can't be read, or lacks what it lists.

    Quarto would fail on it; without it, the chapters are executed again.

    Parameters
    ----------
    folder
        A ``.jupyter_cache``, which need not exist.
    """
    if not folder.exists():
        return
    try:
        with closing(sqlite3.connect(f"file:{folder / 'global.db'}?mode=ro", uri=True)) as database:
            keys = [key for (key,) in database.execute("SELECT hashkey FROM nbcache")]
        sound = all(_is_notebook(folder / "executed" / key / "base.ipynb") for key in keys)
    except sqlite3.Error:
        sound = False
    if not sound:
        _say(f"{folder} is damaged: what it held is executed again")
        shutil.rmtree(folder, ignore_errors=True)


def _is_notebook(file: Path) -> bool:
    try:
        json.loads(file.read_bytes())
    except (OSError, ValueError):
        return False
    return True


def swap_in(built: Path, report: Path) -> None:
    """Replace the report by a copy of the new one, in two steps that take no time.

    Parameters
    ----------
    built
        The folder that Quarto made; it stays, for the next render.
    report
        The finished report's folder.
    """
    new, old = report.with_suffix(".new"), report.with_suffix(".old")
    try:
        for leftover in (new, old):
            shutil.rmtree(leftover, ignore_errors=True)
        shutil.copytree(built, new)
        if report.exists():
            report.rename(old)
        new.rename(report)
        shutil.rmtree(old, ignore_errors=True)
    except OSError as error:
        raise storage.disk_error(report, error) from error


def _included(root: Path, name: str) -> Path:
    return root / "report" / DIGEST_FOLDER / f"{name}.md"


def _pending(settings: Settings) -> Path:
    return settings.cache / "quarto-render.json"


def _write(file: Path, text: str) -> None:
    try:
        file.write_text(text, "utf-8")
    except OSError as error:
        raise storage.disk_error(file, error) from error


def _say(text: str) -> None:
    """Print a line; ``mmn13 render`` knows its own by their beginning."""
    print(f"{SAYS if os.environ.get(PREPARED) else ''}{text}", flush=True)


def main() -> None:
    """Run one of the two hooks, for the book in the working folder."""
    try:
        settings = Settings.from_environment()
        if sys.argv[1] == "before":
            before(settings)
        else:
            after(settings, Path(os.environ["QUARTO_PROJECT_OUTPUT_DIR"]))
    except UserError as error:
        if os.environ.get("MMN13_DEBUG"):
            raise
        sys.exit(f"mmn13: {error}")


if __name__ == "__main__":
    main()
