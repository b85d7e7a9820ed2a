"""Text of others, such as a file's name, that must not be read as Markdown."""

import re
from string import punctuation

_SYMBOL = re.compile(f"([{re.escape(punctuation)}])")


def literal(text: str) -> str:
    r"""Return Markdown that shows the text as it is.

    >>> print(literal("<b>my_weights*.pth</b>"))
    \<b\>my\_weights\*\.pth\<\/b\>
    """
    return _SYMBOL.sub(r"\\\1", text)
