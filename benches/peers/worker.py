"""A worker in Python: `worker.py JOB`, with JOB a JSON object, and the protocol of the Rust ones (main.rs).

The kind of a job is the name of a module. Its `make(job)` returns (evaluate, energy) or (evaluate, energy, forces): a
function that evaluates once and returns the seconds, the energy of the original structure in eV, and the forces [N, 3]
in eV/Å, which go to the file that the job names.
"""

import importlib
import json
import os
import sys

import numpy


def main(job):
    # Other output must not come between our lines.
    answers = os.fdopen(os.dup(1), "w", buffering=1)
    os.dup2(2, 1)
    evaluate, energy, *forces = importlib.import_module(job["kind"]).make(job)
    if "forces" in job:
        numpy.save(job["forces"], forces[0])
    print(json.dumps({"energy": energy}), file=answers)
    for line in sys.stdin:
        count = int(line)
        print(json.dumps({"seconds": sum(evaluate() for _ in range(count)) / count}), file=answers)


if __name__ == "__main__":
    main(json.loads(sys.argv[1]))
