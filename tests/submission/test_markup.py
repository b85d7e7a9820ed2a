"""Quarto's Markdown as a notebook shows it."""

import pytest

from mmn13lib.submission.markup import Numbering, References, plain

KNOWN = References(
    {"fig-a": "Figure 1.1", "fig-b": "Figure 1.2", "eq-x": "Equation 2.3", "sec-q1": "Chapter 1"},
    {"he2016": "He et al. 2016", "cho2017": "Cho and Brand 2017"},
)


@pytest.mark.parametrize(
    ("quarto", "notebook"),
    [
        ("@fig-a shows", "Figure 1.1 shows"),
        ("(@fig-a)", "(Figure 1.1)"),
        ("[@fig-a; @fig-b]", "Figure 1.1, Figure 1.2"),
        ("figure -@fig-a.", "figure 1.1."),
        ("by @eq-x, in @sec-q1", "by Equation 2.3, in Chapter 1"),
        ("old [@he2016]", "old (He et al. 2016)"),
        ("[@he2016; @cho2017]", "(He et al. 2016; Cho and Brand 2017)"),
        ("[see @he2016, p. 3]", "(see He et al. 2016, p. 3)"),
        ("He [-@he2016]", "He (2016)"),
        ("@he2016 say", "He et al. (2016) say"),
        ("$$ a = b $$ {#eq-x}", "$$ a = b \\tag{2.3} $$"),
        ("$$ a\n= b $$\n{#eq-x}", "$$ a\n= b \\tag{2.3} $$"),
        ("`@fig-a` and me@he2016.org", "`@fig-a` and me@he2016.org"),
        ("```python\n@fig-a\n# x {#sec-q1}\n```", "```python\n@fig-a\n# x {#sec-q1}\n```"),
        ("## A title {#sec-q1}", "## A title"),
        ("@fig-unknown", "@fig-unknown"),
    ],
)
def test_quarto_becomes_plain(quarto: str, notebook: str) -> None:
    assert plain(quarto, KNOWN) == notebook


def test_a_callout_becomes_a_quotation_with_a_bold_title() -> None:
    text = '::: {.callout-important title="Answer"}\nSee @fig-a.\n\n$$ x $$\n:::\nafter'
    assert plain(text, KNOWN) == "> **Answer**\n>\n> See Figure 1.1.\n>\n> $$ x $$\nafter"


def test_other_divs_lose_their_fences_only() -> None:
    assert plain("::: {.wide}\ntext\n:::", KNOWN) == "text"


def test_numbers_run_by_chapter_and_kind() -> None:
    numbering = Numbering()
    first = numbering.prose("# One {#sec-one}\n\n## Inside {#sec-inside}\n\n$$ x $$ {#eq-x}")
    assert first.startswith("# 1 One\n\n## 1.1 Inside")
    assert numbering.item("fig-a") == "Figure 1.1"
    assert numbering.item("tbl-a") == "Table 1.1"
    assert numbering.item("fig-b") == "Figure 1.2"
    second = numbering.prose(
        "# Two\n\n## A\n\n### B\n\n## C\n\n## D {.unnumbered}\n$$ y $$ {#eq-y}"
    )
    assert second.startswith("# 2 Two\n\n## 2.1 A\n\n### 2.1.1 B\n\n## 2.2 C\n\n## D")
    assert numbering.labels["eq-x"] == "Equation 1.1"
    assert numbering.labels["eq-y"] == "Equation 2.1"
    assert numbering.labels["sec-inside"] == "Section 1.1"
