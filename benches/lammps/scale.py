"""Times water in LAMMPS from 192 to 98,304 atoms on one and two MPI ranks, with the limits of the efficiency.

    make bench-lammps            # or, after `make build`:
    python3 benches/lammps/scale.py [LARGEST]

LARGEST (default 98304) leaves out larger systems. Prints Markdown and writes `scale.json` beside this file.
"""

import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from statistics import median

import geometry

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]
BIN = ROOT / ".venv/bin"
# LAMMPS finds the plugin by LAMMPS_PLUGIN_PATH, and the plugin ONNX Runtime by VIRTUAL_ENV.
ENVIRONMENT = {
    "LAMMPS_PLUGIN_PATH": str(ROOT / "target/release"),
    "VIRTUAL_ENV": str(ROOT / ".venv"),
    "ORT_DISABLE_TELEMETRY": "1",
    "OMP_NUM_THREADS": "1",
}
FEMTOSECONDS = 0.5
DEFAULT_MEMORY = 2048
# Steps and rounds by number of boxes along each axis.
STEPS = {1: 20, 2: 10, 4: 4, 8: 2}
ROUNDS = {1: 5, 2: 5, 4: 3, 8: 1}
LARGEST = 98304
MEMORY = [(4, memory) for memory in (512, 1024, 2048, 4096)] + [(8, memory) for memory in (2048, 8192, 16384)]
# One evaluation of all 98,304 atoms takes about the free memory of a machine with 24 GB.
FREE_FOR_WHOLE = 20e9


def atoms(n):
    """Number of atoms of n³ boxes."""
    return 192 * n**3


def command(n, ranks, memory, folder):
    """The command line of a run of LAMMPS; its log and the usage of each rank go to the folder."""
    values = {"n": n, "memory": memory, "steps": STEPS[n], "data": geometry.DATA}
    values["model"] = ROOT / "examples/models/water-pet.onnx"
    variables = [text for name, value in values.items() for text in ("-var", name, str(value))]
    lammps = [BIN / "lmp", "-in", HERE / "in.scale", "-log", folder / "log", "-screen", "none", *variables]
    return [BIN / "mpiexec", "-n", str(ranks), BIN / "python", HERE / "usage.py", folder, *lammps]


def run(n, ranks, memory, copies=1):
    """Runs `copies` of a run side by side; returns the measurements of the first."""
    with tempfile.TemporaryDirectory() as name:
        folders = [Path(name, str(copy)) for copy in range(copies)]
        for folder in folders:
            folder.mkdir()
        environment = {**os.environ, **ENVIRONMENT}
        started = [subprocess.Popen(command(n, ranks, memory, folder), env=environment) for folder in folders]
        if any([process.wait() for process in started]):
            sys.exit(f"a run of {atoms(n)} atoms on {ranks} rank(s) failed: see above")
        return read(folders[0])


def read(folder):
    """Seconds of each step (total, pair style, model), the largest memory of a rank, the smallest share of a core."""
    totals = read_thermo((folder / "log").read_text())
    rows = [[b - a for a, b in zip(before, after)] for before, after in zip(totals, totals[1:])]
    usages = [json.loads(path.read_text()) for path in folder.glob("usage-*.json")]
    columns = {
        name: [row[i] for row in rows] for i, name in enumerate(["step", "evaluations", "model", "pair", "wall"])
    }
    peak, cores = max(usage["peak_bytes"] for usage in usages), min(usage["cores"] for usage in usages)
    return {**columns, "peak_bytes": peak, "cores": cores}


def read_thermo(log):
    """The rows of the thermo output."""
    lines = iter(log.splitlines())
    next(line for line in lines if line.split()[:1] == ["Step"])
    rows = []
    for line in lines:
        if line.startswith("Loop time"):
            return rows
        rows.append([float(word) for word in line.split()])
    sys.exit("a log of LAMMPS has no end")


def merged(runs):
    """Medians over all steps of several runs; the times beside the model belong to the same steps."""
    beside = [pair - model for run in runs for pair, model in zip(run["pair"], run["model"])]
    times = {name: median(value for run in runs for value in run[name]) for name in ("wall", "pair", "model")}
    fastest = min(value for run in runs for value in run["wall"])
    peak = max(run["peak_bytes"] for run in runs)
    cores = median(run["cores"] for run in runs)
    return {**times, "beside": median(beside), "fastest": fastest, "peak_bytes": peak, "cores": cores}


def measure(n, memory=DEFAULT_MEMORY):
    """One rank, two ranks, and two runs of one rank side by side; in turn, so that other load affects all alike."""
    kinds = {"one": (1, 1), "two": (2, 1), "twins": (1, 2)}
    runs = {kind: [] for kind in kinds}
    for turn in range(ROUNDS[n]):
        for kind, (ranks, copies) in kinds.items():
            say(f"{atoms(n)} atoms, memory {memory}, {ranks * copies} process(es), round {turn + 1}")
            runs[kind].append(run(n, ranks, memory, copies))
    one, two, twins = (merged(runs[kind]) for kind in kinds)
    return [entry(n, 1, memory, one), {**entry(n, 2, memory, two), **efficiencies(n, one, two, twins)}]


