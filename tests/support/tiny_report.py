"""A report of one question with every kind of cell, and outputs that nobody executed."""

import shutil
from collections.abc import Sequence
from pathlib import Path

from nbformat import NotebookNode
from nbformat.v4 import new_output
from support.tiny_book import by_hand

from mmn13lib.rendering.book import Book
from mmn13lib.rendering.execution import Executed
from mmn13lib.writing.listing import brief
from mmn13lib.writing.tables import side_by_side

PROJECT = Path(__file__).parents[2]
VIDEO = "https://zoom.us/rec/play_(1)"
CONFIG = f"""\
book:
  title: T
  subtitle: S
  author: דנה כהן
  output-file: mmn13
  chapters: [index.qmd, q1-alpha.qmd, references.qmd]
bibliography: references.bib
student: {{id: "123456782", video: "{VIDEO}"}}
format: {{typst: {{template-partials: [typst-show.typ]}}}}
"""
CHAPTER = r"""# Alpha {#sec-q1}

{{< include _dependencies/q1-alpha.md >}}

```{python}
#| label: q1-setup
#| include: false
from IPython.display import Markdown

from mmn13lib.foundation.settings import Settings
from mmn13lib.writing.listing import listing
from mmn13lib.writing.tables import markdown_table, side_by_side

settings = Settings.from_environment()
name = "x"
```

See @fig-q1-one, @eq-q1-c, after [@he2016].

$$ a = b $$ {#eq-q1-a}

```{python}
#| label: q1-code
#| echo: false
Markdown(listing(side_by_side))
```

```{python}
#| label: q1-equation
Markdown(rf"$$ {name} $$ {{#eq-q1-b}} in @sec-q1, by @he2016")
```

```{python}
#| label: q1-unknown
Markdown("$$ c $$ {#eq-q1-" + "c}")
```

```{python}
#| label: fig-q1-one
#| fig-cap: A picture
#| fig-alt: A text for those who do not see it
1
```

```{python}
#| label: tbl-q1-two
#| tbl-cap: A table
Markdown(markdown_table(["a"], side_by_side([["1"]], 1)))
```

```{python}
#| label: q1-live
#| include: false
print(len(side_by_side([["1"]], 1)))
```
"""
SVG = '<svg xmlns="http://www.w3.org/2000/svg" width="9pt" height="9pt"><rect/></svg>'
DISPLAYED = {
    "q1-code": {"text/markdown": f"```python\n{brief(side_by_side)}\n```\n"},
    "fig-q1-one": {"image/svg+xml": SVG, "image/png": "iVBORw0KGgo=", "text/plain": "<Figure>"},
    "q1-equation": {"text/markdown": "$$ x $$ {#eq-q1-b} in @sec-q1, by @he2016"},
    "q1-unknown": {"text/markdown": "$$ c $$ {#eq-q1-c}"},
    "tbl-q1-two": {"text/markdown": "| a |\n|:--|\n| 1 |"},
}


def write_book(root: Path) -> Path:
    """Write a report of one question, which has every kind of cell."""
    root.mkdir(exist_ok=True)
    (root / "_quarto.yml").write_text(CONFIG, "utf-8")
    (root / "index.qmd").write_text("# At a glance {.unnumbered}\n\n" + "A page of text. " * 800)
    (root / "q1-alpha.qmd").write_text(CHAPTER)
    (root / "references.qmd").write_text("# References {.unnumbered}\n\n::: {#refs}\n:::\n")
    (root / "references.bib").write_text(
        "@book{he2016, author={He, K.}, title={Deep}, year={2016}}\n"
    )
    shutil.copy(PROJECT / "report/typst-show.typ", root)
    (root / "mmn13lib").symlink_to(PROJECT / "mmn13lib")
    return root


def reported(book: Book, **others: Sequence[NotebookNode]) -> list[Executed]:
    """Give the chapters with outputs that nobody executed, a few of which are others."""
    outputs = {name: [new_output("display_data", data)] for name, data in DISPLAYED.items()}
    return by_hand(book, outputs | others)
