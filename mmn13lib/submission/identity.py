"""Who hands it in: a name, an id with its check digit, and the link to the video."""

import re
from dataclasses import dataclass
from urllib.parse import urlsplit

from mmn13lib.foundation.errors import UserError


@dataclass(frozen=True)
class Student:
    """What stands on the first page.

    Parameters
    ----------
    id
        Nine digits, the last of which is the check digit.
    video
        An http(s) address; empty for none.
    name
        Empty for none.
    """

    id: str
    video: str
    name: str = ""


def has_right_check_digit(id: str) -> bool:
    """Tell whether a text is an Israeli identity number.

    Parameters
    ----------
    id
        Nine digits.

    Returns
    -------
    bool
        The digits count once and twice in turn, those of two-digit products are added up; the
        sum must be a multiple of ten.

    Examples
    --------
    >>> has_right_check_digit("123456782"), has_right_check_digit("123456789")
    (True, False)
    """
    if len(id) != 9 or not (id.isascii() and id.isdigit()):
        return False
    products = [int(digit) * (1 + place % 2) for place, digit in enumerate(id)]
    return sum(sum(divmod(product, 10)) for product in products) % 10 == 0


def faults(student: Student) -> list[str]:
    """Say what is wrong with an id or a link, in a sentence each.

    Parameters
    ----------
    student
        As given.

    Returns
    -------
    list of str
        Empty if all is well.
    """
    found = []
    if not has_right_check_digit(student.id):
        found.append(
            f"The id {student.id!r} is not nine digits that end with the right check digit: "
            "look at it again (leading zeros count)."
        )
    if not student.video:
        found.append("There is no link to the video: give it with --video https://…")
    elif not is_web_address(student.video):
        found.append(
            f"The video's link {student.video!r} is no http(s) address: copy it whole, with "
            "the https:// at its beginning."
        )
    return found


def is_web_address(text: str) -> bool:
    """Tell whether a text is an address that a browser opens.

    Parameters
    ----------
    text
        As given.

    Returns
    -------
    bool

    Examples
    --------
    >>> is_web_address("https://zoom.us/rec/share/abc"), is_web_address("zoom.us/rec")
    (True, False)
    """
    if any(character.isspace() or character in "<>\"'`" for character in text):
        return False
    try:
        parts = urlsplit(text)
        host, _ = parts.hostname or "", parts.port  # a port that is no number is a ValueError
    except ValueError:
        return False
    return parts.scheme in ("http", "https") and bool(re.fullmatch(r"[\w-]+(\.[\w-]+)+", host))


def refuse(sentences: list[str], force: bool) -> None:
    """Stop at the first fault, unless it is to be handed in all the same.

    Parameters
    ----------
    sentences
        The faults.
    force
        Whether they are to be ignored.

    Raises
    ------
    UserError
        The first fault, and that `--force` ignores it.
    """
    if sentences and not force:
        raise UserError(f"{sentences[0]} (--force hands it in all the same.)")
