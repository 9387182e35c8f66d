"""Counts instructions of tumble's hot paths with callgrind, and compares them with counts.json: `make instructions`.

Each unit runs on one thread and on fixed input, and has run once before. A count more than 10% above the recorded one
is a failure; one more than 10% below is reported, so that you can record the gain.
"""

import argparse
import json
import os
import re
import subprocess
import sys
from pathlib import Path

NOTED = Path(__file__).with_name("counts.json")
CALLGRIND = "valgrind --tool=callgrind --callgrind-out-file=/dev/null --toggle-collect=tumble_counted".split()
# Keep the C library from choosing functions by the capabilities of the processor.
SETTINGS = {"GLIBC_TUNABLES": "glibc.cpu.hwcaps=-AVX2,-AVX512F,-AVX512VL,-ERMS,-FSRM"}
ALLOWED = 0.1
REMEDY = "run `make instructions-bless` if it is meant"


def compare(found, noted, note=""):
    """Sentences about failures, and about gains to record; `found` and `noted` are counts by name of the unit.

    `note` is added to sentences about larger counts.
    """
    wrong = [f"{name} is not in {NOTED.name}: {REMEDY}" for name in found if name not in noted]
    wrong += [f"{name} is in {NOTED.name}, but no unit of work: {REMEDY}" for name in noted if name not in found]
    better = []
    for name in found.keys() & noted.keys():
        change = found[name] / noted[name] - 1
        words = f"{name} took {found[name]:,} instructions where {noted[name]:,} are noted ({change:+.1%})"
        if found[name] > (1 + ALLOWED) * noted[name]:
            wrong.append(f"{words}, and at most {ALLOWED:+.0%} is allowed{note}: {REMEDY}")
        if found[name] < (1 - ALLOWED) * noted[name]:
            better.append(f"{words}: run `make instructions-bless` to note the gain")
    return sorted(wrong), sorted(better)


def count(program, name):
    """Instructions of one unit."""
    command = [*CALLGRIND, program, name]
    done = subprocess.run(command, env=os.environ | SETTINGS, capture_output=True, text=True)
    collected = re.search(r"Collected : (\d+)", done.stderr)
    if done.returncode != 0 or not collected or collected[1] == "0":
        sys.exit(f"callgrind did not count {name}: {' '.join(command)} says\n{done.stderr}")
    return int(collected[1])


def compiler():
    """The compiler's version: another compiler may make other instructions from the same source."""
    return subprocess.run(["rustc", "--version"], capture_output=True, text=True, check=True).stdout.strip()


def table(found, noted):
    lines = [f"{'unit of work':40} {'instructions':>14} {'noted':>14}"]
    for name, number in found.items():
        before = f"{noted[name]:,}" if name in noted else "-"
        lines.append(f"{name:40} {number:14,} {before:>14}")
    return "\n".join(lines)


def main():
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("program", help="the program `count` of benches/hot_paths")
    options.add_argument("--accept", action="store_true", help="note the counts instead of comparing them")
    options = options.parse_args()
    names = subprocess.run([options.program], capture_output=True, text=True, check=True).stdout.splitlines()
    found = {name: count(options.program, name) for name in names}
    file = json.loads(NOTED.read_text()) if NOTED.exists() else {"compiler": "none", "counts": {}}
    print(table(found, file["counts"]))
    if options.accept:
        NOTED.write_text(json.dumps({"compiler": compiler(), "counts": found}, indent=2) + "\n")
        return
    here = compiler()
    note = "" if here == file["compiler"] else f" (counted with {here}, noted with {file['compiler']})"
    wrong, better = compare(found, file["counts"], note)
    print(*better, sep="\n", end="\n" if better else "")
    if wrong:
        sys.exit("\n".join(wrong))


if __name__ == "__main__":
    main()
