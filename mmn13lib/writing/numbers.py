"""Numbers as people say them."""


def duration(seconds: float) -> str:
    """Write a time as people say it.

    >>> duration(7.25), duration(1800), duration(5400)
    ('7.2 s', '30.0 min', '1.5 h')
    """
    for unit, length in (("h", 3600), ("min", 60)):
        if seconds >= length:
            return f"{seconds / length:.1f} {unit}"
    return f"{seconds:.1f} s"


def big_number(count: float) -> str:
    """Write a large number in thousands, millions or billions.

    >>> big_number(5130), big_number(11_181_642), big_number(1_814_073_344)
    ('5,130', '11.2 million', '1.81 billion')
    """
    if count >= 1e9:
        return f"{count / 1e9:.2f} billion"
    return f"{count / 1e6:.1f} million" if count >= 1e6 else f"{count:,.0f}"


def percent_with_interval(share: float, low: float, high: float) -> str:
    """Write a share and its interval, all from 0 to 1, in percent.

    >>> percent_with_interval(0.8, 0.792, 0.8077)
    '80.00% (79.2–80.8)'
    """
    return f"{share:.2%} ({100 * low:.1f}–{100 * high:.1f})"


def signed(value: float, decimals: int) -> str:
    """Write a difference with its sign, a true minus; a zero has none.

    >>> signed(-29.684, 2), signed(0.31, 1), signed(-0.001, 1)
    ('−29.68', '+0.3', '0.0')
    """
    text = f"{value:+.{decimals}f}".replace("-", "−")
    return text if text.strip("+−0.") else text[1:]


def difference(value: float) -> str:
    """Write a tiny difference: its order, or a plain zero.

    >>> difference(3.2e-15), difference(0.0)
    ('3e-15', '0')
    """
    return f"{value:.0e}" if value else "0"


def p_value(value: float) -> str:
    """Write a p-value with its relation, two digits of it.

    >>> p_value(0.0423), p_value(0.0002)
    ('= 0.042', '< 0.001')
    """
    return f"= {value:.2g}" if value >= 0.001 else "< 0.001"
