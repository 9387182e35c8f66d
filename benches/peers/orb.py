"""Orb-v3 of full size, with random weights, in tumble and in orb-models: `make bench-orb`, on one thread.

Each program runs through its calculator for ASE, in a process of its own, and they take turns. Models go to
`target/orb`. Prints the table of docs/export.md and writes orb.json.
"""

import argparse
import json
import sys
from pathlib import Path

import numpy as np
from paths import HERE, ROOT, WORK, structure
from prepare import structures
from runner import Plan, Worker, measure

ORBS = ROOT / "target/orb"
KINDS = [f"{kind}-{limit}" for kind in ("conservative", "direct") for limit in ("inf", "20")]
NAMES = {kind: f"orb-v3-{kind}-omat" for kind in KINDS}
STRUCTURES = {3: "H2O", 192: "water", 216: "diamond"}
SEED = 0
TORCH, COMPILED = "torch eager", "torch.compile"
PLAN = Plan(5, 0.5, warm=1)


def exported(name):
    """The ONNX file of a model, made again if the exporter has changed."""
    path, sources = ORBS / f"{name}.onnx", (ROOT / "python/tumble-export/tumble_export").rglob("*.py")
    if path.exists() and path.stat().st_mtime > max(source.stat().st_mtime for source in sources):
        return path
    sys.path.insert(0, str(ROOT / "python/tumble-export"))
    from tumble_export.command import main

    ORBS.mkdir(parents=True, exist_ok=True)
    main(["orb", name, "--random-weights", str(SEED), "--quick", "-o", str(path)])
    return path


def workers(name, atoms, compiled):
    """tumble, orb-models, and orb-models compiled."""
    common = dict(structure=str(structure(atoms)), threads=1)
    yield Worker("tumble", dict(kind="with_tumble", model=str(ORBS / f"{name}.onnx"), **common))
    job = dict(kind="with_orb", architecture=name, seed=SEED, **common)
    yield Worker(TORCH, job)
    if compiled:
        yield Worker(COMPILED, job | dict(compiled=True))


def row(label, atoms, compiled):
    """One row: times of all rounds, peak memory, and the differences of energy and forces from torch's."""
    made = list(workers(NAMES[label], atoms, compiled))
    (ORBS / "forces").mkdir(parents=True, exist_ok=True)
    for one in made:
        one.job["forces"] = str(ORBS / "forces" / f"{one.name}.npy".replace(" ", "-"))
    found = measure(made, PLAN, lambda name, why: print(f"{name}: {why}", file=sys.stderr, flush=True))
    forces = {one.name: np.load(one.job["forces"]) for one in made if one.name in found["times"]}
    found["apart"] = {name: apart(label, got, forces[TORCH]) for name, got in forces.items()}
    return dict(model=label, atoms=atoms, structure=STRUCTURES[atoms], **found)


def apart(label, found, expected):
    """The largest difference of forces, None where orb-models changes direct ones by more than their mean."""
    if label.startswith("direct"):
        found = found - found.mean(0)
        if len(found) == 3:  # a free molecule, whose torque it subtracts too
            return None
    return float(np.abs(found - expected).max() / max(1.0, np.abs(expected).max()))


def ratio(one, name, of):
    """The median over rounds of tumble's share in a program's time, or of its peak memory."""
    if of == "memory":
        return one["megabytes"]["tumble"] / one["megabytes"][name]
    return float(np.median(np.divide(one["times"]["tumble"], one["times"][name])))


def lines(rows):
    """The table in Markdown: least and median seconds, ratios, whole processes' peak memory."""
    yield (
        "| orb-v3 | structure | tumble, s | torch, s | torch.compile, s | tumble / torch | / compiled | tumble, MB "
        "| torch, MB | tumble / torch |"
    )
    yield "|---" * 10 + "|"
    for one in rows:
        cells = [one["model"], f"{one['structure']}, {one['atoms']}"]
        cells += [seconds(one["times"].get(name)) for name in ("tumble", TORCH, COMPILED)]
        cells += [f"{ratio(one, name, 'time'):.2f}" if name in one["times"] else "-" for name in (TORCH, COMPILED)]
        cells += [f"{one['megabytes'][name]:.0f}" for name in ("tumble", TORCH)]
        cells.append(f"{ratio(one, TORCH, 'memory'):.2f}")
        yield "| " + " | ".join(cells) + " |"


def seconds(times):
    """Least and median of the rounds."""
    return f"{min(times):.3g} ({np.median(times):.3g})" if times else "-"


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--models", nargs="+", choices=NAMES, default=list(NAMES))
    parser.add_argument("--atoms", type=int, nargs="+", choices=STRUCTURES, default=list(STRUCTURES))
    parser.add_argument("--compiled", action="store_true", help="also torch.compile, which takes minutes to compile")
    parser.add_argument("--json", type=Path, default=HERE / "orb.json")
    options = parser.parse_args()
    WORK.mkdir(parents=True, exist_ok=True)
    structures([192, 216])
    rows = []
    for label in options.models:
        exported(NAMES[label])
        for atoms in options.atoms:
            rows.append(row(label, atoms, options.compiled))
            print(json.dumps(rows[-1]), file=sys.stderr, flush=True)
            options.json.write_text(json.dumps(rows, indent=1) + "\n")
    print("\n".join(lines(rows)))


if __name__ == "__main__":
    main()
