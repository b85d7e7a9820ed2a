"""The code that a chapter prints is the code that runs."""

import ast

from mmn13lib.writing.listing import listing


def halve(number: float) -> float:
    """Halve a number.

    Parameters
    ----------
    number
        Any.
    """
    return number / 2  # a comment that makes this line wider than the page that it stands on is ok


class Counter:
    """Count."""

    def step(
        self,
    ) -> int:  # fmt: skip
        """Go one on.

        It never ends.
        """
        return 1


def test_long_docstrings_are_cut_and_every_other_line_stays() -> None:
    assert listing(halve) == (
        "```python\n"
        "def halve(number: float) -> float:\n"
        '    """Halve a number."""\n'
        "    return number / 2  "
        "# a comment that makes this line wider than the page that it stands on is ok\n"
        "```\n"
    )


def test_several_things_stand_in_one_block_that_python_reads() -> None:
    text = listing(halve, Counter, Counter.step)
    code = text.removeprefix("```python\n").removesuffix("```\n")
    names = [node.name for node in ast.parse(code).body if hasattr(node, "name")]
    assert names == ["halve", "Counter", "step"]
    assert "It never ends" not in code and "fmt: skip" not in code
    assert '"""Count."""' in code
