"""Errors of grids of rotations against the finest one: the table of SI Fig. 1 of arXiv:2406.17747.

    convergence.py MODEL FOLDER NAME=FRAMES.xyz[:COUNT] ...

For each set of frames (with COUNT, that many, evenly spaced): energies and forces of `tumble eval` on every grid, kept
in FOLDER/NAME-GRID.npz so that a stopped run can continue, and the rows of the table in FOLDER/results.json.
"""

import json
import sys
from pathlib import Path

import numpy as np
from analysis import programs, structures
from analysis.grids import GRIDS

REFERENCE = "3i"


def thin(frames, count):
    """At most `count` of the frames, evenly spaced."""
    if count is None or count >= len(frames):
        return frames
    return [frames[i] for i in np.linspace(0, len(frames) - 1, count).round().astype(int)]


def evaluated(model, path, grid, inversion, cache):
    """Energies [frames] eV, forces [frames, atoms, 3] eV/Å, evaluations per frame; from the cache if it is newer."""
    if not cache.exists() or cache.stat().st_mtime < max(Path(p).stat().st_mtime for p in (path, model)):
        documents = programs.evaluate(model, path, grid, inversion)
        energies, forces = ([d[key] for d in documents] for key in ("energy", "forces"))
        np.savez(cache, energies=energies, forces=forces, evaluations=documents[0]["evaluations"])
    with np.load(cache) as data:
        return data["energies"], data["forces"], int(data["evaluations"])


def row(result, bare, reference):
    """Errors of one grid: `result`, `bare` and `reference` are (energies, forces, evaluations) on the same frames.

    The standard deviation of the energy difference is over frames; `gain` is that of the bare model divided by it.
    `mean` and `force` (per component) are mean absolute differences; the error bar of `mean` is over frames, as if they
    were independent. meV per cell, meV/Å.
    """
    difference, without = 1e3 * (result[0] - reference[0]), 1e3 * (bare[0] - reference[0])
    off = np.abs(difference)
    return {
        "evaluations": result[2],
        "mean": off.mean(),
        "error": off.std(ddof=1) / np.sqrt(len(off)),
        "median": float(np.median(off)),
        "gain": without.std() / difference.std() if difference.any() else None,
        "force": 1e3 * np.abs(result[1] - reference[1]).mean(),
    }


def table(model, path, folder, name):
    """Rows by the grid's name."""
    found = {}
    for short, grid, inversion in GRIDS:
        print(f"{name}: {short}", file=sys.stderr, flush=True)
        found[short] = evaluated(model, path, grid, inversion, folder / f"{name}-{short}.npz")
    rows = {short: row(found[short], found["none"], found[REFERENCE]) for short, *_ in GRIDS}
    return {"frames": len(found["none"][0]), "atoms": found["none"][1].shape[1], "grids": rows}


def markdown(results):
    """One table: a row for each grid, two columns for each set."""
    sets = results.values()
    head = [f"{name}, {s['frames']} frames of {s['atoms']} atoms" for name, s in results.items()]
    lines = [f"| grid | evaluations | {' | '.join(f'{h}: meV a cell | meV/Å' for h in head)} |"]
    lines.append("|" + "---|" * (2 + 2 * len(head)))
    for short, grid, inversion in GRIDS[:-1]:
        cells = [f"{short} (`{grid}`{', inversion' if inversion else ''})"]
        cells.append(str(next(iter(sets))["grids"][short]["evaluations"]))
        for s in sets:
            r = s["grids"][short]
            gain = f" ({r['gain']:.1f})" if short != "none" else ""
            cells += [f"{r['mean']:.3g} ± {r['error']:.1g}{gain}", f"{r['force']:.3g}"]
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines)


def kept(frames, path):
    """The path, with these frames; a file with the same content keeps its date."""
    structures.write(path.with_suffix(".new"), frames)
    if path.exists() and path.read_bytes() == path.with_suffix(".new").read_bytes():
        path.with_suffix(".new").unlink()
    else:
        path.with_suffix(".new").replace(path)
    return path


def main(model, folder, *sets):
    """Everything."""
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    results = {}
    for text in sets:
        name, _, source = text.partition("=")
        path, _, count = source.partition(":")
        chosen = thin(structures.read(path), int(count) if count else None)
        results[name] = table(model, kept(chosen, folder / f"{name}.xyz"), folder, name)
    (folder / "results.json").write_text(json.dumps(results, indent=1) + "\n")
    print(markdown(results))


if __name__ == "__main__":
    main(*sys.argv[1:])
