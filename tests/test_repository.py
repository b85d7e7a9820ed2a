"""What people meet first: README, set-up, pinned packages, workflows, and that they are true."""

import os
import re
import shlex
import shutil
import subprocess
import tomllib
from collections.abc import Iterator
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path
from typing import Any

import pytest
import typer
import yaml
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from mmn13lib import cli

PROJECT = Path(__file__).parents[1]
README = (PROJECT / "README.md").read_text("utf-8")
PYPROJECT = tomllib.loads((PROJECT / "pyproject.toml").read_text("utf-8"))["project"]
MAKEFILE = (PROJECT / "Makefile").read_text("utf-8")
# BaseLoader, since YAML 1.1 reads the key `on` as true
WORKFLOWS = {
    file.stem: yaml.load(file.read_text("utf-8"), yaml.BaseLoader)
    for file in sorted(PROJECT.glob(".github/workflows/*.yml"))
}
ON_ONE_SCREEN = (
    ".editorconfig", ".pre-commit-config.yaml", "CHANGELOG.md", "CITATION.cff", "CONTRIBUTING.md",
)  # fmt: skip
needs_make = pytest.mark.skipif(shutil.which("make") is None, reason="no make")


def make_n(*arguments: str, path: Path | None = None) -> str:
    """Ask make for the commands it would run, with what is in one folder first on the PATH."""
    search = os.environ["PATH"] if path is None else f"{path}{os.pathsep}{os.environ['PATH']}"
    result = subprocess.run(
        ["make", "--dry-run", *arguments],
        cwd=PROJECT, env=os.environ | {"PATH": search}, capture_output=True, text=True, check=True,
    )  # fmt: skip
    return result.stdout.replace("\\\n", " ")


def stand_in(folder: Path, name: str, script: str = "exit 0") -> Path:
    folder.mkdir(exist_ok=True)
    (folder / name).write_text(f"#!/bin/sh\n{script}\n")
    (folder / name).chmod(0o755)
    return folder


# the commands that texts and workflows name


def texts_with_commands() -> Iterator[tuple[str, str]]:
    for name in ("README.md", "CONTRIBUTING.md"):
        for code in re.findall(
            r"```\w*\n(.*?)```|`([^`\n]+)`", (PROJECT / name).read_text("utf-8"), flags=re.S
        ):
            yield from ((name, line) for line in "".join(code).splitlines())
    for workflow, content in WORKFLOWS.items():
        for job in content["jobs"].values():
            for step in job["steps"]:
                yield from ((workflow, line) for line in step.get("run", "").splitlines())


COMMANDS = sorted({(where, line) for where, line in texts_with_commands()})


@pytest.mark.parametrize(("where", "line"), [pair for pair in COMMANDS if "make " in pair[1]])
def test_every_make_command_is_a_target(where: str, line: str) -> None:
    words = re.split(r"\bmake ", line, maxsplit=1)[1].split("#")[0].split("|")[0].split()
    targets = {word for word in words if "=" not in word}
    assert targets and targets <= set(re.findall(r"^(\w+):", MAKEFILE, flags=re.M))
    variables = {word.split("=")[0] for word in words if "=" in word}
    assert variables <= set(re.findall(r"^(\w+) \?=", MAKEFILE, flags=re.M))


@pytest.mark.parametrize(
    ("where", "line"), [pair for pair in COMMANDS if re.match(r"(\S+/)?mmn13 \w", pair[1])]
)
def test_every_mmn13_command_exists_with_its_options(where: str, line: str) -> None:
    name, *words = shlex.split(line.split("mmn13 ", 1)[1], comments=True)
    command = typer.main.get_command(cli.app).commands[name]  # type: ignore[attr-defined]
    known = {option for parameter in command.params for option in parameter.opts}
    assert {word for word in words if word.startswith("-")} <= known


# README


def test_layout_names_every_folder_of_the_package() -> None:
    folders = {
        file.parent.relative_to(PROJECT) for file in PROJECT.glob("mmn13lib/*/**/__init__.py")
    }
    named = set(re.findall(r"^\| `(mmn13lib/[\w/]+)/`", README, flags=re.M))
    assert named == {folder.as_posix() for folder in folders}


