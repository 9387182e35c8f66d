"""What a run cost, and what the broken symmetry does to it."""

import math

KELVIN = 8.617333262e-5  # eV; CODATA 2018
MASS_TO_EV = 1.0364269e-4  # u Å²/ps² in eV; CODATA 2018
MASSES = {1: 1.008, 8: 15.999}  # u
SYMBOLS = {"1": "O", "2": "H"}
TIME_STEP = 5e-4  # ps, of in.demo


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


def snapshots(dump):
    """A dump of `id type x y z` in an orthogonal box as extended XYZ, without its first frame."""
    frames = []
    for text in dump.read_text().split("ITEM: TIMESTEP\n")[2:]:
        lines = text.splitlines()
        count = int(lines[2])
        low_high = [[float(w) for w in line.split()] for line in lines[4:7]]
        a, b, c = (high - low for low, high in low_high)
        atoms = [line.split() for line in lines[8 : 8 + count]]
        frames += [str(count), f'Lattice="{a} 0 0 0 {b} 0 0 0 {c}" Properties=species:S:1:pos:R:3 pbc="T T T"']
        frames += [f"{SYMBOLS[kind]} {x} {y} {z}" for _, kind, x, y, z in atoms]
    return "\n".join(frames) + "\n"


def heating(frame):
    """Rise of the temperature, K/ps, that random rotations would cause without a thermostat.

    A force error that is drawn anew at each step with standard deviation s kicks a degree of freedom by s dt, which
    adds (s dt)²/2m to its kinetic energy on average: a power of s² dt/2m. The temperature is 2/(3 N k) times the
    kinetic energy, and the liquid passes about half of what comes in on to its potential energy, which is left out here.
    """
    spreads = zip(frame["species"], frame["spread"]["forces"])
    power = sum(s * s * TIME_STEP / (2 * MASSES[z] * MASS_TO_EV) for z, row in spreads for s in row)  # eV/ps
    return 2 * power / (3 * len(frame["species"]) * KELVIN)


def summarize(thermo, frames):
    """Everything in the closing table, as numbers."""
    rows = thermo["rows"]
    steps = int(rows[-1]["Step"] - rows[0]["Step"])
    second_half = [row["Temp"] for row in rows[len(rows) // 2 :]]
    atoms = len(frames[0]["species"])
    root_mean = lambda values: math.sqrt(sum(v * v for v in values) / len(values))  # noqa: E731
    energy = root_mean([frame["spread"]["energy"] for frame in frames])
    forces = root_mean([s for frame in frames for row in frame["spread"]["forces"] for s in row])
    rate = sum(map(heating, frames)) / len(frames)
    return {
        "atoms": atoms,
        "steps": steps,
        "ns_per_day": steps * TIME_STEP * 1e-3 * 86400 / thermo["seconds"],
        "mean_temperature_K": sum(second_half) / len(second_half),
        "energy_spread_meV": 1e3 * energy,
        "energy_spread_meV_per_atom": 1e3 * energy / atoms,
        "force_spread_meV_per_A": 1e3 * forces,
        "heating_K_per_ps": rate,
        # Langevin friction of time t takes (2/t) 3/2 N k dT; equal to the power for dT = 1 K.
        "friction_time_for_1_K_ps": 2.0 / rate,
        "orientations": frames[0]["evaluations"],
        "snapshots": len(frames),
    }


def table(summary):
    """The closing table."""
    lines = [
        ("steps", f"{summary['steps']}"),
        ("speed", f"{summary['ns_per_day']:.2f} ns/day"),
        ("temperature (second half)", f"{summary['mean_temperature_K']:.1f} K"),
        ("spread of the energy", f"{summary['energy_spread_meV']:.2f} meV a cell"),
        ("", f"{summary['energy_spread_meV_per_atom']:.4f} meV/atom"),
        ("spread of the forces", f"{summary['force_spread_meV_per_A']:.2f} meV/Å"),
        ("heating by the noise", f"{summary['heating_K_per_ps']:.4f} K/ps"),
        ("friction time for 1 K", f"{summary['friction_time_for_1_K_ps']:.3g} ps"),
    ]
    head = f"spreads: {summary['orientations']} orientations of {summary['snapshots']} snapshots"
    return "\n".join([*(f"  {name:<28}{value}" for name, value in lines), f"  ({head})"])
