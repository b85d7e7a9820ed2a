"""The command ``mmn13``: the edge, where settings are read and errors become sentences."""

import os
import sys
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from mmn13lib.foundation.errors import UserError, printed_errors
from mmn13lib.foundation.settings import Settings

if TYPE_CHECKING:
    from mmn13lib.submission.inspection import Finding

app = typer.Typer(
    help="Make the report, its data and its measurements. Start with: mmn13 check",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)

Data = Annotated[Path | None, typer.Option(help="Folder with cifar-10-batches-py; MMN13_DATA.")]
Weights = Annotated[
    Path | None, typer.Option(help="ResNet-18 state dict, .pth or .safetensors; MMN13_WEIGHTS.")
]
Offline = Annotated[
    bool, typer.Option("--offline", help="Forbid every connection; MMN13_OFFLINE=1.")
]
MARKS = {True: "[OK]  ", False: "[FAIL]", None: "[?]   "}


def _say(*words: object, sep: str = " ") -> None:
    """Print at once; where whoever read it has gone (`| head -1`), work goes on in silence."""
    try:
        print(*words, sep=sep, flush=True)
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _settings(data: Path | None, weights: Path | None, offline: bool = False) -> Settings:
    """Return the settings of the environment, with the flags in place of its variables."""
    flags = {"MMN13_DATA": data, "MMN13_WEIGHTS": weights, "MMN13_OFFLINE": "1" if offline else ""}
    given = {name: str(value) for name, value in flags.items() if value}
    return Settings.from_environment({**os.environ, **given})


def _report(findings: "list[Finding]") -> None:
    """Print what was found; exit with code 1 if something is wrong."""
    for ok, what, fix in findings:
        _say(f"{MARKS[ok]} {what}")
        if fix and not ok:
            _say(f"       {'optional; ' if ok is None else ''}{fix}")
    if any(finding.ok is False for finding in findings):
        raise typer.Exit(1)


@app.command(epilog="Example: mmn13 check")
def check(data: Data = None, weights: Weights = None, offline: Offline = False) -> None:
    """Tell what the report needs, and how to get what is missing."""
    from mmn13lib.check import check as look

    _report(look(_settings(data, weights, offline)))


@app.command(epilog="Example: mmn13 fetch")
def fetch(data: Data = None, weights: Weights = None, offline: Offline = False) -> None:
    """Download CIFAR-10 (170 MB) and the ImageNet weights (47 MB).

    Both are checked; what is there already is left.
    """
    from mmn13lib.downloads.fetch import fetch as download

    if failures := download(_settings(data, weights, offline), progress=_say):
        raise UserError(
            f"{'; '.join(failures)}: run it again with a network, or name copies of your own with "
            "--data and --weights."
        )
    _say("CIFAR-10 and the weights are there.")


@app.command(epilog="Example: mmn13 experiment --data ~/cifar")
def experiment(data: Data = None, weights: Weights = None, offline: Offline = False) -> None:
    """Train what question 3 compares, and store the results.

    A second call finds them. If killed, it resumes when started again.
    """
    from mmn13lib.downloads.fetch import fetch as unpack
    from mmn13lib.q3_transfer.data.inputs import resolve
    from mmn13lib.q3_transfer.experiment.run import run

    settings = _settings(data, weights, offline)
    unpack(replace(settings, offline=True), progress=_say)
    run(settings, resolve(settings), progress=_say)


@app.command(epilog="Example: mmn13 render --rerun q2")
def render(
    engine: Annotated[
        Literal["auto", "quarto", "built-in"], typer.Option(help="auto: Quarto where it is.")
    ] = "auto",
    rerun: Annotated[
        list[str] | None, typer.Option(metavar="<chapter>", help="Execute it again.")
    ] = None,
    strict: Annotated[bool, typer.Option("--strict", help="Fail without real data.")] = False,
    data: Data = None,
    weights: Weights = None,
    offline: Offline = False,
) -> None:
    """Make what is missing, then the report: HTML, PDF and notebook."""
    from mmn13lib.prepare import prepare
    from mmn13lib.rendering.render import render

    settings = _settings(data, weights, offline)
    files = render(settings, lambda: prepare(settings, strict, _say), engine, rerun or (), _say)
    _say("\nThe report:", *files, sep="\n  ")


@app.command(epilog="Example: mmn13 status")
def status() -> None:
    """List what has changed since each chapter was executed."""
    from mmn13lib.prepare import outside
    from mmn13lib.rendering import cache
    from mmn13lib.rendering.book import read_book

    settings = Settings.from_environment()
    book = read_book(settings.root)
    for chapter, changes in cache.status(book, outside(settings), settings):
        _say(f"{chapter}: {', '.join(changes) if changes else 'fresh'}")


@app.command(epilog="Example: mmn13 bench convolution --quick")
def bench(
    what: Literal["convolution"],
    quick: Annotated[bool, typer.Option("--quick", help="Fewer repetitions.")] = False,
) -> None:
    """Measure the times that chapter 1 shows, and print them."""
    from mmn13lib.benchmarks.convolution import run, table

    print(table(run(Settings.from_environment(), quick=quick)))


@app.command(epilog="Example: mmn13 submit --id 123456782 --video https://zoom.us/rec/share/…")
def submit(
    id: Annotated[str, typer.Option(help="Nine digits, with leading zeros.")] = "",
    video: Annotated[str, typer.Option(help="The video's address, https://…")] = "",
    name: Annotated[str, typer.Option(help="All three default to _quarto.yml.local.")] = "",
    force: Annotated[bool, typer.Option("--force", help="Make it, whatever is wrong.")] = False,
    check: Annotated[Path | None, typer.Option(help="Look through this ZIP instead.")] = None,
    data: Data = None,
    weights: Weights = None,
) -> None:
    """Make the ZIP to hand in: executed notebook, PDF, sources."""
    from mmn13lib.submission import inspection, package
    from mmn13lib.submission.student import Student

    settings = _settings(data, weights)
    if check is not None:
        _report(list(inspection.inspect(inspection.unzipped(check), settings)))
        return
    path = package.make(settings, Student(id, video, name), force, progress=_say)
    _say(f"\nTo hand in:\n  {path}\nLook through it with: mmn13 submit --check {path}")


@app.command(epilog="Example: mmn13 script")
def script(data: Data = None, weights: Weights = None) -> None:
    """Write the video's script: what to show and say."""
    from mmn13lib.submission.script import make

    _say(f"\nThe video's script:\n  {make(_settings(data, weights), progress=_say)}")


def main() -> None:
    """Run the command; a `UserError` becomes its sentence and exit code 1."""
    with printed_errors():
        app()


if __name__ == "__main__":
    main()
