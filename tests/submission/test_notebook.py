"""The one notebook: its cells, what they define, numbers and references."""

import re
import symtable
from pathlib import Path

import nbformat
import pytest
from nbformat import NotebookNode

from mmn13lib.foundation.errors import UserError
from mmn13lib.rendering.book import Book, read_book
from mmn13lib.submission.check import PARTS
from mmn13lib.submission.definitions import imported_names
from mmn13lib.submission.identity import Student
from mmn13lib.submission.live import LIVE
from mmn13lib.submission.notebook import build, finish

PROJECT = Path(__file__).parents[2]
STUDENT = Student("123456782", "https://example.org/v", "דנה כהן")
CHAPTER = """\
# Alpha {#sec-q1}

```{python}
#| label: q1-setup
#| include: false
from IPython.display import Markdown, display

from mmn13lib.foundation.settings import Settings
settings = Settings.from_environment()
```

See @fig-q1-one, @eq-q1-b, after [@he2016].

$$ a = b $$ {#eq-q1-a}

```{python}
#| label: q1-equation
Markdown("an equation")
```

```{python}
#| label: fig-q1-one
#| fig-cap: A picture
#| fig-alt: A text for those who do not see it
1
```
"""


@pytest.fixture(scope="module")
def real() -> NotebookNode:
    return build(read_book(PROJECT), STUDENT)


@pytest.fixture
def tiny(tmp_path: Path) -> Book:
    (tmp_path / "_quarto.yml").write_text(
        "book: {title: T, subtitle: S, chapters: [q1-alpha.qmd]}\nbibliography: r.bib\n"
    )
    digest = "```{python}\n#| label: dependencies\n# none\n```\n"
    (tmp_path / "_dependencies").mkdir()
    (tmp_path / "_dependencies" / "q1-alpha.md").write_text(digest)
    include = "{{< include _dependencies/q1-alpha.md >}}"
    first, _, rest = CHAPTER.partition("\n")
    (tmp_path / "q1-alpha.qmd").write_text(f"{first}\n\n{include}\n{rest}")
    (tmp_path / "r.bib").write_text(
        "@book{he2016, author={He, K. and Zhang, X.}, title={Deep}, year={2016}}\n"
    )
    return read_book(tmp_path)


def show(notebook: NotebookNode, label: str, data: dict[str, str]) -> None:
    cell = next(cell for cell in notebook.cells if cell.id == label)
    cell.outputs = [nbformat.v4.new_output("display_data", data)]


def sources(notebook: NotebookNode, kind: str) -> str:
    return "\n".join(cell.source for cell in notebook.cells if cell.cell_type == kind)


def test_the_first_cell_says_who_and_where_the_video_is(real: NotebookNode) -> None:
    first = real.cells[0].source
    assert "דנה כהן · id 123456782" in first
    assert "<https://example.org/v>" in first


def test_the_notebook_is_valid_and_its_cells_are_named(real: NotebookNode) -> None:
    nbformat.validate(real)
    names = [cell.id for cell in real.cells]
    assert len(set(names)) == len(names)


def test_every_code_cell_is_python(real: NotebookNode) -> None:
    for cell in real.cells:
        if cell.cell_type == "code":
            compile(cell.source.replace("%config", "#"), cell.id, "exec")


def test_all_parts_and_all_live_cells_are_there(real: NotebookNode) -> None:
    names = {cell.id for cell in real.cells}
    assert {label for label, _ in PARTS.values()} <= names
    assert {cell.label for cell in LIVE} <= names


@pytest.mark.parametrize(
    "statement",
    [
        "class Conv2d(Module):",
        "def convolution_gradients(",
        "class TransferResNet(ResNet):",
        "def train_head(",
        "def blatant_mistakes(",
        "class SmallResNet(nn.Module):",
    ],
)
def test_the_answers_code_is_defined_in_a_cell(real: NotebookNode, statement: str) -> None:
    assert sources(real, "code").count(f"\n{statement}") == 1


def test_nothing_displays_a_copy_or_needs_the_project(real: NotebookNode) -> None:
    code = sources(real, "code")
    for trace in ("listing", "from_environment", "display import Markdown", "#|"):
        assert trace not in code, trace


def test_texts_and_outputs_get_their_numbers(tiny: Book) -> None:
    notebook = build(tiny, STUDENT)
    show(notebook, "q1-equation", {"text/markdown": "$$ c $$ {#eq-q1-b} in @sec-q1"})
    show(notebook, "fig-q1-one", {"image/png": "iVBORw0KGgo="})
    references = finish(notebook, tiny)
    prose = sources(notebook, "markdown")
    assert "# 1 Alpha" in prose
    assert "See Figure 1.1, Equation 1.2, after (He and Zhang 2016)." in prose
    assert "$$ a = b \\tag{1.1} $$" in prose
    assert "**Figure 1.1.** *A picture*" in prose
    assert "# References" in prose and "*Deep*" in prose
    outputs = {cell.id: cell.outputs for cell in notebook.cells if cell.cell_type == "code"}
    (equation,) = outputs["q1-equation"]
    assert equation.data["text/markdown"] == "$$ c \\tag{1.2} $$ in Chapter 1"
    (picture,) = outputs["fig-q1-one"]
    assert picture.metadata["image/png"]["alt"] == "A text for those who do not see it"
    assert references.labels["fig-q1-one"] == "Figure 1.1"


def test_a_reference_without_a_target_is_refused(tiny: Book) -> None:
    with pytest.raises(UserError, match="eq-q1-b, which has no number"):
        finish(build(tiny, STUDENT), tiny)


def names(code: str) -> tuple[set[str], set[str]]:
    """Give the names that a cell binds and those that it takes from earlier cells."""
    table = symtable.symtable(code, "cell", "exec")
    bound = {s.get_name() for s in table.get_symbols() if s.is_assigned() or s.is_imported()}
    tables, used = [table], set()
    while tables:
        scope = tables.pop()
        tables += scope.get_children()
        used |= {
            s.get_name()
            for s in scope.get_symbols()
            if s.is_referenced() and (scope is table or s.is_global())
        }
    return bound, used - bound


def test_no_chapter_takes_a_name_from_another_under_its_feet() -> None:
    # in the one notebook any cell may be run again after all the others
    bound: dict[str, dict[str, str]] = {}
    taken: dict[str, set[str]] = {}
    for cell in build(read_book(PROJECT), STUDENT).cells:
        question = re.search(r"q\d", cell.id)
        if question and cell.cell_type == "code":
            binds, takes = names(cell.source)
            imported = imported_names(cell.source)
            here = bound.setdefault(question[0], {})
            here |= {
                name: ".".join(filter(None, imported.get(name, (question[0],)))) for name in binds
            }
            taken.setdefault(question[0], set()).update(takes)
    clashes = {
        name
        for chapter, wanted in taken.items()
        for other, binds in bound.items()
        for name in wanted & bound[chapter].keys() & binds.keys()
        if other != chapter and binds[name] != bound[chapter][name]
    }
    assert not clashes
