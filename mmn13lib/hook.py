"""The book's hooks: `_quarto.yml` has every ``quarto render`` run this file, before and after.

A render that fails before the second one leaves the last good report alone.
"""

import os
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
if __name__ == "__main__":
    # run by its path: the modules beside this file must not hide libraries of the same names
    sys.path = [str(HERE.parent), *(path for path in sys.path if Path(path) != HERE)]

try:
    from mmn13lib import prepare
    from mmn13lib.foundation.errors import UserError, printed_errors
    from mmn13lib.foundation.locks import exclusive
    from mmn13lib.foundation.settings import Settings
    from mmn13lib.rendering import cache, notebook, quarto
    from mmn13lib.rendering.book import Book, Chapter, read_book
    from mmn13lib.rendering.dependencies import Outside, dependencies, hidden_cell
    from mmn13lib.rendering.execution import Executed, neutral_kernel
    from mmn13lib.rendering.render import publish
except ImportError as error:
    sys.exit(
        f"mmn13: {sys.executable} lacks {error.name}. Activate .venv (`make report` makes it) or "
        "set QUARTO_PYTHON to its Python, then render again."
    )


def before(settings: Settings) -> None:
    """Prepare, and write each chapter's dependencies into the hidden cell that it includes."""
    book = read_book(settings.root)
    if fault := quarto.fault_of_folder(settings.root):
        raise UserError(
            f"Quarto can't be used here: {fault}. Move the project, or use mmn13 render."
        )
    neutral_kernel(settings.cache / "kernel")  # which _environment names
    if os.environ.get(quarto.PREPARED):
        outside = prepare.outside(settings)
    else:
        with exclusive(settings.artifacts / "render.lock", _say):
            outside = prepare.prepare(settings, progress=_say)
    for chapter in (chapter for chapter in book.chapters if chapter.cells):
        quarto.drop_damaged(chapter)
        found = dependencies(chapter, book, outside)
        quarto.write_cell(chapter, hidden_cell(found, book))
        _say(
            f"{chapter.short_name}: {'; '.join(cache.reasons(chapter, found, settings)) or 'fresh'}"
        )


def after(settings: Settings, built: Path, made: list[Path]) -> None:
    """Store what Quarto executed, and publish the report if it is whole, pages and PDF."""
    book, told = read_book(settings.root), prepare.outside(settings)
    executed = []
    for chapter in book.chapters:
        outputs = _store(chapter, book, told, settings) if chapter.cells else ()
        if outputs is not None:
            executed.append(Executed(chapter, outputs))
    if not {".html", ".pdf"} <= {file.suffix for file in made}:
        _say(f"This made a part of the report, in {built}; _report keeps the last whole one.")
        return
    if len(executed) < len(book.chapters):
        raise UserError("Not every chapter's outputs are known, for a notebook: render once more.")
    notebook.write(executed, book, built)
    files = {
        path.relative_to(built).as_posix(): path for path in built.rglob("*") if path.is_file()
    }
    publish(files, settings.report)
    if not os.environ.get(quarto.PREPARED):
        _say(f"The report, copied from {built.name}: pages, PDF and notebook in {settings.report}")


def _store(chapter: Chapter, book: Book, told: Outside, settings: Settings) -> cache.Outputs | None:
    """Return a chapter's outputs, stored; forget what changed while Quarto executed it."""
    found = dependencies(chapter, book, told)
    now, written = hidden_cell(found, book), quarto.written_cell(chapter)
    outputs = quarto.outputs(chapter, written)
    if outputs is not None and now != written:
        quarto.forget(chapter, written)
        _say(f"{chapter.short_name}: what it is made from changed meanwhile: render it once more")
        return None
    if outputs is None:
        return cache.read(chapter, found, settings)
    cache.write(chapter, found, outputs, settings)
    return outputs


def _say(text: str) -> None:
    print(text, flush=True)


def main() -> None:
    """Run one of the two hooks, for the book in the working folder."""
    with printed_errors():
        settings = Settings.from_environment()
        if sys.argv[1:] == ["before"]:
            before(settings)
        elif sys.argv[1:] == ["cells"]:
            quarto.write_cells(read_book(settings.root))
        elif "QUARTO_PROJECT_OUTPUT_FILES" not in os.environ:
            raise UserError("This is what `quarto render` runs: run that, or `mmn13 render`.")
        else:
            made = os.environ["QUARTO_PROJECT_OUTPUT_FILES"].split("\n")
            built = Path(os.environ["QUARTO_PROJECT_OUTPUT_DIR"])
            after(settings, built, [Path(name) for name in made])


if __name__ == "__main__":
    main()
