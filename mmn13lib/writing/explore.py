"""Figures to play with, on a screen: a custom element with its data, style and script in a page."""

import json
from pathlib import Path
from typing import Any

FOLDER = Path(__file__).parents[2] / "report/explore"
SHARED = ("explore.css", "explore.js")


def explorable(name: str, figure: str, data: Any) -> str:
    """Return Markdown that puts a figure to play with in place of a static one.

    It is a block of HTML, which the PDF and the notebook leave out. On a screen with JavaScript
    it moves into the figure, in front of its caption, and shows a caption of its own; print
    and a browser without JavaScript keep the static figure.

    Parameters
    ----------
    name
        The element ``mmn-NAME``, which ``report/explore/NAME.js`` defines. What all share is in
        ``explore.js`` and ``explore.css`` beside it. The address ``#NAME?setting=value`` leads
        to a setting.
    figure
        The label of the static figure.
    data
        What the figure shows, as JSON can write it; ``data["caption"]`` is its caption.

    Examples
    --------
    A chapter's cell, right after the static figure's::

        Markdown(explorable("window", "fig-q1-product", {"caption": "…", "image": …}))
    """
    files = [FOLDER / shared for shared in SHARED] + [FOLDER / f"{name}.js"]
    if not all(file.exists() for file in files):  # a notebook on its own
        return ""
    style, *scripts = (file.read_text("utf-8") for file in files)
    written = json.dumps(data, ensure_ascii=False).replace("<", r"\u003c")
    opening = f'<mmn-{name} class="explore" figure="{figure}"><script type="application/json">'
    element = f"{opening}{written}</script></mmn-{name}>"
    script = f'<script type="module">\n{"".join(scripts)}</script>'
    return f"\n````{{=html}}\n<style>{style}</style>\n{element}\n{script}\n````\n"
