"""The notebook: the executed chapters' text, cells and outputs, as every viewer draws them."""

import ast
import builtins
import re
import symtable
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import nbformat
import pytest
from nbformat import NotebookNode
from nbformat.v4 import new_output
from support.tiny_report import reported, write_book

from mmn13lib.foundation.errors import UserError
from mmn13lib.rendering import notebook
from mmn13lib.rendering.book import Book, read_book
from mmn13lib.rendering.execution import Executed
from mmn13lib.writing.listing import listing

PROJECT = Path(__file__).parents[2]


@pytest.fixture
def book(tmp_path: Path) -> Book:
    """Read the small report."""
    return read_book(write_book(tmp_path / "book"))


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> NotebookNode:
    book = read_book(write_book(tmp_path_factory.mktemp("made") / "book"))
    with warnings.catch_warnings():
        warnings.simplefilter("error")  # nbformat corrects ids that are missing or given twice
        return notebook.make(reported(book), book)


@pytest.fixture
def shown(book: Book) -> Callable[..., list[NotebookNode]]:
    """Make the notebook where one cell of the small report shows something else."""

    def outputs(*given: NotebookNode) -> list[NotebookNode]:
        made = notebook.make(reported(book, **{"fig-q1-one": given}), book)
        return list(by_name(made)["fig-q1-one"].outputs)

    return outputs


def by_name(made: NotebookNode) -> dict[str, NotebookNode]:
    return {cell.id: cell for cell in made.cells}


def code_cells(made: NotebookNode) -> list[NotebookNode]:
    return [cell for cell in made.cells if cell.cell_type == "code"]


def sources(made: NotebookNode, kind: str) -> str:
    return "\n".join(cell.source for cell in made.cells if cell.cell_type == kind)


def test_the_notebook_is_valid_without_a_warning(made: NotebookNode) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        nbformat.validate(nbformat.from_dict(made))
    assert (made.nbformat, made.nbformat_minor) >= (4, 5)
    assert "widgets" not in made.metadata


def test_cells_are_named_and_counted_in_order(made: NotebookNode) -> None:
    code = code_cells(made)
    assert [cell.execution_count for cell in code] == [*range(1, len(code) + 1)]
    assert all(cell.source.startswith(f"# {cell.id}\n") for cell in code)


def test_an_output_says_what_the_report_says(made: NotebookNode) -> None:
    (equation,) = by_name(made)["q1-equation"].outputs
    assert equation.data["text/markdown"] == r"$$ x \tag{1.2} $$ in Chapter 1, by He (2016)"
    (equation,) = by_name(made)["q1-unknown"].outputs
    assert equation.data["text/markdown"] == r"$$ c \tag{1.3} $$"


def test_pictures_are_pngs_with_their_alternative_text(made: NotebookNode) -> None:
    (picture,) = by_name(made)["fig-q1-one"].outputs
    assert set(picture.data) == {"image/png", "text/plain"}
    assert picture.metadata["image/png"]["alt"] == "A text for those who do not see it"


def test_an_image_of_the_text_is_within_the_notebook(book: Book) -> None:
    (book.root / "a.png").write_bytes(b"\x89PNG")
    with (book.root / "q1-alpha.qmd").open("a") as chapter:
        chapter.write("\n![A](a.png)\n\n![B](/a.png){width=50%}\n")
    book = read_book(book.root)
    prose = sources(notebook.make(reported(book), book), "markdown")
    assert prose.count("data:image/png;base64,iVBORw==") == 2


def test_warnings_stay_away(shown: Callable[..., list[NotebookNode]]) -> None:
    printed = new_output("stream", name="stdout", text="1\n")
    warning = new_output("stream", name="stderr", text="/home/someone/a.py:1: UserWarning")
    assert shown(printed, warning, printed) == [printed, printed]


def test_a_widget_is_replaced_by_its_text(shown: Callable[..., list[NotebookNode]]) -> None:
    widget = {"application/vnd.jupyter.widget-view+json": {"model_id": "1"}, "text/plain": "50%"}
    (bar,) = shown(new_output("display_data", widget))
    assert dict(bar.data) == {"text/plain": "50%"}


def test_html_to_play_with_is_left_to_the_browser(
    book: Book, shown: Callable[..., list[NotebookNode]]
) -> None:
    html = new_output("display_data", {"text/markdown": "\n````{=html}\n<canvas></canvas>\n````"})
    printed = new_output("stream", name="stdout", text="1")
    assert shown(html, printed) == [printed]
    executed = reported(book)
    executed[1].outputs[-2][:] = [html]
    assert "tbl-q1-two" not in by_name(notebook.make(executed, book))  # the cell does nothing else


def test_of_a_hidden_cell_only_what_it_prints_is_shown(book: Book) -> None:
    executed = reported(book)
    printed = new_output("stream", name="stdout", text="1")
    generator = new_output("display_data", {"text/plain": "<Generator at 0x7f>"})
    executed[1].outputs[-1][:] = [generator, printed]
    assert by_name(notebook.make(executed, book))["q1-live"].outputs == [printed]


