"""Sentences that stand where the results support them."""

import sys


def supported(condition: bool, sentence: str) -> str:
    """Return a finding, or nothing and a line on stderr where these results do not support it.

    >>> supported(2 > 1, "Two is more than one.")
    'Two is more than one.'
    """
    if not condition:
        print(f"left out, these results do not support it: {sentence}", file=sys.stderr)
    return sentence if condition else ""
