"""The code that a chapter prints is the code that runs."""

import ast
import inspect

import pytest

from mmn13lib.writing.listing import excerpt, listing


def halve(number: float) -> float:
    """Halve a number.

    Parameters
    ----------
    number
        Any.
    """
    return number / 2  # exactly


class Counter:
    """Count."""

    def step(self) -> int:
        """Go one on.

        It never ends.
        """
        return 1


def test_long_docstrings_are_cut_and_every_other_line_stays() -> None:
    assert listing(halve) == (
        "```python\n"
        "def halve(number: float) -> float:\n"
        '    """Halve a number."""\n'
        "    return number / 2  # exactly\n"
        "```\n"
    )


def wide(first_argument: int, second_argument: int, third: str = "one, two, three, four") -> int:
    return max(first_argument, second_argument, len(third), first_argument + second_argument, 17)


def test_lines_too_wide_for_the_page_are_broken_and_mean_the_same() -> None:
    code = listing(wide).removeprefix("```python\n").removesuffix("```\n")
    assert max(map(len, code.splitlines())) <= 78
    assert ast.dump(ast.parse(code)) == ast.dump(ast.parse(inspect.getsource(wide)))


def test_a_comment_that_does_not_fit_goes_above_its_line() -> None:
    def count() -> int:
        return len("a text of some length, so that nothing more fits here")  # but a comment

    lines = listing(count).splitlines()
    assert lines[2:4] == [
        "    # but a comment",
        '    return len("a text of some length, so that nothing more fits here")',
    ]


def test_a_text_is_never_broken() -> None:
    def speak() -> str:
        return "a text that is very long, so long that it does not fit, and has commas, many commas"

    assert inspect.getsource(speak).strip() in listing(speak).replace("\n", "\n    ")


def test_several_things_stand_in_one_block_that_python_reads() -> None:
    text = listing(halve, Counter, Counter.step)
    code = text.removeprefix("```python\n").removesuffix("```\n")
    names = [node.name for node in ast.parse(code).body if hasattr(node, "name")]
    assert names == ["halve", "Counter", "step"]
    assert "It never ends" not in code
    assert '"""Count."""' in code


def test_a_line_is_broken_outside_of_inner_brackets() -> None:
    def pick(
        number: int = 1234567890, pair: tuple[int, int, int] = (1234567890, 2345678901, 12345)
    ) -> int:
        return number + pair[0]

    lines = listing(pick).splitlines()
    assert lines[2:4] == [
        "    number: int = 1234567890,",
        "    pair: tuple[int, int, int] = (1234567890, 2345678901, 12345)",
    ]


def test_a_wide_comment_is_wrapped_with_the_lines_that_go_on_with_it() -> None:
    def one() -> int:
        # a comment of two lines, of which the first is too wide for the page that it is printed on
        # and the second is not
        return 1

    comments = [line.strip() for line in listing(one).splitlines() if "# " in line]
    assert max(map(len, comments)) <= 74
    assert " ".join(line.removeprefix("# ") for line in comments).endswith(
        "on and the second is not"
    )


def test_an_excerpt_holds_the_lines_asked_for_and_no_others() -> None:
    text = excerpt(wide, "return max", "return max")
    assert text.startswith("```python\nreturn max(first_argument")
    assert "def " not in text
    with pytest.raises(ValueError, match="wide has no lines from 'nothing'"):
        excerpt(wide, "nothing", "return")
