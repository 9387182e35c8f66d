"""A contestant in Python: `contestant.py JOB`, JOB a JSON object, of the same manners as the Rust ones (main.rs).

The kind of a job is the name of the module whose `make(job)` returns (evaluate, energy): a function that evaluates once
and returns the seconds that this took, and the energy of the structure as it is, eV.
"""

import importlib
import json
import os
import sys


def main(job):
    # Whatever is printed on the way must not come between our lines.
    answers = os.fdopen(os.dup(1), "w", buffering=1)
    os.dup2(2, 1)
    evaluate, energy = importlib.import_module(job["kind"]).make(job)
    print(json.dumps({"energy": energy}), file=answers)
    for line in sys.stdin:
        count = int(line)
        print(json.dumps({"seconds": sum(evaluate() for _ in range(count)) / count}), file=answers)


if __name__ == "__main__":
    main(json.loads(sys.argv[1]))
