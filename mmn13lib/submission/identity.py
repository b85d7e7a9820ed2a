"""Who hands it in: a name, an id with its check digit, and the link to the video."""

from dataclasses import dataclass
from urllib.parse import urlsplit

from mmn13lib.foundation.errors import UserError
from mmn13lib.rendering.document import fault_of_link


@dataclass(frozen=True)
class Student:
    """What stands on the first page; a text that isn't given is empty."""

    id: str = ""
    video: str = ""
    name: str = ""


def has_right_check_digit(id: str) -> bool:
    """Tell whether a text is an Israeli identity number.

    The nine digits count once and twice in turn, those of two-digit products are added up; the
    sum must be a multiple of ten.
    """
    if len(id) != 9 or not (id.isascii() and id.isdigit()):
        return False
    products = [int(digit) * (1 + place % 2) for place, digit in enumerate(id)]
    return sum(sum(divmod(product, 10)) for product in products) % 10 == 0


def faults(student: Student) -> list[str]:
    """Say what is wrong with an id or a link, in a sentence each."""
    found = []
    if not has_right_check_digit(student.id):
        found.append(
            f"The id {student.id!r} is not nine digits that end with the right check digit: look "
            "at it again (leading zeros count; in _quarto.yml.local it stands in quotes)."
        )
    if not student.video:
        found.append(
            "There is no link to the video: give it with --video https://…, or as `video` under "
            "`student` in _quarto.yml.local."
        )
    elif fault := fault_of_link(student.video):
        found.append(fault)
    return found


def is_placeholder(video: str) -> bool:
    """Tell whether a link looks as if it were still to be filled in."""
    host = f".{urlsplit(video).hostname or ''}"
    reserved = (".example.org", ".example.com", ".example.net", ".example", ".invalid", ".test")
    return host.endswith(reserved) or "…" in video or "..." in video


def refuse(sentences: list[str], force: bool) -> None:
    """Stop at the first fault, unless it is to be handed in all the same."""
    if sentences and not force:
        raise UserError(f"{sentences[0]} (--force hands it in all the same.)")
