"""A figure to play with in a headless Chromium: at many settings, what the page then shows."""

import json
import re
import shutil
import subprocess
from html import unescape
from pathlib import Path
from typing import Any

import pytest

from mmn13lib.writing.explore import explorable

CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "google-chrome", "chrome"))), None)
needs_chromium = pytest.mark.skipif(CHROMIUM is None, reason="no Chromium on the PATH")
CAPTION = "<figcaption>Figure 1.1: On paper.</figcaption>"
STATIC = f'<figure id="fig-x"><img alt="a picture">{CAPTION}</figure>'


def shown(name: str, data: Any, addresses: list[str], script: str, folder: Path) -> list[Any]:
    """Return what `script`, a function body of JavaScript with `figure`, gives at each address."""
    block = explorable(name, "fig-x", data).split("````")[1].removeprefix("{=html}")
    visit = f"""
        const found = [], figure = document.querySelector("mmn-{name}");
        const look = () => {{ {script} }};
        for (const address of {json.dumps(addresses)}) {{
          history.replaceState(null, "", address);
          figure.readAddress();
          found.push(look());
        }}
        document.body.append(Object.assign(document.createElement("pre"), {{
          id: "found", textContent: JSON.stringify(found)}}));
    """
    page = folder / f"{name}.html"
    page.write_text(
        f"<!doctype html><meta charset=utf-8>{STATIC}{block}<script type=module>{visit}</script>",
        "utf-8",
    )
    return answer(page)


def answer(page: Path, *options: str) -> list[Any]:
    """Return what a page's scripts write, as JSON, into its one element `pre` named `found`."""
    assert CHROMIUM
    command = [CHROMIUM, "--headless", "--no-sandbox", "--disable-gpu", "--dump-dom", *options]
    command += [f"--user-data-dir={page.parent / 'profile'}", "--virtual-time-budget=20000"]
    done = subprocess.run([*command, page.as_uri()], capture_output=True, text=True, timeout=120)
    said = re.search('<pre id="found">(.*)</pre>', done.stdout, re.DOTALL)
    assert said, done.stdout[-1000:] + done.stderr[-2000:]
    found: list[Any] = json.loads(unescape(said[1]))
    return found
