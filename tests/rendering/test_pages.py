"""Both engines' pages as a headless Chromium shows them: light and dark, wide and on a phone."""

import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml
from support.explored import answer, needs_chromium
from support.tiny_book import PROJECT, cell, write_book, write_chapter

from mmn13lib import hook
from mmn13lib.foundation.settings import Settings
from mmn13lib.rendering import quarto
from mmn13lib.rendering.render import render

MEASURES = Path(__file__).parents[1] / "support/measures.js"
pytestmark = [pytest.mark.slow, needs_chromium]
WIDTHS = WIDE, PHONE = 1280, 390
LINE = "# " + "a comment as wide as a listing may be, " * 2
MATRIX = r"\begin{bmatrix} " + " & ".join(f"x_{{0{n}}}" for n in range(12)) + r" \end{bmatrix}"
SPECIMEN = rf"""# Specimen {{#sec-alpha}}

Text with `code`, a [link](https://example.org), math $\left(\sum_{{i}} x_i\right)$ and a note.[^1]
See @sec-alpha, @eq-wide and [@knuth]. {"https://example.org/" + "long" * 30}

[^1]: Its note, with `code` and a [link](https://example.org).

## A section with `code`

$$ \frac{{\partial C}}{{\partial X}} = {MATRIX} $$ {{#eq-wide}}

::: {{.callout-important}}
## Answer

With `code` and [a link](https://example.org):

$$ X = {MATRIX} $$
:::

| `code` in a head | a_long_name_in_a_head | a_long_name_in_a_head | a_long_name_in_a_head |
|:-----------------|----------------------:|----------------------:|----------------------:|
| text             | `code`                | 1                     | 1_000_000             |

: The table's caption with `code`. {{#tbl-wide}}

```python
{LINE[:78]}
class Layer(Module):
    def forward(self, x: Tensor) -> Tensor:
        return f"{{x}}" + r"\partial" + str(1.0) if x is not None else None
```
"""


@pytest.fixture(scope="module", params=["built-in", "quarto"])
def pages(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """Render the specimen with an engine, in the report's style; list its pages."""
    root = write_book(tmp_path_factory.mktemp("pages") / "book")
    config = yaml.safe_load((root / "_quarto.yml").read_text("utf-8"))
    real = yaml.safe_load((PROJECT / "_quarto.yml").read_text("utf-8"))
    config["book"] = real["book"] | config["book"] | {"appendices": []}
    config["book"]["chapters"] = ["index.qmd", "report/q1-alpha.qmd", "report/references.qmd"]
    config["project"] |= {"output-dir": "_report.quarto", "execute-dir": "project"}
    config |= {"format": real["format"], "jupyter": "python3"}
    (root / "_quarto.yml").write_text(yaml.safe_dump(config, sort_keys=False), "utf-8")
    for file in (PROJECT / "report").glob("*.*ss"):
        shutil.copy(file, root / "report")
    for name in ("title-block.html", "STIXTwoMath-subset.woff"):
        shutil.copy(PROJECT / "report" / name, root / "report")
    after = Path(real["format"]["html"]["include-after-body"])
    (root / after).parent.mkdir(parents=True)
    shutil.copy(PROJECT / after, root / after)
    figure = "import matplotlib.pyplot as plt\nplt.figure(figsize=(6, 1)).gca()\nplt.show()"
    wide = f"\n\n{'|column' * 25}|\n{'|--' * 25}|\n{'|12.345' * 25}|" * (request.param != "quarto")
    cells = (
        wide + cell("one", "1", 'code-summary: "Compute"') + cell("two", "print(2)\n" + LINE[:78])
    )
    cells += cell("fig-one", figure, 'fig-cap: "A figure."', 'fig-alt: "Empty"')
    write_chapter(root, "index", "# At a glance {.unnumbered}\n\nSee @sec-alpha.")
    write_chapter(root, "q1-alpha", SPECIMEN + cells)
    settings = Settings(root, offline=True)
    if request.param == "built-in":
        render(settings, lambda: {}, "built-in", progress=lambda line: None)
        return [settings.report / "tiny.html"]
    if not quarto.installed()[0]:
        pytest.skip("no Quarto >= 1.9 on the PATH")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv(quarto.PREPARED, "1")
        patch.setenv("QUARTO_PYTHON", sys.executable)
        hook.before(settings)
        command = [str(quarto.executable()), "render", "--to", "html"]
        done = subprocess.run(command, cwd=root, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    site = root / "_report.quarto"
    return [site / "index.html", site / "report/q1-alpha.html"]


@pytest.fixture(scope="module")
def shown(pages: list[Path], tmp_path_factory: pytest.TempPathFactory) -> list[dict[str, Any]]:
    """Measure each page in frames of both widths, in the light and in the dark."""
    found: list[dict[str, Any]] = []
    for dark in (0, 1):
        folder = tmp_path_factory.mktemp("browser")
        frames = [f'<iframe src="{page.as_uri()}" width=' for page in pages]
        frames = [f"{frame}{width} height=900></iframe>" for frame in frames for width in WIDTHS]
        wrapper = folder / "frames.html"
        wrapper.write_text(
            f"<body>{''.join(frames)}<script>{MEASURES.read_text('utf-8')}; show({dark})</script>",
            "utf-8",
        )
        scheme = f"--blink-settings=preferredColorScheme={1 - dark}"
        measured = answer(wrapper, "--allow-file-access-from-files", scheme)
        assert [each["dark"] for each in measured] == [bool(dark)] * len(frames)
        found += measured
    return found


def test_every_text_has_a_contrast_of_four_and_a_half(shown: list[dict[str, Any]]) -> None:
    assert [each["pale"] for each in shown] == [[]] * len(shown)


def test_no_page_moves_sideways(shown: list[dict[str, Any]]) -> None:
    assert [each["sideways"] for each in shown] == [0] * len(shown)


def test_what_scrolls_can_be_reached_with_the_keyboard(shown: list[dict[str, Any]]) -> None:
    assert [each["unreachable"] for each in shown] == [[]] * len(shown)


def test_seventy_eight_columns_of_code_fit_beside_the_contents(shown: list[dict[str, Any]]) -> None:
    assert [each["cut"] for each in shown if each["width"] == WIDE] == [[]] * (len(shown) // 2)


def test_the_copy_button_covers_no_code(shown: list[dict[str, Any]]) -> None:
    assert [each["covered"] for each in shown] == [[]] * len(shown)


def test_formulas_have_the_font_that_comes_along(shown: list[dict[str, Any]]) -> None:
    assert shown[-1]["fonts"] == ["loaded"]


def test_every_fold_has_a_title_and_a_page_of_the_site_one_too(shown: list[dict[str, Any]]) -> None:
    assert all(all(each["summaries"]) for each in shown)
    if len(shown) > 4:  # the built-in engine makes one page of the whole book
        assert {each["titles"] for each in shown} == {1}
        assert all(each["papers"] for each in shown)
