"""Makes the notebook, a third format of the executed chapters: their text, cells and outputs.

Nothing is executed here. The filter writes the text, and marks where to cut it into cells.
"""

import ast
import base64
import json
import mimetypes
import symtable
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mmn13lib.foundation.errors import UserError
from mmn13lib.rendering.book import Book, Cell, Chapter
from mmn13lib.rendering.document import convert
from mmn13lib.rendering.execution import Executed

if TYPE_CHECKING:
    from nbformat import NotebookNode

ABOUT = (
    "The three questions in order: text, code and what it printed. A cell that only defines "
    "classes or functions has them as they stand in mmn13lib."
)
DRAWN = ("image/png", "image/jpeg", "text/markdown", "text/latex", "text/plain")
"""What every viewer draws; an SVG, HTML or widget needs one of these beside it."""

WIDTH = 78


def write(chapters: Sequence[Executed], book: Book, folder: Path) -> Path:
    """Write the notebook into a folder, under the report's name; raises as `make` does."""
    path = folder / f"{book.option('book.output-file', 'report')}.ipynb"
    text = json.dumps(make(chapters, book), indent=1, ensure_ascii=False)  # as Jupyter does
    path.write_text(f"{text}\n", "utf-8")
    return path


def make(chapters: Sequence[Executed], book: Book) -> "NotebookNode":
    """Return the notebook of the executed chapters that answer a question.

    The others count for numbers and references only. Raises `UserError` for an output that not
    every viewer draws, and for what the filter refuses.
    """
    from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook

    answering = [each for each in chapters if is_question(each.chapter)]
    shown = {"references", *(each.chapter.name for each in answering)}
    code = _code(answering, book.root)
    executed = {
        cell.label: (cell, [] if listed(cell.code) else outputs)
        for each in chapters
        for cell, outputs in zip(each.chapter.cells, each.outputs, strict=True)
    }
    with tempfile.TemporaryDirectory(prefix="mmn13-") as folder:
        text = convert(chapters, book, "notebook", Path(folder))
        for file in Path(folder).glob("source/notebook-*"):  # its texts' images: it is one file
            image = base64.b64encode(file.read_bytes()).decode()
            text = text.replace(file.name, f"data:{mimetypes.guess_type(file)[0]};base64,{image}")
    front, *pieces = text.split("<!-- mmn13 ")
    cells = [new_markdown_cell(f"{front.strip()}\n\n{ABOUT}", id="front")]
    texts: dict[str, dict[int, str]] = {}
    chapter = label = ""
    for piece in pieces:
        mark, _, text = piece.partition(" -->")
        kind, _, argument = mark.partition(" ")
        if kind == "chapter":
            chapter = Path(argument).stem
        if chapter not in shown:
            continue
        if kind == "cell":
            label = argument
            if code.get(label):  # viewers don't show ids, and the video's script names cells
                cells.append(new_code_cell(f"# {label}\n{code[label]}", id=label))
        elif kind == "output":
            texts.setdefault(label, {})[int(argument)] = text.strip()
        elif text.strip():
            cells.append(new_markdown_cell(text.strip("\n"), id=f"{chapter}-text-{len(cells)}"))
    for count, cell in enumerate((cell for cell in cells if cell.cell_type == "code"), start=1):
        cell.execution_count = count
        cell.outputs = [*_outputs(*executed[cell.id], texts.get(cell.id, {}), count)]
    kernel = {"name": "python3", "language": "python", "display_name": "Python 3"}
    return new_notebook(
        cells=cells, metadata={"kernelspec": kernel, "language_info": {"name": "python"}}
    )


def is_question(chapter: Chapter) -> bool:
    """Tell whether a chapter answers a question, as its file's name says: ``q1-…``."""
    return chapter.path.match("q[0-9]*")


def listed(code: str) -> list[str]:
    """Name what a cell lists, if it does nothing else."""
    match ast.parse(code).body:
        case [ast.Expr(ast.Call(ast.Name("Markdown"), [ast.Call(ast.Name("listing"), things)]))]:
            return [ast.unparse(thing) for thing in things]
    return []


