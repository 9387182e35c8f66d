"""Write `expected.md` from the measurements: tables.py results.json > expected.md."""

import json
import sys
from pathlib import Path

import reweight

NAMES = {
    "none": "`none`",
    "random": "`random`",
    "turned": "`octahedral+random`",
    "grid": "`octahedral`",
    "mts": "`octahedral every 4`",
    "ipi-none": "i-PI, `none`",
    "ipi-random": "i-PI, `random`",
    "ipi-turned": "i-PI, `octahedral+random`",
    "ipi-grid": "i-PI, `octahedral`",
    "ipi-mts": "i-PI, `octahedral --correction`, `nmts` 4",
}
OBSERVABLES = {
    "temperature": "temperature",
    "dipole": "orientations of the dipole",
    "normal": "orientations of the plane",
    "pairs": "g_OO(r)",
    "dipoles": "dipole correlation over r",
    "displacement": "mean square displacement",
    "single": "autocorrelation, one dipole",
    "total": "autocorrelation, total dipole",
}
SHORT = 10.0  # ps; below, a run is a test of the scripts
CAGE = 1.0  # ps; before this time molecules rattle in one place, and a slope is not diffusion
PAPER = {
    "structure": "g_OO and dipole correlation are alike in all runs (Fig. 2)",
    "dynamics": "mean square displacement and autocorrelations are alike in all runs (Fig. 3)",
    "orientation": "the orientations of molecules are uniform, and alike in all runs (Fig. 2)",
}


def value(mean, error, digits):
    """A number with its error."""
    return f"{mean:.{digits}f} ± {error:.{digits}f}"


def runs(cases):
    """A table of the results of each run."""
    lines = ["| run | ps | T, K | T of O, K | T of H, K | D, Å²/ps | G_K | std of F: dipole, kT | plane, kT |"]
    lines.append("|---" * 9 + "|")
    for name, c in cases.items():
        kelvin = " | ".join(value(*pair, 1) for pair in c["temperatures"])
        maps = " | ".join(value(c[a]["deviation"], c[a]["deviation_error"], 3) for a in ("dipole", "normal"))
        kirkwood = value(c["total"][0], c["total_error"][0], 2)
        diffusion = value(*c["diffusion"], 3) if c["times"][-1] >= CAGE else "–"
        lines.append(f"| {NAMES[name]} | {c['ps']:.2f} | {kelvin} | {diffusion} | {kirkwood} | {maps} |")
    return lines


def differ(differences, halves):
    """Number of pairs of runs that differ by more than the halves of any one run, and the number expected by chance.

    Among n alike halves and one pair, each is the largest with the same probability, 1 / (n + 1).
    """
    above = [pair for pair, found in differences.items() if found["chi_square"] > max(halves.values())]
    return above, len(differences) / (len(halves) + 1)


def verdict(differences, halves):
    """The numbers of pairs in words. Pairs share runs, so their number scatters more than that of independent draws."""
    if not differences:
        return "one run: nothing to compare"
    above, expected = differ(differences, halves)
    counted = f"{len(above)} of {len(differences)} pairs ({expected:.1f} by chance)"
    if not above:
        return counted
    a, b = max(above, key=lambda pair: differences[pair]["chi_square"]).split("/")
    return f"{counted}; most {NAMES[a]} and {NAMES[b]}"


def against(reference, name, differences):
    """The result of one pair, in either order."""
    return differences.get(f"{reference}/{name}") or differences[f"{name}/{reference}"]


def comparisons(differences, halves):
    """Each comparable run against the first one, and all pairs in words."""
    reference, *others = halves["temperature"]
    lines = [f"| against {NAMES[reference]} | " + " | ".join(NAMES[o] for o in others)]
    lines[0] += " | halves of a run: mean, largest | pairs of runs above |"
    lines.append("|---" * (len(others) + 3) + "|")
    for key, words in OBSERVABLES.items():
        found = [against(reference, other, differences[key]) for other in others]
        cells = "".join(f" {f['chi_square']:.2f} ({f['chance']:.3f}) |" for f in found)
        within = list(halves[key].values())
        gauge = f"{sum(within) / len(within):.2f}, {max(within):.2f}"
        lines.append(f"| {words} |{cells} {gauge} | {verdict(differences[key], halves[key])} |")
    return lines


def together(differences, halves, keys):
    """Pairs that differ in some observables, and those expected by chance."""
    found = [differ(differences[key], halves[key]) for key in keys]
    above, expected = sum(len(pairs) for pairs, _ in found), sum(count for _, count in found)
    return f"{above} of {sum(len(differences[key]) for key in keys)} comparisons above, {expected:.1f} by chance"


