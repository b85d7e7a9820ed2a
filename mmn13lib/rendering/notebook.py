"""Makes the notebook, a third format of the executed chapters: their text, cells and outputs.

Nothing is executed here. The filter writes the text, and marks where to cut it into cells.
"""

import ast
import base64
import json
import mimetypes
import symtable
import tempfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mmn13lib.foundation.errors import UserError
from mmn13lib.rendering.book import Book, Cell, Chapter
from mmn13lib.rendering.document import convert
from mmn13lib.rendering.execution import Executed

if TYPE_CHECKING:
    from nbformat import NotebookNode

ABOUT = (
    "The three questions in order: text, code and what it printed. What the report prints as a "
    "listing is defined in a cell here, and later cells call it."
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

    printed = ""
    alt = " ".join(str(cell.options.get("fig-alt", "")).split())
    for number, output in enumerate(given):
        if output.output_type == "stream":
            printed += output.text if output.name == "stdout" else ""
            continue
        if printed:
            yield new_output("stream", name="stdout", text=printed)
            printed = ""
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
    if printed:
        yield new_output("stream", name="stdout", text=printed)


def _code(chapters: Iterable[Executed], root: Path) -> dict[str, str]:
    """Return each cell's code: a listing defines what it printed, and no import is needless."""
    code: dict[str, str] = {}
    lists: dict[str, list[str]] = {}
    called: set[str] = set()
    early: set[str] = set()  # called above their definition: there they stay imported
    for executed in chapters:
        imported: dict[str, str] = {}
        for cell, outputs in zip(executed.chapter.cells, executed.outputs, strict=True):
            if cell.holds_digest or (outputs and all(map(_is_html, outputs))):
                code[cell.label] = ""
                continue
            imported |= _imports(cell.code)
            if names := listed(cell.code):
                if missing := [name for name in names if name not in imported]:
                    place = f"{cell.file.name}, line {cell.line}"
                    raise UserError(f"{place}: {missing[0]} is listed, but not imported above.")
                lists[cell.label] = names
                early |= {*names} & called
                modules = dict.fromkeys(imported[name].split()[1] for name in names)
                found = {name: line for module in modules for name, line in _bound(root, module)}
                printed = outputs[0].data["text/markdown"].strip()
                source = printed.removeprefix("```python\n").removesuffix("\n```")
                names_here = _names(source) & found.keys() - {*chain(*lists.values())}
                needed = "\n".join(_merged(found[name] for name in names_here))
                code[cell.label] = f"{needed}\n\n\n{source}".strip("\n")
            else:
                code[cell.label] = cell.code
                called |= _names(cell.code)
    used = set().union(*map(_names, code.values())) - {*chain(*lists.values())}
    for label, source in code.items():
        early -= {*lists.get(label, ())}
        lines = _imports(source).items()
        own = {name for name, line in lines if line.startswith("from mmn13lib")}
        code[label] = _without(source, own - used - early)
    return code


def _is_html(output: Any) -> bool:
    """Tell whether an output is HTML alone, to play with in the browser."""
    text = str(output.get("data", {}).get("text/markdown", ""))
    return text.lstrip("\n`").startswith("{=html}")


def _bound(root: Path, module: str) -> Iterator[tuple[str, str]]:
    """Yield each name that a module binds, with the statement that imports it."""
    source = (root / f"{module.replace('.', '/')}.py").read_text("utf-8")
    for symbol in symtable.symtable(source, module, "exec").get_symbols():
        if symbol.is_assigned():
            yield symbol.get_name(), f"from {module} import {symbol.get_name()}"
    yield from _imports(source).items()


def _names(code: str) -> set[str]:
    return {node.id for node in ast.walk(ast.parse(code)) if isinstance(node, ast.Name)}


def _imports(code: str) -> dict[str, str]:
    """Map each name that import statements bind to a statement that binds it alone."""
    found = {}
    for node in ast.parse(code).body:
        for alias in node.names if isinstance(node, ast.Import | ast.ImportFrom) else ():
            one: ast.stmt = ast.Import([alias])
            if isinstance(node, ast.ImportFrom):
                one = ast.ImportFrom(node.module, [alias], node.level)
            found[alias.asname or alias.name.split(".")[0]] = ast.unparse(one)
    return found


def _merged(statements: Iterable[str]) -> list[str]:
    """Write import statements, one for each module, the package's last."""
    names: dict[str, list[str]] = {}
    own_and_from_last = sorted(statements, key=lambda s: ("mmn13lib" in s, s[:4] == "from", s))
    for statement in own_and_from_last:
        start, name = statement.rsplit("import ", 1)
        names.setdefault(start or name, []).append(name)
    lines = []
    for start, of_module in names.items():
        line = f"{start if start.startswith('from') else ''}import {', '.join(of_module)}"
        if len(line) > WIDTH:
            line = f"{start}import (\n    " + ",\n    ".join(of_module) + ",\n)"
        lines.append(line)
    return lines


def _without(code: str, names: set[str]) -> str:
    """Leave names out of a cell's import statements."""
    lines = code.split("\n")
    for node in reversed(ast.parse(code).body):
        bound = _imports(ast.unparse(node))
        if bound.keys() & names:
            kept = [line for name, line in bound.items() if name not in names]
            lines[node.lineno - 1 : node.end_lineno] = _merged(kept)
    return "\n".join(lines).strip("\n")
