r"""Quarto's Markdown as a notebook shows it: plain, with numbers in place of labels.

What a notebook's viewer doesn't know is put into words that it does: `@fig-x` becomes
"Figure 1.2", `[@he2016]` "(He et al. 2016)", a callout a quotation with a bold title, and a
labelled equation gets its `\tag`.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass, field

KINDS = {"fig": "Figure", "tbl": "Table", "eq": "Equation", "sec": "Section"}

_LABEL = r"(?:fig|tbl|eq|sec)-[\w-]*\w"
_CODE = re.compile(
    r"(^(`{3,})[^\n]*\n.*?^\2`*[ \t]*$|(?<!`)(`+)(?!`).+?(?<!`)\3(?!`))", re.M | re.S
)
_EQUATION = re.compile(r"\$\$(.+?)\$\$[ \t\n]*\{#(eq-[\w-]+)\}", re.S)
_HEADING = re.compile(r"^(#{1,6})[ \t]+(.+?)[ \t]*(?:\{([^}]*)\})?[ \t]*$", re.M)
_REFERENCE = re.compile(rf"\[(-?@{_LABEL}(?:; *-?@{_LABEL})*)\]|(?<![\w@])-?@({_LABEL})")
_CITATIONS = re.compile(r"\[([^\[\]]*?-?@[a-z][\w:]*[^\[\]]*)\](?!\()")
_KEY = re.compile(r"(?<![\w@])(-?)@([a-z][\w:]*\w)")
_FOOTNOTE = re.compile(r"\[\^([^\]\s]+)\](:?)")
_DIV = re.compile(r"^:{3,}[ \t]*(\{.*\}|[\w-]*)[ \t]*$")


@dataclass(frozen=True)
class References:
    """What the text refers to.

    Parameters
    ----------
    labels
        Label → how a reference to it reads, as ``{"fig-x": "Figure 1.2"}``.
    citations
        Key → author and year, as ``{"he2016": "He et al. 2016"}``.
    """

    labels: dict[str, str] = field(default_factory=dict)
    citations: dict[str, str] = field(default_factory=dict)


def plain(text: str, references: References) -> str:
    """Turn Quarto's Markdown into a notebook's.

    Parameters
    ----------
    text
        Markdown; code in it stays as it is.
    references
        What labels and keys read as. One that isn't there stays as it is.

    Returns
    -------
    str

    Examples
    --------
    >>> known = References({"fig-x": "Figure 1.2"}, {"he2016": "He et al. 2016"})
    >>> plain("See @fig-x and [@he2016, p. 3], `@fig-x`.", known)
    'See Figure 1.2 and (He et al. 2016, p. 3), `@fig-x`.'
    """
    text = outside_code(text, lambda prose: _prose(prose, references))
    return _without_divs(text)


def outside_code(text: str, change: Callable[[str], str]) -> str:
    """Change Markdown but leave code blocks and code spans as they are.

    Parameters
    ----------
    text
        Markdown.
    change
        Called with the text, in which a mark stands for each piece of code.

    Returns
    -------
    str
    """
    kept: list[str] = []

    def keep(match: re.Match[str]) -> str:
        kept.append(match[0])
        return f"\0{len(kept) - 1}\0"

    changed = change(_CODE.sub(keep, text))
    return re.sub(r"\0(\d+)\0", lambda match: kept[int(match[1])], changed)


def _prose(text: str, references: References) -> str:
    def tag(match: re.Match[str]) -> str:
        label = references.labels.get(match[2])
        return f"$$ {match[1].strip()} \\tag{{{number_of(label)}}} $$" if label else match[0]

    def refer(match: re.Match[str]) -> str:
        words = [
            _word(part.strip(), references)
            for part in (match[1].split(";") if match[1] else [match[0]])
        ]
        return match[0] if None in words else ", ".join(map(str, words))

    def cite(match: re.Match[str]) -> str:
        if not any(key in references.citations for _, key in _KEY.findall(match[1])):
            return match[0]
        inside = _KEY.sub(
            lambda key: _year(references, key[2]) if key[1] else _author(references, key[2]),
            match[1],
        )
        return f"({inside})"

    def name(match: re.Match[str]) -> str:
        if match[2] not in references.citations:
            return match[0]
        author, _, year = references.citations[match[2]].rpartition(" ")
        return f"{author} ({year})"

    text = _EQUATION.sub(tag, text)
    text = _REFERENCE.sub(refer, text)
    text = _CITATIONS.sub(cite, text)
    text = _KEY.sub(name, text)
    text = _FOOTNOTE.sub(r"<sup>\1</sup>", text)
    return _HEADING.sub(r"\1 \2", text)


def number_of(words: str) -> str:
    """Take the number out of "Figure 1.2"."""
    return words.rpartition(" ")[2]


def _word(reference: str, references: References) -> str | None:
    words = references.labels.get(reference.lstrip("-@"))
    return number_of(words) if words and reference.startswith("-") else words


def _author(references: References, key: str) -> str:
    return references.citations.get(key, f"@{key}")


def _year(references: References, key: str) -> str:
    return _author(references, key).rpartition(" ")[2]


def _without_divs(text: str) -> str:
    """Turn callouts into quotations and take the fences of other divs away."""
    lines: list[str] = []
    open_divs: list[bool] = []  # whether each is a callout
    in_code = ""
    for line in text.split("\n"):
        fence = re.match(r"`{3,}", line)
        if fence and (not in_code or line.startswith(in_code)):
            in_code = "" if in_code else fence[0]
        div = None if in_code else _DIV.match(line)
        quote = "> " * sum(open_divs)
        if div is None:
            lines.append((quote + line).rstrip() if quote else line)
        elif div[1]:
            kind = re.search(r"\.callout-(\w+)", div[1])
            open_divs.append(kind is not None)
            if kind:
                title = re.search(r'title="([^"]*)"', div[1])
                words = title[1] if title else kind[1].capitalize()
                lines += [f"{quote}> **{words}**", f"{quote}>"]
        elif open_divs:
            open_divs.pop()
    return "\n".join(lines)


class Numbering:
    """Numbers chapters, sections, figures, tables and equations, as the report does.

    Feed it the texts in the report's order.
    """

    def __init__(self) -> None:
        self.labels: dict[str, str] = {}
        self._chapter = 0
        self._levels: dict[int, int] = {}
        self._counts: dict[str, int] = {}

    def prose(self, text: str) -> str:
        """Give the headings and equations of a piece of Markdown their numbers.

        Parameters
        ----------
        text
            Markdown from a chapter, or that a cell displays.

        Returns
        -------
        str
            The same with the headings' numbers in their places.
        """

        def number(prose: str) -> str:
            pieces, position = [], 0
            found = [*_HEADING.finditer(prose), *_EQUATION.finditer(prose)]
            for match in sorted(found, key=re.Match.start):
                if match.re is _EQUATION:
                    self.item(match[2])
                else:
                    pieces += [prose[position : match.start()], self._heading(match)]
                    position = match.end()
            return "".join([*pieces, prose[position:]])

        return outside_code(text, number)

    def item(self, label: str) -> str:
        """Give a figure, table or equation the next number of its kind.

        Parameters
        ----------
        label
            As ``fig-q1-window``.

        Returns
        -------
        str
            As "Figure 1.1".
        """
        kind = label.partition("-")[0]
        self._counts[kind] = self._counts.get(kind, 0) + 1
        number = f"{self._chapter}.{self._counts[kind]}" if self._chapter else self._counts[kind]
        self.labels[label] = f"{KINDS[kind]} {number}"
        return self.labels[label]

    def _heading(self, match: re.Match[str]) -> str:
        level, title, attributes = len(match[1]), match[2], match[3] or ""
        label = re.search(r"#(sec-[\w-]+)", attributes)
        if ".unnumbered" in attributes:
            words, number = title, ""
        elif level == 1:
            self._chapter += 1
            self._counts, self._levels = {}, {}
            number = str(self._chapter)
            words = f"Chapter {number}"
        else:
            self._levels = {k: n for k, n in self._levels.items() if k <= level}
            self._levels[level] = self._levels.get(level, 0) + 1
            inner = [self._levels.get(depth, 0) for depth in range(2, level + 1)]
            number = ".".join(map(str, [self._chapter, *inner]))
            words = f"Section {number}"
        if label:
            self.labels[label[1]] = words
        return f"{match[1]} {number} {title}" if number else f"{match[1]} {title}"
