"""The configuration: what YAML can say and documents can't is refused, in a sentence, at once."""

import time
from pathlib import Path

import pytest
from support.tiny_book import by_hand, cell, write_chapter

from mmn13lib.foundation.errors import UserError
from mmn13lib.rendering.book import read_book
from mmn13lib.rendering.config import parse, read_config
from mmn13lib.rendering.document import convert

LINES = [
    f"{b}: &{b} [{', '.join([f'*{a}'] * 9)}]" for a, b in zip("abcdefgh", "bcdefghi", strict=True)
]
BOMBS = {
    "lists": "\n".join(["a: &a [1]", *LINES]),
    "mappings": "\n".join(["a: &a {x: 1}", *(f"{line[0]}: &{line[0]} {{x: *{a}, y: *{a}}}"
                           for a, line in zip("abcdefgh", LINES, strict=True))]),
    "itself": "a: &a [*a]",
    "a merge": "a: &a {x: 1}\nb: {<<: *a}",
    "brackets": "x: " + "[" * 5000,
}  # fmt: skip


@pytest.mark.parametrize("text", BOMBS.values(), ids=BOMBS)
def test_what_grows_without_end_is_refused_at_once(tiny: Path, text: str) -> None:
    began = time.monotonic()
    (tiny / "_quarto.yml.local").write_text(text)
    with pytest.raises(UserError, match=r"_quarto\.yml\.local is invalid YAML"):
        read_config(tiny)
    (tiny / "_quarto.yml.local").unlink()
    options = [f"#| {line}" for line in text.splitlines()]
    write_chapter(tiny, "q1-alpha", "# A" + cell("q1", "\n".join([*options, "1"])))
    with pytest.raises(
        UserError, match=r"q1-alpha\.qmd, line \d+: the cell's options are no valid"
    ):
        read_book(tiny)
    assert time.monotonic() - began < 20


@pytest.mark.parametrize(
    "text",
    ['x: "\\ud800"', "x: [", "x: \x07", "? [a]\n: 1", "x: 2026-99-99", "x: !!python/object:a.b {}",
     "2026-01-01: x", "? !!binary aGVsbG8=\n: x", 'x: "a\\0b"', "x: {y: 1, y: 1}", "x: 1\nx: 2"],
)  # fmt: skip
def test_what_is_no_text_for_a_document_is_refused(tiny: Path, text: str) -> None:
    (tiny / "_quarto.yml.local").write_text(text)
    with pytest.raises(UserError, match=r"_quarto\.yml\.local is invalid YAML"):
        read_config(tiny)


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("- x", "should hold `name: value` lines"),
        ("just text", "should hold `name: value` lines"),
        ("format: {html: x}", "format.html should be `name: value` lines, not 'x'"),
        ("book: {title: [a]}", "book.title should be text in quotes, not ['a']"),
        ("student: {id: 012345670}", "student.id should be text in quotes"),
        ("book: {output-file: ../../x}", "book.output-file should be a name, no path, not '../"),
        ("book: {output-file: /tmp/x}", "book.output-file should be a name, no path, not '/tmp"),
        ("book: {output-file: [x]}", "book.output-file should be a name, no path, not ['x']"),
    ],
)
def test_a_value_of_another_kind_is_named(tiny: Path, text: str, sentence: str) -> None:
    (tiny / "_quarto.yml.local").write_text(text)
    with pytest.raises(UserError) as raised:
        read_config(tiny)
    assert str(raised.value).startswith(f"_quarto.yml.local{':' * (' be ' in sentence)} {sentence}")


def test_keys_and_dates_are_the_text_that_was_written() -> None:
    assert parse("7: 2026-01-01\non: {~: 2, x: [null]}") == {
        "7": "2026-01-01", "true": {"null": 2, "x": [None]},
    }  # fmt: skip


@pytest.mark.parametrize("empty", ["execute", "format: {typst: {execute: }}\nx", "format", "book"])
def test_what_is_left_empty_is_as_if_it_were_not_there(tiny: Path, empty: str) -> None:
    before = read_book(tiny)
    (tiny / "_quarto.yml.local").write_text(f"{empty}:\n")
    book = read_book(tiny)
    assert (book.config, len(book.chapters)) == (before.config, len(before.chapters))
    assert "Extra" in convert(by_hand(book, {}), book, "typst", tiny)
