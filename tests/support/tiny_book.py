"""A tiny book with a tiny package of its own; its cells write down that they were executed."""

import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from mmn13lib.rendering.book import Book
from mmn13lib.rendering.execution import Executed

PROJECT = Path(__file__).parents[2]

CONFIG = """\
project: {type: book}
book:
  title: A tiny book
  author: דנה כהן
  output-file: tiny
  chapters: [index.qmd, report/q1-alpha.qmd, report/q2-beta.qmd, report/references.qmd]
  appendices: [report/appendix.qmd]
student: {id: "123456782", video: "https://example.org/a_b_c"}
bibliography: report/references.bib
fig-format: svg
fig-width: 3
execute: {cache: true}
format:
  html: {code-fold: true}
  typst:
    template-partials: [report/typst-show.typ]
    execute: {echo: false}
"""
CHAPTERS = {
    "index": (
        "# At a glance {.unnumbered}\n\nSee @sec-alpha and @sec-extra.",
        {"index-all": "from mmn13lib.alpha import f\nfrom mmn13lib.beta import g\nf(1) + g(1)"},
    ),
    "q1-alpha": (
        "# Alpha {#sec-alpha}\n\nText of chapter one.[^1]\n\n[^1]: Its note.",
        {
            "q1-setup": "from mmn13lib.alpha import f\n"
            "from mmn13lib.benchmarks import measurements",
            "q1-measured": 'measurements.load(None, "speed")\nf(2)',
        },
    ),
    "q2-beta": (
        "# Beta {#sec-beta}\n\nText of chapter two.",
        {"q2-beta": "import mmn13lib.q3_transfer.data.inputs\nfrom mmn13lib.beta import g\ng(2)"},
    ),
    "appendix": ("# Extra {#sec-extra}\n\nSee @sec-beta.", {"appendix-one": "print('one')"}),
}
PACKAGE = {
    "__init__": "",
    "alpha": "from mmn13lib.base import one\n\ndef f(x):\n    return x + one\n",
    "base": "one = 1\n",
    "beta": "import yaml\n\ndef g(x):\n    return 2 * x\n",
    "unused": "",
    "benchmarks/measurements": "def load(settings, name):\n    return {}\n",
    "benchmarks/__init__": "",
    "q3_transfer/__init__": "",
    "q3_transfer/data/__init__": "",
    "q3_transfer/data/inputs": "",
}


def write_chapter(root: Path, name: str, text: str) -> Path:
    """Write a chapter after its digest's include; cells keep a list of what was executed."""
    folder = root if name == "index" else root / "report"
    title, _, rest = text.partition("\n\n")
    prefix = "report/" if name == "index" else ""
    include = f"{{{{< include {prefix}_dependencies/{name}.md >}}}}"
    path = folder / f"{name}.qmd"
    path.write_text(f"{title}\n\n{include}\n\n{rest}\n", "utf-8")
    return path


def cell(label: str, code: str, *options: str) -> str:
    """Write a cell."""
    lines = [f"#| label: {label}", *(f"#| {option}" for option in options), code]
    return "\n\n```{python}\n" + "\n".join(lines) + "\n```\n"


def by_hand(book: Book, outputs: Mapping[str, Sequence[Any]]) -> list[Executed]:
    """Give the chapters with these outputs, by the cells' labels; nothing is executed."""
    return [
        Executed(chapter, tuple(list(outputs.get(cell.label, [])) for cell in chapter.cells))
        for chapter in book.chapters
    ]


def write_book(root: Path) -> Path:
    """Write the book and its package into a folder."""
    (root / "report").mkdir(parents=True)
    (root / "_quarto.yml").write_text(CONFIG, "utf-8")
    for name, (text, cells) in CHAPTERS.items():
        for label, code in cells.items():
            text += cell(label, f'open("executed.txt", "a").write("{label}\\n")\n{code}')
        write_chapter(root, name, text)
    (root / "report/references.qmd").write_text("# References {.unnumbered}\n\n::: {#refs}\n:::\n")
    (root / "report/references.bib").write_text(
        "@book{knuth, author={Knuth, Donald}, title={A Book}, year={1968}}\n"
    )
    shutil.copy(PROJECT / "report/typst-show.typ", root / "report")
    for name, module in PACKAGE.items():
        file = root / "mmn13lib" / f"{name}.py"
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(module)
    return root
