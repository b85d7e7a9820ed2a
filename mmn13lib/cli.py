"""The command ``mmn13``: the edge, where settings are read and errors become sentences."""

import os
import sys
from collections.abc import Callable
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from mmn13lib.foundation.errors import UserError
from mmn13lib.foundation.settings import Settings

app = typer.Typer(
    help="Make the report, its data and its measurements. Start with: mmn13 check",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)


class Engine(StrEnum):
    """What turns the chapters into documents."""

    auto = "auto"
    quarto = "quarto"
    embedded = "embedded"


class Benchmark(StrEnum):
    """What can be measured."""

    convolution = "convolution"
    transfer = "transfer"
    render = "render"


DataOption = Annotated[
    Path | None,
    typer.Option("--data", help="Folder with cifar-10-batches-py.", envvar="MMN13_DATA"),
]
WeightsOption = Annotated[
    Path | None,
    typer.Option(
        "--weights", help="A ResNet-18 state dict, .pth or .safetensors.", envvar="MMN13_WEIGHTS"
    ),
]
OfflineOption = Annotated[
    bool, typer.Option("--offline", help="Forbid every connection.", envvar="MMN13_OFFLINE")
]


def _settings(data: Path | None, weights: Path | None, offline: bool) -> Settings:
    """Put the flags where the chapters' kernels, which are other processes, read them too."""
    flags = {"MMN13_DATA": data, "MMN13_WEIGHTS": weights}
    os.environ.update({name: str(path.absolute()) for name, path in flags.items() if path})
    if offline:
        os.environ["MMN13_OFFLINE"] = "1"
    return Settings.from_environment()


@app.callback()
def _debug(
    debug: Annotated[bool, typer.Option("--debug", help="Show tracebacks of errors.")] = False,
) -> None:
    if debug:
        os.environ["MMN13_DEBUG"] = "1"


@app.command()
def check(
    data: DataOption = None, weights: WeightsOption = None, offline: OfflineOption = False
) -> None:
    """Say what the report needs and whether it is there, with the command that mends it.

    Example: mmn13 check
    """
    from mmn13lib.upkeep.check import check as look

    found = look(_settings(data, weights, offline))
    for requirement in found:
        mark = "[OK]  " if requirement.ok else "[FAIL]"
        print(f"{mark} {requirement.name}: {requirement.detail}")
        if not requirement.ok:
            note = "" if requirement.needed else "optional; "
            print(f"       {note}{requirement.fix}")
    if any(requirement.needed and not requirement.ok for requirement in found):
        raise typer.Exit(1)


@app.command()
def fetch(
    data: DataOption = None, weights: WeightsOption = None, offline: OfflineOption = False
) -> None:
    """Download CIFAR-10 (170 MB) and the ImageNet weights of ResNet-18 (45 MB).

    A broken download goes on where it stopped; both are checked.

    Example: mmn13 fetch
    """
    from mmn13lib.downloads.fetch import fetch as fetch_all

    fetched = fetch_all(_settings(data, weights, offline), progress=_say)
    if fetched.missing:
        raise UserError(
            f"{'; '.join(fetched.missing)}: run it again with a network, or name copies of your "
            "own with --data and --weights."
        )


@app.command()
def experiment(
    data: DataOption = None, weights: WeightsOption = None, offline: OfflineOption = False
) -> None:
    """Train what question 3 compares, and store the results; a second call finds them.

    Killed at any moment, it goes on from there when it is started again.

    Example: mmn13 experiment --data ~/cifar
    """
    from mmn13lib.q3_transfer.experiment.run import run

    run(_settings(data, weights, offline), progress=_say)


@app.command()
def render(
    engine: Annotated[Engine, typer.Option(help="auto: Quarto where it is.")] = Engine.auto,
    rerun: Annotated[
        list[str] | None,
        typer.Option(help="Execute this chapter again whatever the cache says, e.g. q2."),
    ] = None,
    strict: Annotated[
        bool, typer.Option("--strict", help="Fail instead of using the embedded sample.")
    ] = False,
    data: DataOption = None,
    weights: WeightsOption = None,
    offline: OfflineOption = False,
) -> None:
    """Make the report: fetch, run the experiment where it has not been, write HTML and PDF.

    Example: mmn13 render --rerun q2
    """
    from mmn13lib.rendering.prepare import prepare
    from mmn13lib.rendering.render import render

    settings = _settings(data, weights, offline)
    warnings = prepare(settings, strict=strict, progress=_say)
    files = render(settings, engine=engine.value, rerun=tuple(rerun or ()), progress=_say)
    for warning in warnings:
        _say(f"\n{warning}")
    _say("\nThe report:")
    for file in files:
        _say(f"  {file}")


