"""Minimization of positions, and of positions and box."""

import numpy as np
from boxes import toy, triclinic
from lmp import assert_close, succeed

THERMO = """
thermo_style custom step pe fnorm vol pxx pyy pzz pxy pxz pyz
thermo_modify format float %20.15g
thermo 1
"""
AVERAGED = triclinic() + toy("harmonic-list-f64", "rotate octahedral") + THERMO
BAR = 6.241509074e-7  # eV/Å^3, LAMMPS' own


def relaxed(folder, name, relax, ranks=1):
    """Thermo rows of a relaxation of the box, starting from relaxed positions."""
    script = triclinic() + toy(name) + "minimize 0 1e-3 300 900\nreset_timestep 0\n" + THERMO
    rows = succeed(folder, script + f"fix 1 all box/relax {relax}\nminimize 0 1e-3 300 600\n", ranks).thermo()
    return [row for row in rows if "Pxx" in row]


def test_the_energy_falls_to_a_minimum(tmp_path):
    final = []
    for ranks in (1, 2):
        rows = succeed(tmp_path, AVERAGED + "min_style cg\nminimize 0 0.1 200 400\n", ranks).thermo()
        energies = [row["PotEng"] for row in rows]
        assert all(after <= before for before, after in zip(energies, energies[1:]))
        assert rows[-1]["Fnorm"] < 0.1 < 10 < rows[0]["Fnorm"]
        final.append(energies[-1])
    assert abs(final[1] - final[0]) < 1e-3


def test_a_box_relaxed_to_zero_pressure(tmp_path):
    """With the bare model: the trace of the virial is the derivative by the volume for any model."""
    rows = relaxed(tmp_path, "harmonic-list-f64", "iso 0.0 vmax 0.01")
    pressures = [abs(row["Pxx"] + row["Pyy"] + row["Pzz"]) / 3 for row in rows]
    assert pressures[-1] < 0.01 * pressures[0]
    assert rows[-1]["PotEng"] < rows[0]["PotEng"]


def test_a_skewed_box_relaxed_to_a_pressure(tmp_path):
    """With an invariant model: other virials are symmetrized, and not the derivative in LAMMPS' six box lengths."""
    rows = relaxed(tmp_path, "pair-list-f64", "tri 10000 vmax 0.002")
    enthalpies = [row["PotEng"] + 10000 * BAR * row["Volume"] for row in rows]
    assert enthalpies[-1] < enthalpies[0]
    # From step to step the pressure swings about its target by a tenth.
    pressures = [[row[name] for name in ("Pxx", "Pyy", "Pzz", "Pxy", "Pxz", "Pyz")] for row in rows[-100:]]
    assert_close(np.mean(pressures, axis=0), [10000, 10000, 10000, 0, 0, 0], 0.05)
