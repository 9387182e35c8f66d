"""Measures the work of the ranks: their processor time outside MPI, where they wait.

    python3 benches/lammps/own_work.py MODEL N RANKS STEPS [ROTATE [EXCHANGE [COPIES [ROUNDS]]]]

Prints one line of JSON, for `own_work.json` beside this file: seconds per step, least of ROUNDS (default 3), of the
first of COPIES (default 1) independent runs side by side. With more ranks than cores the time of a step has no meaning,
but processor time has.
"""

import json
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import geometry
import mpi_record
import scale

HERE = Path(__file__).resolve().parent


def run(model, n, ranks, steps, rotate, exchange):
    """The work of each rank in all steps, its messages, and the seconds of each step in all and in messages."""
    values = dict(model=model, n=n, steps=steps, rotate=rotate, exchange=exchange, data=geometry.DATA)
    variables = [str(word) for name, value in values.items() for word in ("-var", name, value)]
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        arguments = ["-in", HERE / "in.ranks", "-log", folder / "log", "-screen", "none", *variables]
        found = mpi_record.run(folder, scale.BIN, ranks, arguments, scale.ENVIRONMENT)
        totals = scale.read_thermo((folder / "log").read_text())
    work = [rank.seconds - rank.in_mpi for rank in found]
    return (
        work,
        [rank.messages for rank in found],
        [[b - a for a, b in zip(before, after)] for before, after in zip(totals, totals[1:])],
    )


def beside(copies, *case):
    """The first of several equal runs side by side."""
    with ThreadPoolExecutor(copies) as pool:
        return list(pool.map(lambda _: run(*case), range(copies)))[0]


def measure(model, n, ranks, steps, rotate="none", exchange="yes", copies=1, rounds=3):
    """Seconds per step, the least of several runs."""
    runs = [beside(copies, model, n, ranks, steps, rotate, exchange) for _ in range(rounds)]
    fastest = min((row for _, _, rows in runs for row in rows), key=lambda row: row[5])
    found = dict(
        model=Path(model).stem, atoms=scale.atoms(n), ranks=ranks, rotate=rotate, exchange=exchange, copies=copies
    )
    found |= dict(
        work=min(sum(work) for work, _, _ in runs) / steps, busiest=min(max(work) for work, _, _ in runs) / steps
    )
    return found | dict(wall=fastest[5], model_wall=fastest[2], messages_wall=fastest[4])


if __name__ == "__main__":
    words = sys.argv[1:]
    numbers = [int(word) for word in words[1:4]]
    print(json.dumps(measure(words[0], *numbers, *words[4:6], *map(int, words[6:8]))), flush=True)