def efficiencies(n, one, two, twins):
    """Two ranks against one rank alone, and against one with a twin that keeps the other core and the caches busy."""
    bound = geometry.bound(n, 2)
    alone, loaded = (result["wall"] / (2 * two["wall"]) for result in (one, twins))
    return {
        "centers": geometry.centers(n, 2),
        "bound": bound,
        "efficiency": alone,
        "efficiency_of_bound": alone / bound,
        "efficiency_beside_twin": loaded,
        "efficiency_beside_twin_of_bound": loaded / bound,
        "fastest_steps_of_bound": one["fastest"] / (2 * two["fastest"]) / bound,
    }


def entry(n, ranks, memory, result):
    """One row of the table, in seconds and bytes."""
    wall, count = result["wall"], atoms(n)
    own, ghosts = max(geometry.centers(n, ranks), key=sum)
    return {
        "atoms": count,
        "ranks": ranks,
        "memory_mb": memory,
        "seconds_a_step": wall,
        "ns_a_day": 86400 * 1e-6 * FEMTOSECONDS / wall,
        "microseconds_a_step_and_atom": 1e6 * wall / count,
        "model_share": result["model"] / wall,
        "beside_share_of_pair": result["beside"] / result["pair"],
        "model_microseconds_a_center": 1e6 * result["model"] / (own + ghosts),
        "peak_bytes_a_rank": result["peak_bytes"],
        "bytes_an_atom": ranks * result["peak_bytes"] / count,
        "ghost_share": ghosts / (own + ghosts),
        "cores_a_rank": result["cores"],
    }


def measure_memory(n, memory):
    """One rank under a limit on its memory."""
    say(f"{atoms(n)} atoms, memory {memory}, 1 process")
    return entry(n, 1, memory, merged([run(n, 1, memory)]))


def fits(n, memory):
    """Whether the machine has enough memory for a run."""
    free = next(int(line.split()[1]) for line in open("/proc/meminfo") if line.startswith("MemAvailable"))
    return n < 8 or memory < 16384 or 1024 * free > FREE_FOR_WHOLE


def say(what):
    """Prints progress to the terminal."""
    print(what, file=sys.stderr, flush=True)


def table(header, rows):
    """A table in Markdown."""
    lines = [header, ["---:"] * len(header), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def show_speed(entries):
    """Table of the times."""
    header = ["atoms", "ranks", "ns/day", "ms per step", "µs per step and atom", "in the model"]
    header += ["beside it, of pair style", "model, µs per center", "cores per rank"]
    rows = [
        [f"{e['atoms']:,}", str(e["ranks"]), f"{e['ns_a_day']:.3g}", f"{1e3 * e['seconds_a_step']:.4g}"]
        + [f"{e['microseconds_a_step_and_atom']:.0f}", f"{e['model_share']:.1%}", f"{e['beside_share_of_pair']:.1%}"]
        + [f"{e['model_microseconds_a_center']:.0f}", f"{e['cores_a_rank']:.2f}"]
        for e in entries
    ]
    return table(header, rows)


def show_efficiency(entries):
    """Table of two ranks against one."""
    ratios = {
        "bound": "bound",
        "efficiency": "efficiency",
        "efficiency_of_bound": "over bound",
        "efficiency_beside_twin": "efficiency beside twin",
        "efficiency_beside_twin_of_bound": "over bound",
        "fastest_steps_of_bound": "fastest steps, over bound",
    }
    header = ["atoms", "own + ghost centers", "ghost share", *ratios.values()]
    rows = [
        [f"{e['atoms']:,}", ", ".join(f"{own:,} + {ghosts:,}" for own, ghosts in e["centers"])]
        + [f"{e['ghost_share']:.1%}", *(f"{e[name]:.3f}" for name in ratios)]
        for e in entries
        if e["ranks"] == 2
    ]
    return table(header, rows)


def show_memory(entries):
    """Table of the peak memory."""
    header = ["atoms", "ranks", "memory", "peak MB per rank", "bytes per atom", "ms per step"]
    rows = [
        [f"{e['atoms']:,}", str(e["ranks"]), str(e["memory_mb"]), f"{e['peak_bytes_a_rank'] / 2**20:.0f}"]
        + [f"{e['bytes_an_atom']:.0f}", f"{1e3 * e['seconds_a_step']:.4g}"]
        for e in entries
    ]
    return table(header, rows)


def write(**parts):
    """Writes the results so far, so that an interrupted run keeps them."""
    (HERE / "scale.json").write_text(json.dumps(parts, indent=2) + "\n")


def main(largest=LARGEST):
    """Runs all measurements and prints the tables."""
    scaling, limited = [], []
    for n in STEPS:
        if atoms(n) <= largest:
            scaling += measure(n)
            write(scaling=scaling)
    print(show_speed(scaling), show_efficiency(scaling), sep="\n\n", flush=True)
    for n, memory in MEMORY:
        if atoms(n) <= largest and fits(n, memory):
            limited.append(measure_memory(n, memory))
            write(scaling=scaling, memory=limited)
    print(f"\n{show_memory(scaling + limited)}")


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
