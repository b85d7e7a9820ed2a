"""The command `mmn13`: quick, helpful, and never a traceback."""

import subprocess
import sys
from pathlib import Path
from subprocess import PIPE

import pytest
import typer
from typer.testing import CliRunner

from mmn13lib import cli
from mmn13lib.foundation.settings import Settings
from mmn13lib.rendering.execution import cells_environment

COMMANDS = tuple(typer.main.get_command(cli.app).commands)


def imported_after(statement: str) -> set[str]:
    code = f"{statement}\nimport sys; print(*sys.modules)"
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    return set(result.stdout.split())


@pytest.mark.parametrize("statement", ["import mmn13lib", "import mmn13lib.cli"])
def test_import_stays_light(statement: str) -> None:
    heavy = {"torch", "matplotlib", "sympy", "numpy", "nbclient", "pypandoc"}
    assert not heavy & imported_after(statement)


@pytest.mark.parametrize("command", COMMANDS)
def test_help_tells_what_it_does_with_an_example(command: str) -> None:
    result = CliRunner().invoke(cli.app, [command, "--help"])
    assert result.exit_code == 0
    assert f"Example: mmn13 {command}" in result.output


def test_flag_reaches_the_kernels_through_the_environment(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "_quarto.yml").touch()
    monkeypatch.chdir(tmp_path)
    settings = cli._settings(Path("data"), None, offline=True)
    assert settings.data == tmp_path / "data"
    # the kernels work in another folder
    environment = cells_environment(settings)
    assert environment["MMN13_DATA"] == str(tmp_path / "data")
    assert environment["MMN13_OFFLINE"] == "1"


WORDS = "from mmn13lib.cli import _say\n_say('one')\n_say('two')\n_say('three')\nexit(7)"
CHECK = """
from mmn13lib import check, cli
check.check = lambda settings: 3 * [check.Finding(None, "Quarto: none", "get it")]
cli.app(["check"])"""
FAULT = CHECK.replace("None", "False")


@pytest.mark.parametrize(("code", "status"), [(WORDS, 7), (CHECK, 0), (FAULT, 1)])
def test_work_goes_on_when_whoever_read_its_words_has_gone(code: str, status: int) -> None:
    with subprocess.Popen(
        [sys.executable, "-c", code], stdout=PIPE, stderr=PIPE, cwd=Path(__file__).parent
    ) as process:
        process.stdout.close()
        assert process.wait() == status and process.stderr.read() == b""


def test_experiment_unpacks_an_archive_that_lies_among_the_downloads(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    done: list[str] = []
    monkeypatch.chdir(settings.root)
    monkeypatch.setattr(
        "mmn13lib.downloads.fetch.fetch",
        lambda settings, progress: done.append(f"unpack, offline is {settings.offline}"),
    )
    monkeypatch.setattr(
        "mmn13lib.q3_transfer.experiment.run.run", lambda *_, **__: done.append("run")
    )
    CliRunner().invoke(cli.app, ["experiment"], catch_exceptions=False)
    assert done == ["unpack, offline is True", "run"]