@app.command()
def status() -> None:
    """List each chapter: fresh, or what changed since it was executed.

    Example: mmn13 status
    """
    from mmn13lib.rendering import dependencies

    for chapter, changes in dependencies.status(Settings.from_environment()):
        print(f"{chapter}: {', '.join(changes) if changes else 'fresh'}")


@app.command()
def bench(
    what: Annotated[Benchmark, typer.Argument(help="What to measure.")],
    quick: Annotated[bool, typer.Option("--quick", help="About 30 seconds.")] = False,
    data: DataOption = None,
    weights: WeightsOption = None,
    offline: OfflineOption = False,
) -> None:
    """Measure, print a table and store the figures that the chapters show.

    Example: mmn13 bench convolution --quick
    """
    from importlib import import_module

    import_module(f"mmn13lib.benchmarks.{what.value}").run(
        _settings(data, weights, offline), quick=quick
    )


@app.command()
def submit(
    id: Annotated[str, typer.Option("--id", help="Nine digits, with leading zeros.")] = "",
    video: Annotated[str, typer.Option("--video", help="The video's address, https://…")] = "",
    name: Annotated[
        str, typer.Option("--name", help="Yours; without it, book: author of _quarto.yml.local.")
    ] = "",
    force: Annotated[
        bool,
        typer.Option(
            "--force", help="Make it even so; question 3's results must still be this code's."
        ),
    ] = False,
    check: Annotated[
        Path | None, typer.Option("--check", help="Look through this ZIP instead of making one.")
    ] = None,
    data: DataOption = None,
    weights: WeightsOption = None,
) -> None:
    """Make the ZIP to hand in: the executed notebook, the PDF, the sources.

    Example: mmn13 submit --id 123456782 --video https://zoom.us/rec/share/…
    """
    if check is not None:
        _check_submission(check)
        return
    from mmn13lib.submission import package
    from mmn13lib.submission.identity import Student
    from mmn13lib.submission.material import gather

    material = gather(_settings(data, weights, False), Student(id, video, name), force)
    path = package.make(material, progress=_say)
    _say(f"\nTo hand in:\n  {path}\nLook through it with: mmn13 submit --check {path}")


def _check_submission(path: Path) -> None:
    from mmn13lib.submission import check

    findings = check.check(path)
    for line in check.listing(path):
        print(f"       {line}")
    for finding in findings:
        print(f"{'[OK]  ' if finding.ok else '[FAIL]'} {finding.what}")
    if not all(finding.ok for finding in findings):
        raise typer.Exit(1)


@app.command()
def script(data: DataOption = None, weights: WeightsOption = None) -> None:
    """Write the video's script: what to say, which cells to run, and when.

    Example: mmn13 script
    """
    from mmn13lib.submission.identity import Student
    from mmn13lib.submission.material import gather
    from mmn13lib.submission.script import make

    # before the video is recorded there is no link, and the sample shows a rehearsal
    settings = _settings(data, weights, False)
    _say("\nThe video's script:")
    for file in make(gather(settings, Student("", ""), force=True), progress=_say):
        _say(f"  {file}")


@app.command()
def clean(
    yes: Annotated[bool, typer.Option("--yes", help="Don't ask; delete everything.")] = False,
) -> None:
    """Remove what can be made again; ask before downloads or results go.

    Example: mmn13 clean
    """
    from mmn13lib.upkeep import clean

    confirm: Callable[[str], bool] = (lambda question: True) if yes else typer.confirm
    for path in clean.clean(Settings.from_environment(), confirm):
        print(f"removed {path}")


def _say(text: str) -> None:
    print(text, flush=True)


def main() -> None:
    """Run the command; a `UserError` becomes its sentence and exit code 1."""
    try:
        app()
    except UserError as error:
        if os.environ.get("MMN13_DEBUG"):
            raise
        print(f"mmn13: {error}", file=sys.stderr)
        raise SystemExit(1) from error


if __name__ == "__main__":
    main()
