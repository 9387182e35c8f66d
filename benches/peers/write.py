"""Writes the page of the measurements: `write.py RESULTS PAGE`."""

import json
import sys
from pathlib import Path

from ratios import ratio, seconds
from tables import table, three_digits
from targets import targets
from write_published import tables

# Part: heading, columns of the parameters, reference of the ratios, unit of work of a time.
PARTS = {
    "evaluations": ("Energy and forces", ["atoms", "threads"], "tumble", "evaluation"),
    "averages": (
        "Averages inside tumble, with inversion",
        ["atoms", "grid", "evaluations"],
        "one evaluation",
        "average",
    ),
    "symmetrized": ("Averages of the same quality", ["atoms", "threads"], "tumble", "average"),
    "rotations": ("Averages under i-PI", ["atoms", "grid", "evaluations"], "tumble inside", "step"),
    "beads": ("Ring polymers under i-PI", ["atoms", "beads"], "tumble ipi, at once", "step"),
    "stepping": ("Multiple time stepping in LAMMPS", ["atoms", "every"], "bare", "step"),
    "neighbors": ("Neighbor lists", ["atoms", "cutoff"], "tumble", "list"),
    "growth": ("Growth", ["atoms", "memory"], "tumble", "evaluation"),
}
NOTES = {
    "evaluations": "tumble and metatomic: from positions to forces, with the neighbor list (metatomic keeps its list "
    "while atoms move little; tumble makes a new one each time). The others: the model alone, with all tensors ready. "
    "ONNX Runtime runs through its C interface with tumble's settings, and in Python with its own; torch is not "
    "compiled. tumble has its own kernels for steps of the model that are single nodes in the file; ONNX Runtime alone "
    "runs their functions. At 12,288 atoms tumble evaluates layer by layer and tile by tile, which takes less memory "
    "than one piece.",
    "symmetrized": "tumble runs its cheapest average with no larger error. The choice depends on the weights: these "
    "break the symmetry almost only in ℓ = 1, which 12 rotations remove. Run `tumble check` for your weights.",
    "averages": "*one evaluation* is on one thread.",
    "rotations": "*inside*: tumble averages, and i-PI sees one force field. `ffrotations`: i-PI turns the structure "
    "and averages, *one by one* (its default) or *at once* (a `batch_size` of all rotations).",
    "beads": "i-PI with PILE-L; *at once* is a `batch_size` of all beads.",
    "stepping": "A step of LAMMPS with pair style and integrator; times are means over whole periods.",
    "neighbors": "Full lists. tumble's list is sorted and knows the reverse of each edge. vesin is called from Python, "
    "which adds a few µs to each of its times. The 8 atoms are in a skewed cell of 4 Å.",
    "growth": "*memory* is tumble's budget for the model in MiB. From 1,536 atoms on it evaluates layer by layer, and "
    "block by block if even that exceeds the budget.",
}


def page(results):
    """Lines of Markdown."""
    yield from ["# Benchmarks", "", *about(results), ""]
    yield from table(["goal", "target", "measured", ""], [target.row() for target in targets(results)])
    for part, (heading, keys, reference, unit) in PARTS.items():
        rows = results.get(part, [])
        if rows:
            yield from ["", f"## {heading}", "", *paragraph(NOTES.get(part)), *times(rows, keys, reference, unit)]
            yield from [*memory(rows, keys), *errors(rows), *measured(results.get("measured", {}).get(part))]
    yield from tables(results)
    yield from skipped(results.get("skipped", []))


def measured(where):
    """Date, version and processor of a part, since parts are measured separately."""
    if where:
        yield from ["", f"Measured on {where['date']} with tumble {where['tumble']}, on {where['cpu']}."]


def about(results):
    """Date, machine and versions."""
    machine, versions = results["machine"], ", ".join(f"{k} {v}" for k, v in results["versions"].items())
    yield f"`make bench` wrote this page on {results['date']} (`benches/peers`)."
    yield f"Machine: {machine['cpu']}, {machine['cores']} cores, {machine['memory_gib']} GiB, {machine['system']}."
    yield f"Versions: {versions}. Weights of all programs: `{results['model']}`."
    if machine["load"] > 0.5:
        yield f"**The machine was not quiet: its load was {machine['load']:.1f} at the start.**"
    if results["quick"]:
        yield "**A quick run with few rounds and short turns, to see that everything works: do not compare.**"
    yield ""
    yield "All numbers are medians over rounds. In each round the programs run in turn, each in its own process. A"
    yield "ratio is a program's time over that of the first program in the same round. Compare ratios only: you will"
    yield "measure other times on your machine."


def times(rows, keys, reference, unit):
    """Table of the reference's times, and of the others' times and ratios to it."""
    names = list(dict.fromkeys(name for row in rows for name in row["times"]))
    others = [name for name in names if name != reference]
    header = [*keys, f"{reference}, ms per {unit}"]
    header += [f"{name}: ms, ratio" for name in others]
    yield from table(header, [[*labels(row, keys), *cells(row, reference, others)] for row in rows])


def cells(row, reference, others):
    yield three_digits(seconds(row, reference), 1e3)
    for name in others:
        yield f"{three_digits(seconds(row, name), 1e3)}, {three_digits(ratio(row, name, reference))}"


def memory(rows, keys):
    """Table of the peak memory of whole processes, if it was recorded and is meaningful."""
    names = list(dict.fromkeys(name for row in rows for name in row["megabytes"]))
    if "threads" not in keys and "memory" not in keys:
        return
    rows = [row for row in rows if row.get("threads", 1) == 1]
    body = [[*labels(row, keys), *(three_digits(row["megabytes"].get(name)) for name in names)] for row in rows]
    yield from ["", "Peak memory of the process, MB:", ""]
    yield from table([*keys, *names], body)


def errors(rows):
    """Table of remaining errors, for the part that compares averages."""
    if "left" not in rows[0]:
        return
    left, tried = rows[0]["left"], rows[0]["tried"]
    yield from ["", "Remaining error: standard deviation over rotations of the whole structure.", ""]
    body = [
        ["torch, bare", 1, left["bare"]],
        ["SymmetrizedCalculator", left["evaluations"], left["SymmetrizedCalculator"]],
    ]
    body += [[f"tumble {t['mitigation']}{'+inversion' * t['inversion']}", t["evaluations"], t] for t in tried]
    rows = [[name, str(count), three_digits(e["energy"]), three_digits(e["forces"])] for name, count, e in body]
    yield from table(["", "evaluations", "energy, meV/atom", "forces, meV/Å"], rows)


def skipped(entries):
    """List of workers that could not do their job."""
    if entries:
        yield from ["", "## Left out", ""]
        yield from (f"- {e['part']}, {e['what']}: {e['who']} {e['why']}." for e in entries)


def paragraph(text):
    return [text, ""] if text else []


def labels(row, keys):
    """The parameters of a row."""
    return [f"{row[key]:,}" if isinstance(row[key], int) else str(row[key]) for key in keys]


def main(results, target):
    Path(target).write_text("\n".join(page(json.loads(Path(results).read_text()))) + "\n")


if __name__ == "__main__":
    main(*sys.argv[1:])
