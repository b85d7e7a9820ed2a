"""Reads `_quarto.yml` and `_quarto.yml.local`, and refuses what the engines could not use."""

import json
import re
from functools import reduce
from pathlib import Path
from typing import Any

import yaml

from mmn13lib.foundation.errors import UserError

_MAPPINGS = ("project", "book", "student", "execute", "format", "format.html", "format.typst")
DEEPEST = 50  # levels of lists and mappings
_WEB_ADDRESS = re.compile(r"(?i)https?://[\w-]+(\.[\w-]+)+(:\d+)?([/?#][^\s<>\"'`]*)?")


def read_config(root: Path) -> dict[str, Any]:
    """Read `_quarto.yml`, with `_quarto.yml.local` merged into it as Quarto does."""
    files = [root / name for name in ("_quarto.yml", "_quarto.yml.local")]
    return reduce(_merge, [_read(file) for file in files if file.is_file()], {})


def parse(text: str) -> Any:
    """Return what YAML says as JSON would, without what is left empty; `ValueError` if it can't."""
    try:
        depth = 0
        for event in yaml.parse(text):  # with aliases, nine lines say a thousand million values
            depth += isinstance(event, yaml.CollectionStartEvent)
            depth -= isinstance(event, yaml.CollectionEndEvent)
            if isinstance(event, yaml.AliasEvent) or depth > DEEPEST:
                raise ValueError(f"no alias (*name) and no more than {DEEPEST} levels, please")
        found = json.dumps(yaml.safe_load(text), ensure_ascii=False, default=str)
        return json.loads(found.encode(), object_hook=_without_empty)
    except (yaml.YAMLError, TypeError) as error:
        raise ValueError(str(error)) from error


def look_up(config: Any, key: str) -> Any:
    """Look up a dotted name; None where there is nothing."""
    for name in key.split("."):
        config = config.get(name) if isinstance(config, dict) else None
    return config


def fault_of_link(video: str) -> str:
    """Say what is wrong with the video's link, if there is one and something is."""
    if not video or _WEB_ADDRESS.fullmatch(video):
        return ""
    return (
        f"The video's link {video!r} is no http(s) address: copy it whole, with the https:// at "
        "its beginning."
    )


def _read(file: Path) -> dict[str, Any]:
    try:
        found = parse(file.read_text("utf-8")) or {}
    except ValueError as error:
        raise UserError(f"{file.name} is invalid YAML, please fix it: {error}") from error
    if not isinstance(found, dict):
        raise UserError(f"{file.name} should hold `name: value` lines and doesn't.")
    for key in _MAPPINGS:
        value = look_up(found, key)
        if value is not None and not isinstance(value, dict):
            raise UserError(f"{file.name}: {key} should be `name: value` lines, not {value!r}.")
    if isinstance(look_up(found, "student.id"), int):  # YAML's 012345670 is octal
        raise UserError(
            f"{file.name}: student.id should be in quotes, or a 0 that it begins with is lost."
        )
    name = look_up(found, "book.output-file")
    if name is not None and name != Path(str(name)).name:
        raise UserError(f"{file.name}: book.output-file should be a name, no path, not {name!r}.")
    return found


def _without_empty(found: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in found.items() if value is not None}


def _merge(old: Any, new: Any) -> Any:
    if isinstance(old, dict) and isinstance(new, dict):
        return old | {key: _merge(old.get(key), value) for key, value in new.items()}
    if isinstance(old, list) and isinstance(new, list):
        return old + [item for item in new if item not in old]
    return new
