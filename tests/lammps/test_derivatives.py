"""Forces and virial against LAMMPS' own finite differences."""

import pytest
from boxes import model, toy, triclinic, water
from lmp import WATER_F64, assert_close, dump, succeed

# fix numdiff/virial gives xx yy zz yz xz xy; pressures come as xx yy zz xy xz yz.
ORDER = [1, 2, 3, 6, 5, 4]
NUMDIFF = """
fix numeric all numdiff 1 {delta}
fix virial all numdiff/virial 1 {delta}
compute pressure all pressure NULL virial
thermo_style custom step pe c_pressure[1] c_pressure[2] c_pressure[3] c_pressure[4] c_pressure[5] c_pressure[6] &
    f_virial[1] f_virial[2] f_virial[3] f_virial[4] f_virial[5] f_virial[6]
thermo_modify format float %20.15g
dump 1 all custom 1 forces.dump id fx fy fz f_numeric[1] f_numeric[2] f_numeric[3]
dump_modify 1 sort id format float %20.15g
run 0
"""


def assert_derivatives(folder, script, ranks, delta, tolerance, components=3):
    """Analytic and numerical forces and pressures agree relative to the largest.

    Off the diagonal fix numdiff/virial strains xy but not yx. In a symmetry-broken model the two derivatives differ by
    the torque and the pressure is their mean, so only invariant models are compared in all six components.
    """
    row = succeed(folder, script + NUMDIFF.format(delta=delta), ranks).thermo()[0]
    frame = dump(folder / "forces.dump")[0]
    for axis, name in enumerate(("fx", "fy", "fz"), 1):
        assert_close(frame[name], frame[f"f_numeric[{axis}]"], tolerance)
    found = [row[f"c_pressure[{k}]"] for k in range(1, 1 + components)]
    assert_close(found, [row[f"f_virial[{k}]"] for k in ORDER[:components]], tolerance)


@pytest.mark.parametrize("ranks", [1, 2])
@pytest.mark.parametrize("rotate", ["none", "tetrahedral inversion yes", "random"])
def test_two_hop_toy(tmp_path, rotate, ranks):
    assert_derivatives(tmp_path, triclinic() + toy(keywords=f"rotate {rotate}"), ranks, 1e-5, 1e-6)


@pytest.mark.parametrize("ranks", [1, 2])
def test_virial_of_an_invariant_model_has_six_derivatives(tmp_path, ranks):
    assert_derivatives(tmp_path, triclinic() + toy("pair-list-f64", "rotate random"), ranks, 1e-5, 1e-6, 6)


def test_water_model(tmp_path):
    script = water(tmp_path, 2) + model(WATER_F64, "rotate tetrahedral inversion yes")
    assert_derivatives(tmp_path, script, 1, 1e-4, 1e-5)