def _outputs(
    cell: Cell, given: Sequence[Any], texts: Mapping[int, str], count: int
) -> Iterator["NotebookNode"]:
    """Yield a cell's outputs as every viewer draws them; `texts` are those in Markdown, made plain.

    Warnings stay away: they name folders of the machine.
    """
    from nbformat.v4 import new_output

    alt = " ".join(str(cell.options.get("fig-alt", "")).split())
    for number, output in enumerate(given):
        if output.output_type == "stream":
            if output.name == "stdout":
                yield output
            continue
        if cell.options.get("include") is False:  # nor does the report show it
            continue
        data = {kind: output.data[kind] for kind in DRAWN if kind in output.data}
        if "text/markdown" in data:
            data["text/markdown"] = texts.get(number, "")
            if not data["text/markdown"]:
                continue
        elif not data or ("image/svg+xml" in output.data and "image/png" not in data):
            raise UserError(
                f"{cell.file.name}, line {cell.line}: {cell.label} shows what not every notebook "
                f"viewer draws ({', '.join(output.data)}): let it show a PNG or Markdown as well."
            )
        metadata = {"image/png": {"alt": alt}} if "image/png" in data and alt else {}
        number_of = {"execution_count": count} if output.output_type == "execute_result" else {}
        yield new_output(output.output_type, data, metadata=metadata, **number_of)


def _code(chapters: Sequence[Executed], root: Path) -> dict[str, str]:
    """Return each cell's code: a listing defines what it printed, and no import is needless."""
    code: dict[str, str] = {}
    wanted: set[str] = set()  # by the cells below
    cells = [cell for each in chapters for cell in each.chapter.cells]
    defined = {name for cell in cells for name in listed(cell.code)}  # in the cells above
    for each in reversed(chapters):
        modules = _modules("\n".join(cell.code for cell in each.chapter.cells))
        for cell, outputs in zip(each.chapter.cells[::-1], each.outputs[::-1], strict=True):
            if cell.holds_digest or (outputs and all(map(_is_html, outputs))):
                continue
            source = cell.code
            if names := {*listed(source)}:
                if missing := names - modules.keys():
                    place = f"{cell.file.name}, line {cell.line}"
                    raise UserError(f"{place}: {missing.pop()} is listed, but not imported.")
                printed = outputs[0].data["text/markdown"].strip()
                source = printed.removeprefix("```python\n").removesuffix("\n```")
                used = _names(source) - defined
                files = sorted({modules[name] for name in names})
                source = "\n".join([*_imports(root, files, used), "", "", source])
                wanted, defined = wanted - names, defined - names
            wanted |= _names(source)
            code[cell.label] = _trimmed(source, wanted - defined)
    return code


def _is_html(output: Any) -> bool:
    """Tell whether an output is HTML alone, to play with in the browser."""
    text = str(output.get("data", {}).get("text/markdown", ""))
    return text.lstrip("\n`").startswith("{=html}")


def _names(code: str) -> set[str]:
    return {node.id for node in ast.walk(ast.parse(code)) if isinstance(node, ast.Name)}


def _modules(code: str) -> dict[str, str]:
    """Map each name that is imported from a module to the module's name."""
    nodes = [node for node in ast.parse(code).body if isinstance(node, ast.ImportFrom)]
    return {alias.name: str(node.module) for node in nodes for alias in node.names}


def _imports(root: Path, modules: Sequence[str], used: set[str]) -> Iterator[str]:
    """Yield the statements that import the names used: those of modules, and what is their own."""
    for module in modules:
        source = (root / f"{module.replace('.', '/')}.py").read_text("utf-8")
        symbols = symtable.symtable(source, module, "exec").get_symbols()
        own = [ast.alias(symbol.get_name()) for symbol in symbols if symbol.is_assigned()]
        for node in [*ast.parse(source).body, ast.ImportFrom(module, own, 0)]:
            if isinstance(node, ast.Import | ast.ImportFrom):
                yield from _only(node, used)


def _only(node: ast.Import | ast.ImportFrom, wanted: set[str]) -> list[str]:
    """Write an import statement, in lines, without the names that nobody wants."""
    names = {alias.asname or alias.name.split(".")[0]: alias for alias in node.names}
    node.names = [alias for name, alias in names.items() if name in wanted]
    if not node.names:
        return []
    line = ast.unparse(node)
    if len(line) <= WIDTH:
        return [line]
    opening = line[: line.index("import ")] + "import ("
    return [opening, *(f"    {ast.unparse(alias)}," for alias in node.names), ")"]


def _trimmed(code: str, wanted: set[str]) -> str:
    """Leave names that nobody wants out of the imports from the package."""
    lines = code.split("\n")
    for node in reversed(ast.parse(code).body):
        if isinstance(node, ast.ImportFrom) and str(node.module).startswith("mmn13lib"):
            lines[node.lineno - 1 : node.end_lineno] = _only(node, wanted)
    return "\n".join(lines).strip("\n")
