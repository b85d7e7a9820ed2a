"""Fixtures of the submission: made-up results of question 3, and a ZIP as it should be."""

import json

import nbformat
import pytest
from nbformat import NotebookNode
from support.made_up_results import made_up_results  # noqa: F401 - a fixture

from mmn13lib.submission.check import CHAPTERS, DEFINITIONS, PARTS, PICTURE, TEXT
from mmn13lib.submission.notebook import KEY

VIDEO = "https://example.org/video_1"


def made_up_notebook() -> NotebookNode:
    """Make a notebook in which every part has its output."""
    cells = [nbformat.v4.new_markdown_cell(f"# Title\n\n**Video:** <{VIDEO}>")]
    for count, (label, kind) in enumerate(PARTS.values(), start=1):
        content = {PICTURE: "iVBORw0KGgo=", TEXT: "a table"}
        output = (
            nbformat.v4.new_output("stream", text="printed")
            if kind == "stream"
            else nbformat.v4.new_output("display_data", {kind: content[kind]})
        )
        cell = nbformat.v4.new_code_cell("1", outputs=[output], execution_count=count)
        cell.metadata[KEY] = {"label": label, "shows": True}
        cells.append(cell)
    for label, defined in DEFINITIONS.items():
        cell = nbformat.v4.new_code_cell(f"{defined}: ...", execution_count=len(cells))
        cell.metadata[KEY] = {"label": label}
        cells.append(cell)
    return nbformat.v4.new_notebook(cells=cells)


@pytest.fixture(scope="session")
def made_up_pdf() -> bytes:
    """Typeset a PDF with a link, the contents and, on another page, all chapters' titles."""
    import typst

    titles = "\n\n".join(f"= {title}" for title in CHAPTERS.values())
    return bytes(
        typst.compile(f'#link("{VIDEO}")[video]\n#outline()\n#pagebreak()\n{titles}'.encode())
    )


@pytest.fixture
def contents(made_up_pdf: bytes) -> dict[str, bytes]:
    """Give what a good submission holds, for a test to spoil."""
    return {
        "mmn13.ipynb": json.dumps(made_up_notebook()).encode(),
        "mmn13.pdf": made_up_pdf,
        "README.txt": f"Video: {VIDEO}\n".encode(),
        "requirements.txt": b"numpy==2.4.6\n",
        "mmn13lib/__init__.py": b'"""The package."""\n',
        "artifacts/references.json": b"{}",
    }
