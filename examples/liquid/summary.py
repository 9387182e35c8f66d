"""The cost of a run, and the effect of the broken symmetry on it."""

import math
from statistics import fmean, pstdev

KELVIN = 8.617333262e-5  # Boltzmann's constant, eV/K; CODATA 2018
MASS_TO_EV = 1.0364269e-4  # u Å²/ps² in eV; CODATA 2018
MASSES = {1: 1.008, 8: 15.999}  # u


def read_thermo(log):
    """Rows (columns of the thermo output as dicts) and seconds of the last run in a log of LAMMPS."""
    rows, columns, seconds = [], None, None
    for words in map(str.split, log.read_text().splitlines()):
        if words[:2] == ["Step", "Time"]:
            rows, columns = [], words
        elif words[:3] == ["Loop", "time", "of"]:
            columns, seconds = None, float(words[3])
        elif columns and len(words) == len(columns):
            rows.append(dict(zip(columns, map(float, words))))
    return {"rows": rows, "seconds": seconds}


def heating(frame, time_step):
    """Rise of the temperature, K/ps, that random rotations would cause without a thermostat; the time step is in ps.

    A force error drawn anew at each step, of mean 0 and standard deviation s, kicks a degree of freedom by dp = s dt.
    Its kinetic energy (p + dp)²/2m grows by <dp²>/2m = s² dt²/2m per step on average (the mixed term has mean 0): a
    power of s² dt/2m. Over the 3N degrees of freedom, k T/2 is the mean kinetic energy of one, so T rises by
    2/(3 N k) times the sum of the powers. In a liquid some of this heat goes on to the potential energy; this is the
    rate before that.
    """
    spreads = zip(frame["species"], frame["spread"]["forces"])  # s in eV/Å
    power = sum(s * s * time_step / (2 * MASSES[z] * MASS_TO_EV) for z, row in spreads for s in row)  # eV/ps
    return 2 * power / (3 * len(frame["species"]) * KELVIN)


def root_mean_square(values):
    """Root of the mean of the squares."""
    return math.sqrt(fmean(v * v for v in values))


def summarize(thermo, frames):
    """Everything in the closing table, as numbers."""
    rows = thermo["rows"]
    steps, time = (rows[-1][name] - rows[0][name] for name in ("Step", "Time"))
    temperatures = [row["Temp"] for row in rows[1:]]
    atoms = len(frames[0]["species"])
    energy = root_mean_square([frame["spread"]["energy"] for frame in frames])
    forces = root_mean_square([s for frame in frames for row in frame["spread"]["forces"] for s in row])
    rate = fmean(heating(frame, time / steps) for frame in frames)
    return {
        "atoms": atoms,
        "steps": int(steps),
        "seconds": thermo["seconds"],
        "ns_per_day": time * 1e-3 * 86400 / thermo["seconds"],
        "temperature_K": fmean(temperatures),
        "temperature_deviation_K": pstdev(temperatures),
        "energy_spread_meV": 1e3 * energy,
        "energy_spread_meV_per_atom": 1e3 * energy / atoms,
        "force_spread_meV_per_A": 1e3 * forces,
        "heating_K_per_ps": rate,
        # Langevin friction of time t cools by (2/t) dT when it is dT too warm: equal to the rate for dT = 1 K.
        "friction_time_for_1_K_ps": 2.0 / rate,
        "orientations": frames[0]["evaluations"],
        "snapshots": len(frames),
    }


def table(summary):
    """The closing table."""
    s = summary
    lines = [
        ("steps", f"{s['steps']} in {s['seconds']:.0f} s"),
        ("speed", f"{s['ns_per_day']:.2f} ns/day"),
        ("temperature", f"{s['temperature_K']:.0f} K on average, with swings of {s['temperature_deviation_K']:.0f} K"),
        (
            "energy spread",
            f"{s['energy_spread_meV']:.1f} meV a cell, {s['energy_spread_meV_per_atom']:.3f} an atom",
        ),
        ("force spread", f"{s['force_spread_meV_per_A']:.1f} meV/Å a component"),
        ("heating by that noise", f"{s['heating_K_per_ps']:.2f} K/ps without a thermostat"),
        ("friction against it", f"Langevin time of {s['friction_time_for_1_K_ps']:.2g} ps or less keeps it below 1 K"),
    ]
    note = f"spread: standard deviation over {s['orientations']} orientations of {s['snapshots']} snapshots"
    return "\n".join([*(f"  {name:<24}{value}" for name, value in lines), f"  ({note})"])
