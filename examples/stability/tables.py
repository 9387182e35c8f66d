"""Write `expected.md` from the measurements: tables.py results.json > expected.md."""

import json
import sys
from pathlib import Path

NAMES = {
    "none": "`none`",
    "grid": "`octahedral`",
    "mts2": "`octahedral every 2`",
    "mts4": "`octahedral every 4`",
    "mts8": "`octahedral every 8`",
    "random": "`random`",
    "langevin-none": "`none`, Langevin 0.1 ps",
    "langevin-random": "`random`, Langevin 0.1 ps",
}
SHORT = 5.0  # ps; below, a run is a test of the scripts


def value(pair, digits):
    """A number with sign and error."""
    return f"{pair[0]:+.{digits}f} ± {pair[1]:.{digits}f}"


def table(results):
    """One row per run."""
    lines = [
        "| run | ps | evaluations a step | drift, meV/atom/ps | fluctuation, meV a cell | heating, K/ps: predicted | "
        "measured | rise of the temperature, K/ps | T, K |"
    ]
    lines.append("|---" * 9 + "|")
    for name, r in results.items():
        heat = f"{r['predicted']:.2f}" if "random" in name else "0"
        numbers = f"{r['ps']:.2f} | {r['evaluations']:.2f} | {value(r['drift'], 4)} | {r['fluctuation']:.1f}"
        rise = "–" if name.startswith("langevin") else value(r["rise"], 1)
        lines.append(
            f"| {NAMES[name]} | {numbers} | {heat} | {value(r['heating'], 2)} | {rise} | {r['temperature']:.0f} |"
        )
    return lines


def apart(value, error, expected=0.0):
    """Distance of a measured value from an expected one in units of the error, in words."""
    return f"{abs(value - expected) / error:.1f} errors away"


def conclusions(results):
    """The results of the paper, and our numbers for them."""
    lines = ["| | ours |", "|---|---|"]
    bare = results.get("none")
    if bare:
        words = f"drift {value(bare['drift'], 4)} meV/atom/ps, {apart(*bare['drift'])} from zero"
        lines.append(f"| the bare model conserves energy | {words} |")
    for name in ("mts2", "mts4", "mts8"):
        if name in results:
            drift = results[name]["drift"]
            words = f"{value(drift, 4)} meV/atom/ps, {apart(*drift)} from zero"
            lines.append(f"| {NAMES[name]}: conserved | {words} |")
    for name in ("random", "langevin-random"):
        if name in results:
            r = results[name]
            words = f"{value(r['heating'], 2)} K/ps measured, {r['predicted']:.2f} predicted: "
            words += apart(*r["heating"], r["predicted"])
            lines.append(f"| {NAMES[name]}: heating is σ² dt/2m | {words} |")
    if "langevin-none" in results:
        words = f"{value(results['langevin-none']['heating'], 2)} K/ps"
        lines.append(f"| the same without rotations: the thermostat's own error | {words} |")
    return lines


HEAD = """# What came out: conserved quantities

![conserved quantity against time](stability.svg)
"""
WARNING = """
**Runs below {short:g} ps are short, the shortest of {shortest:.2g} ps: their drifts are known no better than their
errors say.**
"""
METHOD = """
Ours: `examples/models/water-pet.onnx`, 64 H2O from `../liquid/water-64.data`, 0.5 fs; constant energy but for the
rows with Langevin, where the conserved quantity is the energy minus what the thermostat brought in. Read at every
16th step, where the energy of `every M` is the averaged one. Drift: slope of the conserved quantity; its error is
that of the mean slope of five blocks, right for a random walk and an upper bound for what swings about a line.
Fluctuation: standard deviation from the line. Predicted: σ² dt/2m from the noise that the pair style measures
(`compute pair`, entry 5). Measured: the drift as heat, 2/(3k) times the drift per atom. Of that heat the
temperature shows about half: the other half goes on to the potential energy.
"""
PAPERS = """
## Beside the paper

SI Fig. 2 of arXiv:2406.17747 shows conserved quantities for its own PET, another model with other training data.
We have no numbers of it.
"""


def page(results):
    """All of `expected.md`."""
    shortest = min(r["ps"] for r in results.values())
    warning = WARNING.format(short=SHORT, shortest=shortest) if shortest < SHORT else ""
    return "\n".join([HEAD + warning + METHOD, *table(results), PAPERS, *conclusions(results)])


if __name__ == "__main__":
    print(page(json.loads(Path(sys.argv[1]).read_text())))
