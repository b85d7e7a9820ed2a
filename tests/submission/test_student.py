"""Whose submission it is: an id with its check digit, a link that a browser opens, a name."""

from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mmn13lib.rendering.book import Book
from mmn13lib.submission.student import PLACEHOLDER, Student, has_right_check_digit

VIDEO = "https://zoom.us/rec/share/abc_1"


@given(st.text("0123456789", min_size=8, max_size=8), st.integers(0, 8), st.integers(1, 9))
def test_one_wrong_digit_is_noticed(digits: str, place: int, shift: int) -> None:
    right = next(f"{digits}{k}" for k in range(10) if has_right_check_digit(f"{digits}{k}"))
    wrong = right[:place] + str((int(right[place]) + shift) % 10) + right[place + 1 :]
    assert not has_right_check_digit(wrong)


@pytest.mark.parametrize("id", ["", "1234567820", "12345678x", "١٢٣٤٥٦٧٨٢"])
def test_what_is_not_nine_digits_is_no_id(id: str) -> None:
    assert not has_right_check_digit(id)


@pytest.mark.parametrize(
    "address",
    ["", "zoom.us/rec", "file:///x", "https:// zoom.us", "https://zoom.us/…", "https://x"],
)
def test_a_link_that_a_browser_cannot_open_is_one_fault(address: str) -> None:
    assert len(Student("000000018", address).faults()) == 1
    assert not Student("000000018", VIDEO).faults()


@pytest.mark.parametrize("name", ["\ufffd\ufffd", "\udcd7\udc93"])
def test_a_name_that_a_foreign_locale_damaged_is_a_fault(name: str) -> None:
    student = Student("123456782", VIDEO, name).completed(Book(Path(), {}))
    (fault,) = student.faults()
    assert "damaged" in fault and "_quarto.yml.local" in fault


@pytest.mark.parametrize(
    "given", [{}, {"id": "123456782"}, {"video": "https://zoom.us/rec/other"}, {"name": "Avi"}]
)
def test_what_is_not_given_is_configured(given: dict[str, str]) -> None:
    configured = Student("000000018", "https://zoom.us/rec/share/a_b", "דנה כהן")
    config = {
        "student": {"id": configured.id, "video": configured.video},
        "book": {"author": configured.name},
    }
    assert Student(**given).completed(Book(Path(), config)) == replace(configured, **given)


def test_the_configured_placeholder_is_no_name() -> None:
    assert Student().completed(Book(Path(), {"book": {"author": PLACEHOLDER}})).name == ""
