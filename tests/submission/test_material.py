"""Whose submission it is: what isn't given on the command line is configured."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from support.tiny_report import write_book

from mmn13lib.foundation.settings import Settings
from mmn13lib.submission import material
from mmn13lib.submission.material import Student

CONFIGURED = Student("000000018", "https://zoom.us/rec/share/a_b", "דנה כהן")


@pytest.mark.parametrize(
    "given", [{}, {"id": "123456782"}, {"video": "https://zoom.us/rec/other"}, {"name": "Avi"}]
)
def test_what_is_not_given_stands_in_the_local_file(
    given: dict[str, str],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    made_up_results: Callable[..., object],
) -> None:
    root = write_book(tmp_path / "book")
    (root / "_quarto.yml.local").write_text(
        f"student: {{id: '{CONFIGURED.id}', video: '{CONFIGURED.video}'}}\n"
        f"book: {{author: {CONFIGURED.name}}}\n",
        "utf-8",
    )
    monkeypatch.setattr(material.load, "load", lambda settings: made_up_results(mode="imagenet"))
    monkeypatch.setattr(material, "_outdated", lambda settings: [])
    made = material.gather(Settings(root), Student(**given))
    assert made.student == replace(CONFIGURED, **given)
    shown = [made.book.option(f"{key}") for key in ("student.id", "student.video", "book.author")]
    assert shown == [made.student.id, made.student.video, made.student.name]