def test_every_path_that_the_readme_names_exists() -> None:
    made = {"artifacts/", "_report/", "submission/", "artifacts/downloads/"}
    layout = README.split("## Layout")[1]
    paths = set(re.findall(r"`((?:[\w.-]+/)+[\w.-]*|[\w-]+\.(?:qmd|md|toml|txt))`", layout))
    assert len(paths) > 20
    missing = {path for path in paths - made if not (PROJECT / path).exists()}
    assert not missing
    links = re.findall(r"\]\((?!http)([^)#]+)", README)
    assert links and all((PROJECT / link).exists() for link in links)


def test_workflows_are_named_in_the_readme() -> None:
    named = re.findall(r"^- `(\w+)\.yml`", README, flags=re.M)
    assert sorted(named) == sorted(WORKFLOWS)


# set-up


def pins() -> dict[str, str]:
    lines = (PROJECT / "constraints.txt").read_text("utf-8").splitlines()
    return dict(line.split("==") for line in lines if not line.startswith("#"))


def platforms() -> Iterator[dict[str, str]]:
    for sys_platform, platform_system, os_name in (
        ("linux", "Linux", "posix"), ("darwin", "Darwin", "posix"), ("win32", "Windows", "nt"),
    ):  # fmt: skip
        for python in ("3.11", "3.12", "3.13"):
            yield {
                "sys_platform": sys_platform, "platform_system": platform_system,
                "os_name": os_name, "python_version": python, "python_full_version": f"{python}.5",
            }  # fmt: skip


def applies(requirement: Requirement, extras: set[str]) -> bool:
    return requirement.marker is None or any(
        requirement.marker.evaluate(platform | {"extra": extra})
        for platform in platforms()
        for extra in extras or {""}
    )


def test_everything_that_gets_installed_is_pinned() -> None:
    waiting = [
        Requirement(line)
        for line in PYPROJECT["dependencies"] + PYPROJECT["optional-dependencies"]["dev"]
    ]
    needed: dict[str, set[str]] = {}
    while waiting:
        requirement = waiting.pop()
        name = canonicalize_name(requirement.name)
        extras = needed.get(name, set()) | requirement.extras
        if needed.get(name) == extras:
            continue
        needed[name] = extras
        try:
            requires = distribution(name).requires or []
        except PackageNotFoundError:  # another system's
            continue
        waiting += [one for one in map(Requirement, requires) if applies(one, extras)]
    assert len(needed) > 60
    assert not needed.keys() - {canonicalize_name(name) for name in pins()}


def test_pins_are_in_order_each_once() -> None:
    lines = (PROJECT / "constraints.txt").read_text("utf-8").splitlines()[1:]
    assert lines == sorted(lines, key=str.lower)
    assert len({canonicalize_name(name) for name in pins()}) == len(lines)


@needs_make
def test_setup_uses_uv_where_it_is(tmp_path: Path) -> None:
    path = stand_in(tmp_path / "bin", "uv")
    commands = make_n("setup", f"VENV={tmp_path}/venv", path=path)
    (install,) = re.findall(r"^uv pip install .*", commands, flags=re.M)
    assert f"--python {tmp_path}/venv/bin/python" in install
    assert "--constraint constraints.txt" in install and install.endswith('--editable ".[dev]"')
    assert "-m pip" not in commands and "index" not in install


