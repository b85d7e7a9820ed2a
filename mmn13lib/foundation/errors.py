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

    From here on, a letter that a stream's encoding lacks is printed as its number.
    """
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")
    try:
        yield
    except (UserError, OSError) as error:
        sentence = str(error)
        if isinstance(error, OSError):
            where = str(error.filename or "what this writes or prints")[-200:]
            sentence = f"{error.strerror or error}: {where}. Mend that and try again."
            if not error.filename:  # what could not be printed would be tried again at the end
                os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
        print(f"mmn13: {sentence}", file=sys.stderr)
        raise SystemExit(1) from error
