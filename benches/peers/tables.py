"""Tables in Markdown, and numbers in them."""


def three_digits(number, scale=1.0):
    """The number with three digits, never with an exponent."""
    return "–" if number is None else f"{float(f'{number * scale:.3g}'):,.10g}"


def table(header, rows):
    """Lines of a table in Markdown."""
    yield from (f"| {' | '.join(line)} |" for line in [header, ["---"] * len(header), *rows])