@needs_make
def test_setup_uses_pip_where_uv_is_not(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    tools = tmp_path / "bin"
    tools.mkdir()
    for tool in ("make", "sh", "python3"):
        (tools / tool).symlink_to(shutil.which(tool) or tool)
    monkeypatch.setenv("PATH", str(tools))
    commands = make_n("setup", f"VENV={tmp_path}/venv")
    (install,) = re.findall(r"^\S+/python -m pip install .*", commands, flags=re.M)
    assert "--constraint constraints.txt" in install and install.endswith('--editable ".[dev]"')
    assert "index" not in install and "uv " not in commands
    install = make_n("setup", f"VENV={tmp_path}/venv", "TORCH_INDEX=https://wheels.example")
    assert "--extra-index-url https://wheels.example --editable" in " ".join(install.split())


@needs_make
def test_other_wheels_of_torch_by_uv(tmp_path: Path) -> None:
    path = stand_in(tmp_path / "bin", "uv")
    install = make_n("setup", f"VENV={tmp_path}/venv", "TORCH_INDEX=https://wheels.example",
                     path=path)  # fmt: skip
    # without a strategy, uv takes all that the other index has from there, old releases too
    assert "--index-strategy unsafe-best-match --index https://wheels.example" in install


@needs_make
def test_an_old_python_is_told_what_to_do(tmp_path: Path) -> None:
    old = stand_in(tmp_path / "bin", "python3", "exit 1") / "python3"
    result = subprocess.run(
        ["make", "setup", f"VENV={tmp_path}/venv", f"PYTHON={old}"],
        cwd=PROJECT, capture_output=True, text=True,
    )  # fmt: skip
    assert result.returncode != 0
    assert "needs Python 3.11 or newer" in result.stderr and "make PYTHON=" in result.stderr


# workflows


@pytest.mark.parametrize("name", WORKFLOWS)
def test_workflow_has_what_github_asks_for(name: str) -> None:
    workflow = WORKFLOWS[name]
    assert workflow["name"] == name and workflow["on"]
    assert workflow.keys() <= {"name", "on", "permissions", "concurrency", "env", "jobs"}
    assert workflow["permissions"] == {"contents": "read"}
    for job in workflow["jobs"].values():
        assert job.keys() <= {
            "name", "needs", "runs-on", "timeout-minutes", "strategy", "env", "permissions",
            "environment", "steps",
        }  # fmt: skip
        assert job["runs-on"] and job.get("needs", next(iter(workflow["jobs"]))) in workflow["jobs"]
        for step in job["steps"]:
            assert step.keys() <= {"name", "id", "if", "uses", "with", "run", "shell", "env"}
            assert ("uses" in step) != ("run" in step)
            assert re.fullmatch(
                r"[\w-]+(/[\w-]+)+@(v\d+(\.\d+)*|[0-9a-f]{40})", step.get("uses", "a/b@v1")
            )
        known = set(job.get("strategy", {}).get("matrix", {}).get("include", [{}])[0])
        assert set(re.findall(r"\{\{ matrix\.(\w+)", str(job))) <= known


def test_workflows_run_the_pythons_that_the_project_promises() -> None:
    rows: list[dict[str, Any]] = WORKFLOWS["tests"]["jobs"]["tests"]["strategy"]["matrix"][
        "include"
    ]
    systems = {(row["system"].split("-")[0], row["python"]) for row in rows}
    assert systems >= {("ubuntu", "3.11"), ("ubuntu", "3.13")}
    assert any(system == "macos" for system, _ in systems)
    assert PYPROJECT["requires-python"] == ">=3.11"


# the rest


def test_hooks_before_a_commit_are_the_linters_of_make_lint() -> None:
    hooks = yaml.safe_load((PROJECT / ".pre-commit-config.yaml").read_text("utf-8"))
    entries = [hook["entry"] for repo in hooks["repos"] for hook in repo["hooks"]]
    recipe = re.search(r"^lint: setup\n((?:\t.*\n)+)", MAKEFILE, flags=re.M)
    assert recipe
    lines = recipe[1].replace("$(VENV)", ".venv").splitlines()
    assert entries == [line.strip() for line in lines]


def test_citation_has_the_version_and_the_day_of_the_last_change() -> None:
    citation = yaml.safe_load((PROJECT / "CITATION.cff").read_text("utf-8"))
    assert {"cff-version", "message", "title", "authors"} <= citation.keys()
    assert citation["version"] == PYPROJECT["version"]
    assert citation["license"] == PYPROJECT["license"]
    days = re.findall(r"^## (\d{4}-\d\d-\d\d)$", (PROJECT / "CHANGELOG.md").read_text(), flags=re.M)
    assert days == sorted(days, reverse=True) and citation["date-released"] == days[0]


@pytest.mark.parametrize("name", ON_ONE_SCREEN)
def test_each_fits_on_a_screen(name: str) -> None:
    assert len((PROJECT / name).read_text("utf-8").splitlines()) <= 50


def test_nothing_tracked_names_a_folder_of_somebodys_machine() -> None:
    listed = subprocess.run(
        ["git", "ls-files", "-z"], cwd=PROJECT, capture_output=True, text=True, check=False
    )
    if listed.returncode:
        pytest.skip("not a git checkout")
    private = re.compile(rb"(?<![\w.])/(?:work|root|home(?!/someone)|Users)/\w|[A-Z]:\\Users\\")
    files = [PROJECT / name for name in listed.stdout.split("\0") if name]
    assert files
    assert not [file for file in files if file.is_file() and private.search(file.read_bytes())]