def largest(reweighted, keys):
    """The largest changes by reweighting."""
    if reweighted is None:
        return ""
    said = (
        f"{reweighted[key]['change']:+.3f} ± {reweighted[key]['error']:.3f} of {reweighted[key]['mean']:.3f}"
        for key in keys
    )
    return f"; by reweighting changes of at most {' and '.join(said)}"


def conclusions(cases, differences, halves, reweighted=None):
    """The consequences of the paper's conclusion, and our numbers for them."""
    bare = next(iter(cases.values()))["dipole"]
    flat = f"F over the dipole's direction, bare: {value(bare['deviation'], bare['deviation_error'], 3)} kT"
    said = {
        "structure": together(differences, halves, ("pairs", "dipoles")) + largest(reweighted, ("pairs", "dipoles")),
        "dynamics": together(differences, halves, ("displacement", "single", "total")),
        "orientation": f"{flat}; between runs: {together(differences, halves, ('dipole', 'normal'))}",
    }
    return [
        "| negligible in bulk: then | ours |",
        "|---|---|",
        *(f"| {PAPER[key]} | {words} |" for key, words in said.items()),
    ]


HEAD = """# What came out: liquid water

![structure and dynamics of liquid water](liquid-nvt.svg)
"""
WARNING = """
**From runs of {lengths} ps. Those below {short:.0f} ps show that the scripts work, and say little of water:** they are
shorter than the memory of the liquid (picoseconds), so their errors are underestimated, and chances too small.
"""
METHOD = """
Ours: `examples/models/water-pet.onnx`, {molecules} H2O at 300 K (one factor for all velocities, 0.2 ps), 0.5 fs, a
frame every 10 fs. Errors are from 10 blocks of time. D: a sixth of the slope of the mean square displacement
over the later half of its times, not corrected for the size of the box, for runs whose times (an eighth of the
run) reach 1 ps. G_K: square of the sum of all unit dipoles over their number. F: free energy over 48 bins of equal
area on the sphere; its standard deviation, without the noise of counting, from the covariance of the run's two
halves (a negative number is noise).
"""
COMPARISON = """
Does a mitigation change an observable? Mean square of difference over error, about 1 where only noise tells two
runs apart, and in parentheses the chance of as much if they were alike (blocks dealt out anew, 999 times). It
needs independent blocks: where they are shorter than the memory of the observable (orientations and the total
dipole: several ps), chances are too small, as errors are. How much so is told by two gauges: the same number
between the halves of one run, and the same mitigation in LAMMPS and in i-PI. Two runs are said to differ where
their number is above the largest of the halves of all runs. Runs below a fifth of the longest are not compared.
"""
REWEIGHTING = """
## By reweighting

Sees more than two runs can, of the structure: each frame of the bare run counts with exp(−(E_averaged − E_bare) / kT),
which gives what the averaged model would have. Errors by leaving out each of 10 blocks of time.
"""
PAPERS = """
## Beside the paper

arXiv:2406.17747 shows the same observables for its own PET, another model with other training data. We have no
numbers of those figures, only what the paper concludes: in bulk the effect of the broken symmetry is negligible.
"""


def page(results, reweighted=None):
    """All of `expected.md`; `reweighted` is the output of reweight.py."""
    cases, differences, halves = (results[key] for key in ("cases", "differences", "halves"))
    lengths = sorted({f"{c['ps']:.2g}" for c in cases.values()}, key=float)
    warning = (
        WARNING.format(lengths=" to ".join(dict.fromkeys([lengths[0], lengths[-1]])), short=SHORT)
        if float(lengths[0]) < SHORT
        else ""
    )
    method = METHOD.format(molecules=next(iter(cases.values()))["molecules"])
    parts = [HEAD + warning + method, *runs(cases), COMPARISON, *comparisons(differences, halves)]
    parts += [] if reweighted is None else [REWEIGHTING, *reweight.table(reweighted)]
    return "\n".join([*parts, PAPERS, *conclusions(cases, differences, halves, reweighted)])


def beside(results):
    """The output of reweight.py in the folder of the results, or None."""
    file = Path(results).with_name("reweighted.json")
    return json.loads(file.read_text()) if file.exists() else None


if __name__ == "__main__":
    print(page(json.loads(Path(sys.argv[1]).read_text()), beside(sys.argv[1])))
