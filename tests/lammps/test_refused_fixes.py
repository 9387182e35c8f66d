"""Fixes and commands that would mistake the impulse of an outer step for a force are refused with every M."""

import pytest
from boxes import model
from lmp import TOYS, assert_close, run, succeed
from states import assert_same, finals

TWOHOP = TOYS / "twohop-padded-f64.onnx"
EVERY = "rotate octahedral every 4"

MOLECULES = """
units metal
atom_style molecular
atom_modify map array
region b block 0 9 0 9 0 9
create_box 2 b bond/types 1 angle/types 1 extra/bond/per/atom 4 extra/angle/per/atom 4 extra/special/per/atom 8
mass 1 15.999
mass 2 1.008
molecule w water.mol
create_atoms 0 random 3 4321 NULL mol w 77 overlap 1.6 maxtry 500
bond_style zero
bond_coeff * 0.9572
angle_style zero
angle_coeff * 104.52
special_bonds lj/coul 1 1 1
neighbor 1.0 bin
"""
WATER_MOLECULE = """# water

3 atoms
2 bonds
1 angles

Coords

1 0.0 0.0 0.0
2 0.7569 0.5859 0.0
3 -0.7569 0.5859 0.0

Types

1 1
2 2
3 2

Bonds

1 1 1 2
2 1 1 3

Angles

1 1 2 1 3
"""
UNFIT = [
    ("shake 1e-8 100 0 b 1 a 1", "run_style respa"),
    ("rattle 1e-8 100 0 b 1 a 1", "remove the keyword every"),
    ("rigid molecule", "remove the keyword every"),
    ("rigid/small molecule", "remove the keyword every"),
    ("rigid/nve molecule", "remove the keyword every"),
    ("rigid/nvt/small molecule temp 300 300 0.1", "remove the keyword every"),
    ("poems molecule", "remove the keyword every"),
    ("filter/corotate b 1 a 1", "remove the keyword every"),
    ("ipi nowhere 31415 unix", "run tumble ipi --correction"),
    ("pimd/langevin ensemble nve", "remove the keyword every"),
    ("pimd/nvt method nmpimd", "remove the keyword every"),
    ("colvars none", "run_style respa"),
    ("tfmc 0.1 300 12345", "remove the keyword every"),
    ("pafi path 300 0.1 12345 overdamped no com yes", "remove the keyword every"),
    ("brownian 300 12345 gamma_t 1.0", "remove the keyword every"),
    ("nvk", "remove the keyword every"),
    ("nve/limit 0.1", "remove the keyword every"),
    ("dt/reset 1 1e-5 1e-3 0.1", "remove the keyword every"),
    ("ehex 1 0.0", "remove the keyword every"),
    ("grem 300 -0.1 -1000 r", "remove the keyword every"),
    ("hmc 10 12345 300", "remove the keyword every"),
    ("hyper/global 3.0 0.1 0.4 300", "remove the keyword every"),
    ("hyper/local 3.0 0.1 0.4 300 5.0 0.1 1e5", "remove the keyword every"),
]
# Commands required by LAMMPS before the fix.
NEEDED = {
    "grem": "fix r all npt temp 300 300 0.1 iso 0 0 1\n",
    "pafi": "compute path all property/atom x y z vx vy vz fx fy fz\n",
}


@pytest.mark.parametrize("fix, remedy", UNFIT, ids=[fix.split()[0] for fix, _ in UNFIT])
def test_fixes_mistaking_the_impulse_for_a_force_are_refused(tmp_path, fix, remedy):
    (tmp_path / "water.mol").write_text(WATER_MOLECULE)
    style = fix.split()[0]
    script = MOLECULES + model(TWOHOP, EVERY) + NEEDED.get(style, "") + f"fix x all {fix}\nrun 1\n"
    result = run(tmp_path, script, timeout=60)
    assert result.code != 0
    assert f"with every 4 fix x (style {style})" in result.output, result.output
    assert remedy in result.output


def pressures(folder, script):
    """Pressure at each step of the thermo output."""
    return [row["Press"] for row in succeed(folder, script).thermo()]


def test_shake_with_respa_has_the_pressure_of_averaged_forces(tmp_path):
    """The remedy of the refusal: constraint forces belong to the averaged forces, as without time stepping."""
    (tmp_path / "water.mol").write_text(WATER_MOLECULE)
    split = "pair_style hybrid/overlay tumble tumble rotate octahedral correction yes\n"
    split += f"pair_coeff * * tumble 1 {TWOHOP} O H\npair_coeff * * tumble 2 {TWOHOP} O H\n"
    dynamics = "velocity all create 300 4711 loop geom\nfix n all nve\nfix s all shake 1e-10 100 0 b 1 a 1\n"
    dynamics += "thermo_style custom step press\nthermo_modify format float %20.15g\nthermo 1\n"
    respa = "timestep 0.0002\nrun_style respa 2 2 hybrid 1 2\nrun 4\n"
    found = pressures(tmp_path, MOLECULES + split + dynamics + respa)[1:]
    averaged = MOLECULES + model(TWOHOP, "rotate octahedral") + dynamics + "timestep 0.0001\nrun 8\n"
    assert_close(found, pressures(tmp_path, averaged)[2::2], 2e-3)


PAIRS = "pair_style lj/cut 5.0\npair_coeff * * 0.003 2.0\nvelocity all create 300 4711 loop geom\n"
CONSTRAINTS = {
    "shake": "fix n all nve\nfix s all shake 1e-12 100 0 b 1 a 1\n",
    "rattle": "fix n all nve\nfix s all rattle 1e-12 100 0 b 1 a 1\n",
    "rigid": "fix s all rigid molecule\n",
    "rigid/small": "fix s all rigid/small molecule\n",
    "poems": "fix s all poems molecule\n",
}


@pytest.mark.parametrize("name", CONSTRAINTS)
def test_shake_is_the_only_constraint_right_with_respa(tmp_path, name):
    """The same with LAMMPS' own pair styles: so respa is a remedy for shake alone."""
    (tmp_path / "water.mol").write_text(WATER_MOLECULE)
    start = MOLECULES + PAIRS + CONSTRAINTS[name] + "thermo_style custom step pe pxx pyy pzz pxy pxz pyz\n"
    respa = "timestep 0.001\nrun_style respa 2 2 pair 1\nrun 10\n"
    verlet, split = finals(tmp_path, start + "timestep 0.0005\nrun 20\n", start + respa)
    split.step *= 2
    if name == "shake":
        assert_same(split, verlet, 1e-6)
    else:
        with pytest.raises(AssertionError):
            assert_same(split, verlet, 1e-4)
