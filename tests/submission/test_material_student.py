"""An id with its check digit, and a link that a browser opens."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mmn13lib.foundation.errors import UserError
from mmn13lib.submission.material import (
    Student,
    faults,
    has_right_check_digit,
    is_placeholder,
    refuse,
)

VIDEO = "https://zoom.us/rec/share/abc_1"


@given(st.text("0123456789", min_size=8, max_size=8))
def test_exactly_one_check_digit_is_right(digits: str) -> None:
    assert sum(has_right_check_digit(f"{digits}{last}") for last in range(10)) == 1


@given(st.text("0123456789", min_size=8, max_size=8), st.integers(0, 8), st.integers(1, 9))
def test_one_wrong_digit_is_noticed(digits: str, place: int, shift: int) -> None:
    right = next(f"{digits}{k}" for k in range(10) if has_right_check_digit(f"{digits}{k}"))
    wrong = right[:place] + str((int(right[place]) + shift) % 10) + right[place + 1 :]
    assert not has_right_check_digit(wrong)


@pytest.mark.parametrize(
    "id", ["", "12345678", "1234567820", "12345678x", "١٢٣٤٥٦٧٨٢", "123-45678"]
)
def test_what_is_not_nine_digits_is_no_id(id: str) -> None:
    assert not has_right_check_digit(id)


@pytest.mark.parametrize("id", ["123456782", "000000018"])
def test_a_right_id_and_a_link_have_no_faults(id: str) -> None:
    assert faults(Student(id, VIDEO)) == []


@pytest.mark.parametrize("address", ["", "zoom.us/rec", "javascript:alert(1)", "https://…"])
def test_a_link_that_a_browser_cannot_open_is_one_fault(address: str) -> None:
    assert len(faults(Student("123456782", address))) == 1


@pytest.mark.parametrize(
    "address",
    [
        "https://example.org/v",
        "https://www.example.com",
        "https://zoom.us/rec/...",
        "http://a.test",
    ],
)
def test_a_placeholder_looks_like_one(address: str) -> None:
    assert is_placeholder(address) and not is_placeholder(VIDEO)


def test_a_fault_is_one_sentence_unless_forced() -> None:
    with pytest.raises(UserError, match=r"check digit.*--force"):
        refuse(faults(Student("123456789", VIDEO)), force=False)
    refuse(faults(Student("123456789", "")), force=True)
