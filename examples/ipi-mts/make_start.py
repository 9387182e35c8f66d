"""Write `start.xyz` for i-PI from the liquid of `examples/liquid/water-64.data`: molecule by molecule, O H H.

python3 examples/ipi-mts/make_start.py
"""

from pathlib import Path

FOLDER = Path(__file__).parent
SYMBOLS = {"1": "O", "2": "H"}


def atoms(lines, box):
    """Symbol and unwrapped position, Å, of each atom by its number."""
    start = lines.index("Atoms # atomic") + 2
    for line in lines[start:]:
        words = line.split()
        if len(words) != 8:
            return
        position = [float(x) + box * int(image) for x, image in zip(words[2:5], words[5:8])]
        yield int(words[0]), SYMBOLS[words[1]], position


def main():
    """Numbers count molecule by molecule."""
    lines = (FOLDER.parent / "liquid/water-64.data").read_text().splitlines()
    box = next(float(line.split()[1]) for line in lines if line.endswith("xlo xhi"))
    rows = [f"{symbol} {x:.8f} {y:.8f} {z:.8f}" for _, symbol, (x, y, z) in sorted(atoms(lines, box))]
    cell = f"# CELL(abcABC): {box:.6f} {box:.6f} {box:.6f} 90 90 90  positions{{angstrom}} cell{{angstrom}}"
    (FOLDER / "start.xyz").write_text("\n".join([str(len(rows)), cell, *rows]) + "\n")


if __name__ == "__main__":
    main()
