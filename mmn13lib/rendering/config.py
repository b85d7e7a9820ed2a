"""Reads `_quarto.yml` and `_quarto.yml.local`, and refuses what the engines could not use."""

import json
from functools import reduce
from pathlib import Path
from typing import Any

import yaml

from mmn13lib.foundation.errors import UserError

_MAPPINGS = ("project", "book", "student", "execute", "format", "format.html", "format.typst")
_TEXTS = ("book.title", "book.subtitle", "lang", "student.id")  # YAML's id 012345670 is octal


class _Loader(yaml.SafeLoader):
    """Refuses an alias, and a name that is there twice, of which YAML would take the last."""

    def compose_node(self, parent: Any, index: Any) -> Any:
        if self.check_event(yaml.AliasEvent):  # with them, nine lines say a thousand million values
            raise ValueError("no alias (*name), please")
        return super().compose_node(parent, index)

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        names = [str(name.value) for name, _ in node.value]
        if twice := {name for name in names if names.count(name) > 1}:
            raise ValueError(f"{', '.join(sorted(twice))} is there twice")
        return super().construct_mapping(node, deep)


def read_config(root: Path) -> dict[str, Any]:
    """Read `_quarto.yml`, with `_quarto.yml.local` merged into it as Quarto does."""
    files = [root / name for name in ("_quarto.yml", "_quarto.yml.local")]
    return reduce(_merge, [_read(file) for file in files if file.is_file()], {})


def parse(text: str) -> Any:
    """Return what YAML says as JSON would, without what is left empty; `ValueError` if it can't."""
    try:
        found = json.dumps(yaml.load(text, _Loader), ensure_ascii=False, default=str)
        if r"\u0000" in found:
            raise ValueError("it holds U+0000, which is no letter")
        return json.loads(
            found.encode(), object_hook=lambda it: {k: v for k, v in it.items() if v is not None}
        )
    except (yaml.YAMLError, TypeError, RecursionError) as error:
        raise ValueError(str(error)) from error


def look_up(config: Any, key: str) -> Any:
    """Look up a dotted name; None where there is nothing."""
    for name in key.split("."):
        config = config.get(name) if isinstance(config, dict) else None
    return config


def _read(file: Path) -> dict[str, Any]:
    try:
        found = parse(file.read_text("utf-8")) or {}
    except ValueError as error:
        raise UserError(f"{file.name} is invalid YAML, please fix it: {error}") from error
    if not isinstance(found, dict):
        raise UserError(f"{file.name} should hold `name: value` lines and doesn't.")
    for key in (*_MAPPINGS, *_TEXTS):
        value = look_up(found, key)
        kind, words = (dict, "`name: value` lines") if key in _MAPPINGS else (str, "text in quotes")
        if value is not None and not isinstance(value, kind):
            raise UserError(f"{file.name}: {key} should be {words}, not {value!r}.")
    name = look_up(found, "book.output-file")
    if name is not None and name != Path(str(name)).name:
        raise UserError(f"{file.name}: book.output-file should be a name, no path, not {name!r}.")
    return found


def _merge(old: Any, new: Any) -> Any:
    if isinstance(old, dict) and isinstance(new, dict):
        return old | {key: _merge(old.get(key), value) for key, value in new.items()}
    if isinstance(old, list) and isinstance(new, list):
        return old + [item for item in new if item not in old]
    return new
