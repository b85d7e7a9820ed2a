"""The one exception whose message is written for the person at the terminal, and its printing."""

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from io import TextIOWrapper


class UserError(Exception):
    """What was wrong, what was expected and what to do next, in a sentence or two.

    The command line prints the message alone and exits with code 1; a chapter's cell that
    raises it ends the render with the same words.
    """


@contextmanager
def printed_errors() -> Iterator[None]:
    """Turn a `UserError`, and what the system refuses, into a sentence and exit code 1.

    ``MMN13_DEBUG`` shows the traceback. From here on, a letter that a stream's encoding lacks is
    printed as its number.
    """
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")
    try:
        yield
    except (UserError, OSError) as error:
        if os.environ.get("MMN13_DEBUG"):
            raise
        print(f"mmn13: {error}", file=sys.stderr)
        raise SystemExit(1) from error
