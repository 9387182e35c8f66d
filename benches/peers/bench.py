"""tumble and its peers on the same weights and structures, side by side: `make bench`.

Writes the measurements to `results.json` and, from it, `docs/benchmarks.md`. With `--only PART ...` the other parts
keep their earlier measurements.
"""

import argparse
import json
import subprocess
import sys
from pathlib import Path

import direct
import published
import simulations
import symmetry
from machine import description
from paths import CHECKPOINT, HERE, RESULTS, ROOT, program
from ratios import merged
from tables import table
from targets import targets
from write import main as write

PARTS = {
    "evaluations": direct.evaluations,
    "averages": direct.averages,
    "symmetrized": symmetry.symmetrized,
    "rotations": simulations.rotations,
    "beads": simulations.beads,
    "stepping": simulations.stepping,
    "neighbors": direct.neighbors,
    "growth": direct.growth,
    "published": published.published,
    "turned": published.turned,
}
# Parts with their own models, whose rows stay when others are measured: the entries that tell rows apart.
KEPT = {"published": ("model", "atoms", "threads"), "turned": ("model", "atoms", "threads")}


def arguments():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument(
        "--checkpoint", type=Path, default=CHECKPOINT, help="metatrain checkpoint with the weights of all programs"
    )
    parser.add_argument("--quick", action="store_true", help="small sizes and few rounds, to test the setup")
    parser.add_argument("--only", nargs="+", choices=PARTS, default=list(PARTS), metavar="PART", help=", ".join(PARTS))
    sizes = published.MODELS
    parser.add_argument(
        "--models", nargs="+", choices=sizes, default=list(sizes), metavar="MODEL",
        help=f"of the parts {' and '.join(KEPT)}: {', '.join(sizes)}",
    )  # fmt: skip
    parser.add_argument("--resume", action="store_true", help=f"keep the rows of {' and '.join(KEPT)} that are there")
    parser.add_argument("--threads", nargs="+", type=int, default=[1, 2], metavar="N")
    parser.add_argument("--results", type=Path, default=RESULTS, help="file of the measurements")
    parser.add_argument("--page", type=Path, default=ROOT / "docs/benchmarks.md", help="file of the tables")
    return parser.parse_args()


def prepare(options):
    """Make the files of the workers, in processes that end before the measurements."""
    if any(part in KEPT for part in options.only):
        published.library()
        subprocess.run([sys.executable, HERE / "prepare_published.py", *options.models], check=True)
    if all(part in KEPT for part in options.only):
        return
    sizes = [192, 1536] if options.quick else [192, 1536, 12288, 98304]
    command = [sys.executable, HERE / "prepare.py", options.checkpoint, *map(str, [3, *sizes])]
    subprocess.run(command, check=True)
    program()


def say(part, row):
    """Print a row as soon as it is measured."""
    what = {key: value for key, value in row.items() if isinstance(value, (int, str))}
    times = ", ".join(f"{name} {1e3 * sorted(t)[len(t) // 2]:.4g} ms" for name, t in row["times"].items())
    print(f"{part} {what}: {times}", file=sys.stderr, flush=True)


def run(part, options, results):
    """Measure a part again; workers that fail are recorded with the reason."""
    kept, left_out = results.get(part, []) if part in KEPT else [], []
    if not kept:
        results["skipped"] = [entry for entry in results.get("skipped", []) if entry["part"] != part]
    conditions = dict(date=results["date"], tumble=results["versions"]["tumble"], cpu=results["machine"]["cpu"])
    rows = []
    for row in PARTS[part](options, lambda who, why: left_out.append((who, why))):
        say(part, row)
        more = dict(quick=options.quick, load=options.load, **conditions) if part in KEPT else {}
        rows.append(rounded(row) | more)
        note(part, row, left_out, results)
        if part in KEPT:
            results[part] = merged(kept, rows, KEPT[part])
            save(options, results)
    note(part, {}, left_out, results)
    results[part] = merged(kept, rows, KEPT[part]) if part in KEPT else rows
    results.setdefault("measured", {})[part] = conditions


def save(options, results):
    options.results.write_text(json.dumps(results, indent=1) + "\n")


def note(part, row, left_out, results):
    """Record the workers left out of a row."""
    what = ", ".join(f"{key} {row[key]}" for key in ("model", "atoms", "threads", "grid", "beads") if key in row)
    for who, why in left_out:
        print(f"{part} {what}: {who} {why}", file=sys.stderr, flush=True)
        entry = dict(part=part, what=what, who=who, why=why)
        results["skipped"] += [entry] if entry not in results["skipped"] else []
    left_out.clear()


def rounded(value):
    """The value with all numbers rounded to five digits."""
    if isinstance(value, dict):
        return {key: rounded(entry) for key, entry in value.items()}
    if isinstance(value, list):
        return [rounded(entry) for entry in value]
    return float(f"{value:.5g}") if isinstance(value, float) else value


def about(options, results):
    """Machine, versions and date; the load at the other parts and whether they were quick stay without new ones."""
    found = description() | dict(quick=options.quick, model=str(options.checkpoint.name))
    options.load = round(found["machine"]["load"], 1)
    if results and all(part in KEPT for part in options.only):
        found["quick"] = results.get("quick", False)
        found["machine"]["load"] = results["machine"]["load"]
    return found


def main():
    options = arguments()
    results = json.loads(options.results.read_text()) if options.results.exists() else {}
    options.measured = results
    results |= about(options, results)
    prepare(options)
    for part in options.only:
        run(part, options, results)
        save(options, results)
    write(options.results, options.page)
    print("\n".join(table(["goal", "wanted", "measured", ""], [target.row() for target in targets(results)])))


if __name__ == "__main__":
    main()