@pytest.mark.parametrize(
    "data", [{"image/svg+xml": "<svg/>", "text/plain": "<Figure>"}, {"text/html": "<i>1</i>"}]
)
def test_what_only_one_viewer_draws_is_refused(
    data: dict[str, str], shown: Callable[..., list[NotebookNode]]
) -> None:
    with pytest.raises(
        UserError, match=r"q1-alpha\.qmd, line \d+: fig-q1-one shows what not every"
    ):
        shown(new_output("display_data", data))


def test_a_listing_becomes_the_one_definition(made: NotebookNode) -> None:
    code = sources(made, "code")
    assert code.count("\ndef side_by_side(") == 1
    cell = by_name(made)["q1-code"]
    assert "from collections.abc import Sequence\n" in cell.source and cell.outputs == []
    setup = by_name(made)["q1-setup"].source
    assert "from mmn13lib.writing.tables import markdown_table\n" in setup
    assert "side_by_side" not in setup and "listing" not in code
    assert "from_environment" in setup


def test_a_listing_of_what_is_not_imported_is_refused(book: Book) -> None:
    file = book.root / "q1-alpha.qmd"
    file.write_text(file.read_text().replace("table, side_by_side\n", "table\n"))
    book = read_book(book.root)
    with pytest.raises(UserError, match=r"q1-alpha\.qmd, line \d+: side_by_side is listed, but"):
        notebook.make(reported(book), book)


def test_hidden_cells_go_in_and_quartos_marks_do_not(made: NotebookNode) -> None:
    code = sources(made, "code")
    assert "# q1-live\nprint" in code
    for trace in ("#|", "what this chapter depends on", "set_matplotlib_formats"):
        assert trace not in code, trace


@pytest.fixture(scope="module")
def real() -> NotebookNode:
    """Make the real report's notebook, with listings and equations as the only outputs."""
    book = read_book(PROJECT)
    executed = []
    for chapter in book.chapters:
        imports, outputs = "", []
        for cell in chapter.cells:
            outputs.append([])
            lines = [node for node in ast.parse(cell.code).body if isinstance(node, ast.ImportFrom)]
            own = [line for line in map(ast.unparse, lines) if line.startswith("from mmn13lib")]
            imports += "\n".join(own) + "\n"
            if names := notebook.listed(cell.code):
                scope: dict[str, Any] = {}
                exec(imports, scope)
                text = listing(*(scope[name] for name in names))
                outputs[-1].append(new_output("display_data", {"text/markdown": text}))
            for label in re.findall(r"\{#(eq-[\w-]+)\}", cell.code):  # the text refers to it
                equation = {"text/markdown": f"$$ x $$ {{#{label}}}"}
                outputs[-1].append(new_output("display_data", equation))
        executed.append(Executed(chapter, tuple(outputs)))
    return notebook.make(executed, book)


def test_every_real_code_cell_is_python_and_starts_no_processes(real: NotebookNode) -> None:
    for cell in code_cells(real):
        compile(cell.source, cell.id, "exec")
        # a worker process can't unpickle a class that a cell defines
        assert not re.search(r"num_workers|multiprocessing|ProcessPool", cell.source), cell.id
        assert not re.search(r"tqdm\.(auto|notebook)|ipywidgets", cell.source), cell.id


def test_nothing_is_defined_twice_or_imported_for_nothing(real: NotebookNode) -> None:
    defined, called = list[str](), set[str]()
    for cell in reversed(code_cells(real)):
        here = re.findall(r"^(?:class|def) (\w+)", cell.source, flags=re.M)
        defined += here
        assert not imports(cell.source).keys() & {*defined} - called, cell.id
        called = called - {*here} | names(cell.source)[1]
    assert len(defined) == len(set(defined))


def test_every_name_that_a_real_cell_uses_is_bound_above(real: NotebookNode) -> None:
    known = {*dir(builtins)}
    for cell in code_cells(real):
        binds, takes = names(cell.source)
        known |= binds
        assert takes <= known, (cell.id, takes - known)


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


def imports(code: str) -> dict[str, str]:
    """Give the names that a cell's import statements bind, and what each stands for."""
    nodes = [node for node in ast.parse(code).body if isinstance(node, ast.Import | ast.ImportFrom)]
    return {alias.asname or alias.name: f"{getattr(node, 'module', '')}.{alias.name}".strip(".")
            for node in nodes for alias in node.names}  # fmt: skip


def test_no_chapter_takes_a_name_from_another_under_its_feet(real: NotebookNode) -> None:
    # in the one notebook any cell may be run again after all the others
    bound: dict[str, dict[str, str]] = {}
    taken: dict[str, set[str]] = {}
    for cell in code_cells(real):
        question = re.search(r"q\d", cell.id)
        if question:
            binds, takes = names(cell.source)
            here, imported = bound.setdefault(question[0], {}), imports(cell.source)
            here |= {name: imported.get(name, question[0]) for name in binds}
            taken.setdefault(question[0], set()).update(takes)
    clashes = {
        name
        for chapter, wanted in taken.items()
        for other, binds in bound.items()
        for name in wanted & bound[chapter].keys() & binds.keys()
        if other != chapter and binds[name] != bound[chapter][name] and len(name) > 1
    }
    assert not clashes
