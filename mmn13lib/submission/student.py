"""The student whose work it is: name, identity number, and the link to the video."""

import re
from dataclasses import dataclass

from mmn13lib.rendering.book import Book

PLACEHOLDER = "Your Name"
_WEB_ADDRESS = re.compile(r"(?i)https?://[\w-]+(\.[\w-]+)+(:\d+)?([/?#][^\s<>\"'`…]*)?")


@dataclass(frozen=True)
class Student:
    """What stands on the first page; a text that isn't given is empty."""

    id: str = ""
    video: str = ""
    name: str = ""

    def completed(self, book: Book) -> "Student":
        """Return the student with what isn't given here taken from the book's configuration."""
        name = self.name or ", ".join(one for one in book.authors if one not in ("", PLACEHOLDER))
        return Student(
            self.id or str(book.option("student.id")),
            self.video or str(book.option("student.video")),
            # a terminal's bytes that are no UTF-8 arrive as halves of characters
            name.encode("utf-8", "surrogatepass").decode("utf-8", "replace"),
        )

    def faults(self) -> list[str]:
        """Return what is wrong with the name, the id or the link, in a sentence each."""
        found = []
        if "\ufffd" in self.name:
            found.append(
                f"The name {self.name!r} was damaged on its way here, by a terminal that is not "
                "set to UTF-8: write it into _quarto.yml.local, or set LC_ALL=C.UTF-8."
            )
        if not has_right_check_digit(self.id):
            found.append(
                f"The id {self.id!r} is not nine digits that end with the right check digit: look "
                "again (keep leading zeros, and quote it in _quarto.yml.local)."
            )
        if not self.video:
            found.append(
                "There is no link to the video: give it with --video https://…, or as `video` "
                "under `student` in _quarto.yml.local."
            )
        elif not _WEB_ADDRESS.fullmatch(self.video):
            link = f"The video's link {self.video!r}"
            found.append(f"{link} is no http(s) address: copy it whole, with its https://.")
        return found


def has_right_check_digit(id: str) -> bool:
    """Tell whether a text is an Israeli identity number.

    The nine digits count once and twice in turn, those of two-digit products are added up; the
    sum must be a multiple of ten.
    """
    if len(id) != 9 or not (id.isascii() and id.isdigit()):
        return False
    products = [int(digit) * (1 + place % 2) for place, digit in enumerate(id)]
    return sum(sum(divmod(product, 10)) for product in products) % 10 == 0
