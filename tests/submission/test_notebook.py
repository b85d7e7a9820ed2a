"""The one notebook: its cells, what they define, numbers and references."""

import re
import symtable
from pathlib import Path

import nbformat
import pytest
from nbformat import NotebookNode
from support.tiny_report import fill, reported, write_book

from mmn13lib.foundation.errors import UserError
from mmn13lib.rendering.book import Book, read_book
from mmn13lib.rendering.execution import Executed
from mmn13lib.submission import notebook as notebooks
from mmn13lib.submission.definitions import bound_by_imports, listed

PROJECT = Path(__file__).parents[2]
SUBMISSION = PROJECT / "mmn13lib" / "submission"


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> NotebookNode:
    folder = tmp_path_factory.mktemp("made")
    book = read_book(write_book(folder / "book"))
    draft = notebooks.draft(reported(book), book, folder)
    fill(draft.notebook, folder, None)
    notebooks.finish(draft)
    return draft.notebook


def by_name(notebook: NotebookNode) -> dict[str, NotebookNode]:
    return {cell.id: cell for cell in notebook.cells}


def sources(notebook: NotebookNode, kind: str) -> str:
    return "\n".join(cell.source for cell in notebook.cells if cell.cell_type == kind)


def test_the_first_cell_says_who_and_where_the_video_is(made: NotebookNode) -> None:
    first = made.cells[0].source
    assert "# T\n" in first and "דנה כהן · id 123456782" in first
    assert "<https://zoom.us/rec/play_(1)>" in first


def test_the_notebook_is_valid_and_its_cells_are_named(made: NotebookNode) -> None:
    nbformat.validate(made)
    names = [cell.id for cell in made.cells]
    assert len(set(names)) == len(names)
    code = [cell for cell in made.cells if cell.cell_type == "code"]
    assert all(cell.source.startswith(f"# {cell.id}\n") for cell in code)


def test_the_text_has_its_numbers(made: NotebookNode) -> None:
    prose = sources(made, "markdown")
    assert "# 1 Alpha" in prose and "At a glance" not in prose
    assert "See Figure 1.1, Equation 1.3, after (He 2016)." in prose
    assert "$$ a = b \\tag{1.1} $$" in prose
    assert "**Figure 1.1:** A picture" in prose and "**Table 1.1:** A table" in prose
    assert "# References\n\n- He, K. 2016. *Deep*." in prose


def test_code_and_output_say_the_same_numbers(made: NotebookNode) -> None:
    cells = by_name(made)
    code = r'Markdown(rf"$$ {name} \tag{{1.2}} $$ in Chapter 1, by He (2016)")'
    assert cells["q1-equation"].source == f"# q1-equation\n{code}"
    (equation,) = cells["q1-equation"].outputs
    assert equation.data["text/markdown"] == r"$$ x \tag{1.2} $$ in Chapter 1, by He (2016)"


def test_what_no_source_says_is_numbered_in_the_output(made: NotebookNode) -> None:
    (equation,) = by_name(made)["q1-unknown"].outputs
    assert equation.data["text/markdown"] == r"$$ c \tag{1.3} $$"


def test_an_output_that_only_quarto_reads_is_refused(book: Book, tmp_path: Path) -> None:
    draft = notebooks.draft(reported(book), book, tmp_path)
    fill(draft.notebook, tmp_path, None)
    by_name(draft.notebook)["q1-equation"].outputs[1].data = {"text/markdown": "see @fig-q1-one"}
    with pytest.raises(
        UserError, match=r"q1-equation displays what only Quarto reads, .see @fig-q1-one"
    ):
        notebooks.finish(draft)


def test_pictures_have_their_alternative_text(made: NotebookNode) -> None:
    (picture,) = by_name(made)["fig-q1-one"].outputs
    assert picture.metadata["image/png"]["alt"] == "A text for those who do not see it"


def test_a_listing_becomes_the_one_definition(made: NotebookNode) -> None:
    code = sources(made, "code")
    assert code.count("\ndef side_by_side(") == 1
    setup = by_name(made)["q1-setup"].source
    assert "from mmn13lib.writing.tables import markdown_table\n" in setup
    assert "side_by_side" not in setup and "listing" not in code
    assert "from_environment" in setup


def test_hidden_cells_go_in_and_quartos_marks_do_not(made: NotebookNode) -> None:
    code = sources(made, "code")
    assert "# q1-live\nprint" in code
    for trace in ("#|", ":::", "dependencies", "@fig"):
        assert trace not in code, trace


@pytest.fixture(scope="module")
def real(tmp_path_factory: pytest.TempPathFactory) -> NotebookNode:
    """Make the real report's notebook, as far as that can be without executing anything."""
    book = read_book(PROJECT)
    found = re.findall(r"#(eq-[\w-]+)|@(eq-[\w-]+)", "".join(map(str, book.chapters)))
    shown = {label for label, _ in found}
    missing = {label for _, label in found if label} - shown
    assert not missing, "an equation that only a cell's output labels is referred to"
    chapters = [Executed(chapter, tuple([] for _ in chapter.cells)) for chapter in book.chapters]
    return notebooks.draft(chapters, book, tmp_path_factory.mktemp("real")).notebook


def test_every_cell_of_the_real_chapters_is_there(real: NotebookNode) -> None:
    names = by_name(real)
    for chapter in notebooks.questions(read_book(PROJECT)):
        for cell in chapter.cells:
            if not cell.holds_digest:
                assert cell.label in names or listed(cell.code), cell.label


def test_every_real_code_cell_is_python(real: NotebookNode) -> None:
    for cell in real.cells:
        if cell.cell_type == "code":
            compile(cell.source.replace("%config", "#"), cell.id, "exec")
            assert "#|" not in cell.source and ":::" not in cell.source


def test_nothing_is_defined_twice_or_imported_for_nothing(real: NotebookNode) -> None:
    code = [cell.source.replace("%config", "#") for cell in real.cells if cell.cell_type == "code"]
    defined = re.findall(r"^(?:class|def) (\w+)", "\n".join(code), flags=re.M)
    assert len(defined) == len(set(defined))
    for cell in code:
        assert not bound_by_imports(cell).keys() & {*defined}


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


def test_no_chapter_takes_a_name_from_another_under_its_feet(real: NotebookNode) -> None:
    # in the one notebook any cell may be run again after all the others
    bound: dict[str, dict[str, str]] = {}
    taken: dict[str, set[str]] = {}
    for cell in real.cells:
        question = re.search(r"q\d", cell.id)
        if question and cell.cell_type == "code":
            binds, takes = names(cell.source)
            imported = bound_by_imports(cell.source)
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


def test_nothing_outside_the_filter_numbers_or_reads_markdown() -> None:
    for module in (PROJECT / "mmn13lib").rglob("*.py"):
        code = module.read_text("utf-8")
        numbers = re.search(r"\b(Figure|Table|Equation|Section|Chapter)\W{0,3}\{|\\tag\{\{", code)
        assert numbers is None, (module.name, numbers)
    with_patterns = {
        m.name for m in SUBMISSION.glob("*.py") if "import re\n" in m.read_text("utf-8")
    }
    assert with_patterns == {"contents.py"}  # names of files
