"""The one exception whose message is written for the person at the terminal."""


class UserError(Exception):
    """What was wrong, what was expected and what to do next, in a sentence or two.

    The command line prints the message alone and exits with code 1; a chapter's cell that
    raises it ends the render with the same words.
    """
