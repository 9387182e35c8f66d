"""The measurements as tables in Markdown."""


def lines(rows, memory):
    """Tables of times and of memory."""
    names = list(rows[0]["milliseconds"])
    others = names[1:]
    yield (
        "| atoms | threads | slots K, share filled | "
        + " | ".join(f"{n}, ms" for n in names)
        + " | "
        + " | ".join(f"file / {n}" for n in others)
        + " |"
    )
    yield "|---" * (3 + len(names) + len(others)) + "|"
    for row in rows:
        times = " | ".join(three_digits(row["milliseconds"][n]) for n in names)
        ratios = " | ".join(f"{row['ratios'][n]:.2f}" for n in others)
        filled = f"{row['slots']}, {100 * row['filled']:.0f}%"
        yield f"| {row['atoms']} | {row['threads']} | {filled} | {times} | {ratios} |"
    yield ""
    yield "| atoms | MB for one evaluation (whole process): " + " | ".join(names) + " |"
    yield "|---" * (1 + len(names)) + "|"
    for row in memory:
        yield f"| {row['atoms']} | " + " | ".join(f"{row[n][0]} ({row[n][1]})" for n in names) + " |"


def three_digits(number):
    """The number with three digits, never with an exponent."""
    return f"{float(f'{number:.3g}'):g}"
