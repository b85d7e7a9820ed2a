"""What people meet first: README, set-up, pinned packages, workflows, and that they are true."""

import re
import shlex
import tomllib
from collections.abc import Iterator
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path

import pytest
import typer
import yaml
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from support.git import git, tracked_files

from mmn13lib import cli

PROJECT = Path(__file__).parents[1]
README = re.sub(r"<!--.*?-->", "", (PROJECT / "README.md").read_text("utf-8"), flags=re.S)
PYPROJECT = tomllib.loads((PROJECT / "pyproject.toml").read_text("utf-8"))["project"]
MAKEFILE = (PROJECT / "Makefile").read_text("utf-8")
WORKFLOWS = {
    file.stem: yaml.safe_load(file.read_text("utf-8"))
    for file in sorted(PROJECT.glob(".github/workflows/*.yml"))
}


def commands() -> Iterator[str]:
    """List what README, CONTRIBUTING and the workflows tell people or machines to type."""
    for name in ("README.md", "CONTRIBUTING.md"):
        text = (PROJECT / name).read_text("utf-8")
        for code in re.findall(r"```\w*\n(.*?)```|`([^`\n]+)`", text, flags=re.S):
            yield from "".join(code).splitlines()
    for workflow in WORKFLOWS.values():
        for job in workflow["jobs"].values():
            for step in job["steps"]:
                yield from step.get("run", "").splitlines()


COMMANDS = sorted(set(commands()))


@pytest.mark.parametrize("line", [line for line in COMMANDS if "make " in line])
def test_every_make_command_is_a_target(line: str) -> None:
    words = re.split(r"\bmake ", line, maxsplit=1)[1].split("#")[0].split("|")[0].split()
    targets = {word for word in words if "=" not in word}
    assert targets and targets <= set(re.findall(r"^(\w+):", MAKEFILE, flags=re.M))
    variables = {word.split("=")[0] for word in words if "=" in word}
    assert variables <= set(re.findall(r"^(\w+) \?=", MAKEFILE, flags=re.M))


@pytest.mark.parametrize("line", [line for line in COMMANDS if re.match(r"(\S+/)?mmn13 \w", line)])
def test_every_mmn13_command_exists_with_its_options(line: str) -> None:
    name, *words = shlex.split(line.split("mmn13 ", 1)[1], comments=True)
    command = typer.main.get_command(cli.app).commands[name]  # type: ignore[attr-defined]
    known = {option for parameter in command.params for option in parameter.opts}
    assert {word for word in words if word.startswith("-")} <= known


def test_every_path_that_the_readme_names_exists() -> None:
    made = {"artifacts/", "_report/", "submission/", "artifacts/downloads/"}
    layout = README.split("## Layout")[1]
    paths = set(re.findall(r"`((?:[\w.-]+/)+[\w.-]*|[\w-]+\.(?:qmd|md|toml|txt))`", layout))
    folders = {
        f"{file.parent.relative_to(PROJECT)}/" for file in PROJECT.glob("mmn13lib/*/__init__.py")
    }
    assert folders <= paths
    assert not {path for path in paths - made if not (PROJECT / path).exists()}
    links = re.findall(r"\]\((?!http)([^)#]+)", README)
    assert links and all((PROJECT / link).exists() for link in links)


def test_everything_that_gets_installed_is_pinned_once_in_order() -> None:
    lines = (PROJECT / "constraints.txt").read_text("utf-8").splitlines()[1:]
    assert lines == sorted(lines, key=str.lower)
    pinned = [canonicalize_name(line.partition("==")[0]) for line in lines]
    assert len(set(pinned)) == len(pinned)
    waiting = [*PYPROJECT["dependencies"], *PYPROJECT["optional-dependencies"]["dev"]]
    needed: set[str] = set()
    while waiting:
        requirement = Requirement(waiting.pop())
        name = canonicalize_name(requirement.name)
        if name in needed or (requirement.marker and not requirement.marker.evaluate()):
            continue
        needed.add(name)
        try:
            waiting += distribution(name).requires or []
        except PackageNotFoundError:  # of an extra
            continue
    assert len(needed) > 60
    assert not needed - {*pinned}


def test_nothing_tracked_names_a_folder_of_somebodys_machine() -> None:
    private = re.compile(rb"(?<![\w.])/(?:work|root|home(?!/someone)|Users)/\w|[A-Z]:\\Users\\")
    files = [PROJECT / name for name in tracked_files(PROJECT)]
    assert files
    assert not [file for file in files if file.is_file() and private.search(file.read_bytes())]


def test_what_needs_a_checkout_or_git_is_skipped_where_there_is_none(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "tarball").mkdir()
    git(tmp_path, "init", "-q")
    with pytest.raises(pytest.skip.Exception, match="not a git checkout"):
        tracked_files(tmp_path / "tarball")
    monkeypatch.setenv("GIT_DIR", str(tmp_path / ".git"))  # as in a hook of another repository
    git(tmp_path / "tarball", "init", "-q")
    assert (tmp_path / "tarball/.git").is_dir() and tracked_files(tmp_path / "tarball") == []
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(pytest.skip.Exception, match="no git"):
        tracked_files(tmp_path / "tarball")
