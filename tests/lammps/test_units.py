"""The same physics in all unit styles of LAMMPS, with factors from the CODATA constants of scipy."""

from dataclasses import dataclass

import numpy as np
import pytest
from boxes import toy
from lmp import assert_close, dump, run, succeed
from scipy import constants

GRAM_PER_MOL = 1e-3 / constants.N_A


@dataclass(frozen=True)
class Style:
    """SI values of the units of a style."""

    mass: float
    length: float
    time: float
    energy: float
    pressure: float


# Velocities are lengths per time in all: in `electron` too, where LAMMPS' manual has another unit of time.
STYLES = {
    "metal": Style(GRAM_PER_MOL, 1e-10, 1e-12, constants.e, constants.bar),
    "real": Style(GRAM_PER_MOL, 1e-10, 1e-15, 1e3 * constants.calorie / constants.N_A, constants.atm),
    "electron": Style(
        constants.atomic_mass, constants.value("Bohr radius"), 1e-15, constants.value("Hartree energy"), 1.0
    ),
    "si": Style(1.0, 1.0, 1.0, 1.0, 1.0),
    "cgs": Style(1e-3, 1e-2, 1.0, 1e-7, 0.1),
    "micro": Style(1e-15, 1e-6, 1e-6, 1e-15, 1e3),
    "nano": Style(1e-21, 1e-9, 1e-9, 1e-21, 1e6),
}
OTHERS = [name for name in STYLES if name != "metal"]

CELL = np.array([[6.5, 0, 0], [1.7, 5.9, 0], [-1.2, 0.8, 4.1]])  # Å
MASSES = np.array([15.999, 1.008])  # g/mol
TYPES = np.array([1, 2, 2] * 6)
VOLUME = np.linalg.det(CELL) * 1e-30  # m^3
STEPS = 4

# Of compute pair: spreads of energy and force, torque, antisymmetric pressure, heating, damping time.
SCRIPT = """
units {units}
atom_style atomic
read_data {units}.data
neighbor {skin:.17g} bin
{pair}
compute s all pair tumble
fix 1 all nve
timestep {timestep:.17g}
thermo 1
thermo_style custom step pe ke pxx pyy pzz pxy pxz pyz c_s[1] c_s[2] c_s[3] c_s[4] c_s[5] c_s[6]
thermo_modify format float %20.15g
dump 1 all custom 1 {units}.dump id xu yu zu fx fy fz
dump_modify 1 sort id format float %20.15g
run {steps}
"""
PRESSURES = ["Pxx", "Pyy", "Pzz", "Pxy", "Pxz", "Pyz"]


def structure():
    """Positions and velocities, Å and Å/ps: eighteen atoms on a shaken grid."""
    rng = np.random.default_rng(7)
    grid = np.array([(i / 3, j / 3, k / 2) for i in range(3) for j in range(3) for k in range(2)])
    shaken = grid + 0.05 + rng.uniform(0.0, 0.15, grid.shape)
    return shaken @ CELL, rng.normal(0.0, 20.0, grid.shape)


def write_data(path, style):
    """The structure as a data file in the units of a style."""
    length, speed = 1e-10 / style.length, 100.0 / (style.length / style.time)
    positions, velocities = structure()
    lines = ["box", "", f"{len(TYPES)} atoms", "2 atom types", ""]
    for axis, name in enumerate("xyz"):
        lines.append(f"0 {CELL[axis, axis] * length:.17g} {name}lo {name}hi")
    tilts = " ".join(f"{tilt * length:.17g}" for tilt in (CELL[1, 0], CELL[2, 0], CELL[2, 1]))
    lines += [f"{tilts} xy xz yz", "", "Masses", ""]
    lines += [f"{k} {mass * GRAM_PER_MOL / style.mass:.17g}" for k, mass in enumerate(MASSES, 1)]
    lines += ["", "Atoms", ""] + rows(positions * length, TYPES)
    lines += ["", "Velocities", ""] + rows(velocities * speed)
    path.write_text("\n".join(lines) + "\n")


