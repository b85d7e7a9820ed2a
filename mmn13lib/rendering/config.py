"""Reads `_quarto.yml` and `_quarto.yml.local`, and refuses what the engines could not use."""

import re
from functools import reduce
from pathlib import Path
from types import UnionType
from typing import Any

import yaml

from mmn13lib.foundation.errors import UserError

_KINDS: dict[str, tuple[type | UnionType, str]] = {
    "project book student execute format format.html format.typst": (dict, "`name: value` lines"),
    "book.chapters book.appendices format.typst.template-partials": (list, "a list of files"),
    "bibliography format.html.css": (str, "the name of one file"),
    "fig-width fig-height fig-dpi": (int | float, "a number"),
}
_WEB_ADDRESS = re.compile(r"(?i)https?://[\w-]+(\.[\w-]+)+(:\d+)?([/?#][^\s<>\"'`]*)?")


class _TextLoader(yaml.SafeLoader):
    """Reads a date as the text that it is, as Quarto does."""


_TextLoader.add_constructor("tag:yaml.org,2002:timestamp", lambda _, node: str(node.value))


def read_config(root: Path) -> dict[str, Any]:
    """Read `_quarto.yml`, with `_quarto.yml.local` merged into it as Quarto does."""
    files = [root / name for name in ("_quarto.yml", "_quarto.yml.local")]
    return reduce(_merge, [_read(file) for file in files if file.is_file()], {})


def _read(file: Path) -> dict[str, Any]:
    try:
        read = yaml.load(file.read_text("utf-8"), _TextLoader) or {}
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        raise UserError(f"{file.name} is invalid YAML, please fix it: {error}") from error
    if not isinstance(read, dict):
        raise UserError(f"{file.name} should hold `name: value` lines and doesn't.")
    _check_values(file.name, read)
    for keys, (kind, words) in _KINDS.items():
        for key in keys.split():
            value = look_up(read, key)
            if value is not None and not isinstance(value, kind):
                raise UserError(f"{file.name}: {key} should be {words}, not {value!r}.")
    return read


def _check_values(file: str, value: Any, key: str = "", above: tuple[int, ...] = ()) -> None:
    """Refuse what YAML can say and documents can't: keys that are no text, circles, no Unicode."""
    if id(value) in above:
        raise UserError(f"{file}: {key} contains itself (an alias, *, inside its own anchor, &).")
    if isinstance(value, str) and not is_unicode(value):
        raise UserError(f"{file}: {key} holds half a character (a surrogate), {value!r}.")
    if not isinstance(value, str | int | float | dict | list | None):
        raise UserError(f"{file}: {key} should be text, a number, a list or `name: value` lines.")
    if isinstance(value, dict | list):
        above = (*above, id(value))
    for name, inner in value.items() if isinstance(value, dict) else ():
        if not isinstance(name, str):
            raise UserError(f"{file}: the key {name!r} under {key or 'the top'} needs quotes.")
        _check_values(file, inner, f"{key}.{name}".lstrip("."), above)
    for inner in value if isinstance(value, list) else ():
        _check_values(file, inner, key, above)


def is_unicode(text: str) -> bool:
    """Tell text that can be written down from text with half a character, a lone surrogate."""
    return not any("\ud800" <= letter <= "\udfff" for letter in text)


def look_up(config: Any, key: str) -> Any:
    """Look up a dotted name; None where there is nothing."""
    for name in key.split("."):
        config = config.get(name) if isinstance(config, dict) else None
    return config


def fault_of_link(video: str) -> str:
    """Say what is wrong with the video's link, if there is one and something is."""
    if not video or is_web_address(video):
        return ""
    return (
        f"The video's link {video!r} is no http(s) address: copy it whole, with the https:// at "
        "its beginning."
    )


def is_web_address(text: str) -> bool:
    """Tell whether a text is an address that a browser opens."""
    return _WEB_ADDRESS.fullmatch(text) is not None


def _merge(old: Any, new: Any) -> Any:
    if isinstance(old, dict) and isinstance(new, dict):
        return old | {key: _merge(old.get(key), value) for key, value in new.items()}
    if isinstance(old, list) and isinstance(new, list):
        return old + [item for item in new if item not in old]
    return new