def rows(vectors, types=None):
    """Lines of id, type if given, and vector."""
    kinds = [""] * len(vectors) if types is None else types
    return [f"{k} {kind} " + " ".join(f"{x:.17g}" for x in v) for k, (kind, v) in enumerate(zip(kinds, vectors), 1)]


def evaluate(folder, units, ranks):
    """Thermo rows and dumped frames of some steps of dynamics, in SI units but for the heating in K/ps."""
    style = STYLES[units]
    write_data(folder / f"{units}.data", style)
    pair = toy("harmonic-list-f64", "rotate random seed 5 monitor 1")
    numbers = {"skin": 1e-10 / style.length, "timestep": 2e-16 / style.time, "steps": STEPS}
    result = succeed(folder, SCRIPT.format(units=units, pair=pair, **numbers), ranks)
    force = style.energy / style.length
    scales = dict.fromkeys(["PotEng", "KinEng", "c_s[1]", "c_s[3]"], style.energy)
    scales |= dict.fromkeys([*PRESSURES, "c_s[4]"], style.pressure)
    scales |= {"c_s[2]": force, "c_s[5]": 1.0, "c_s[6]": style.time}
    found = {name: np.array([row[name] for row in result.thermo()]) * scale for name, scale in scales.items()}
    frames = dump(folder / f"{units}.dump")
    vectors = {"x": (("xu", "yu", "zu"), style.length), "f": (("fx", "fy", "fz"), force)}
    for name, (columns, scale) in vectors.items():
        found[name] = np.array([[frame[c] for c in columns] for frame in frames]).swapaxes(1, 2) * scale
    return found


@pytest.fixture(scope="module")
def metal(tmp_path_factory):
    """The reference of all other styles; on two ranks."""
    return evaluate(tmp_path_factory.mktemp("metal"), "metal", 2)


@pytest.fixture(scope="module", params=OTHERS)
def other(request, tmp_path_factory):
    """The same in another style, and on one rank."""
    return evaluate(tmp_path_factory.mktemp(request.param), request.param, 1)


def test_energy_and_forces(metal, other):
    """At the first step only the pair style's own factors count: they are exact."""
    # Of the energies -2.8 keV are references.
    assert_close(other["PotEng"][0], metal["PotEng"][0], 1e-13)
    assert_close(other["f"][0], metal["f"][0], 1e-11)


def test_pressure(metal, other):
    """LAMMPS' own constants have seven digits, here and in the following tests."""
    found, expected = ([result[name] for name in PRESSURES] for result in (other, metal))
    assert_close(found, expected, 1e-6)


def test_trajectory(metal, other):
    """The deviation from free flight, to see whether timestep, mass and force are consistent."""
    _, velocities = structure()
    flight = 100.0 * velocities * 2e-16
    found, expected = (result["x"][-1] - result["x"][0] - STEPS * flight for result in (other, metal))
    assert_close(found, expected, 1e-6)
    assert_close(other["KinEng"], metal["KinEng"], 1e-6)
    assert_close(other["PotEng"], metal["PotEng"], 1e-9)


@pytest.mark.parametrize("entry", [1, 2, 3, 4, 5, 6])
def test_diagnostics(metal, other, entry):
    """For the last two, LAMMPS' Boltzmann constant has six digits."""
    assert_close(other[f"c_s[{entry}]"], metal[f"c_s[{entry}]"], 1e-5)


@pytest.mark.parametrize("units, skin, ranks", [("si", "0.001", 2), ("cgs", "0.1", 1), ("micro", "0.1", 1)])
def test_the_default_skin_of_macroscopic_units_is_refused(tmp_path, units, skin, ranks):
    cutoff = 3.5e-10 / STYLES[units].length
    script = SCRIPT.replace("neighbor {skin:.17g} bin", "")
    write_data(tmp_path / f"{units}.data", STYLES[units])
    script = script.format(units=units, pair=toy(), timestep=1e-16 / STYLES[units].time, steps=0)
    result = run(tmp_path, script, ranks, timeout=60)
    assert result.code != 0
    sentence = f"the neighbor skin of {skin} is far longer than the model's cutoff of {cutoff:.4g}: write neighbor "
    assert result.output.count(sentence + f"{cutoff / 4:.4g} bin") == 1, result.output
