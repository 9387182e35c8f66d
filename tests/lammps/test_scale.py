"""`scale` of the pair style, as fix adapt, fix adapt/fep and compute fep change it."""

import pytest
from boxes import toy
from lmp import assert_close, run, succeed
from states import finals, moving

PAIR = toy(keywords="rotate octahedral")
THERMO = "thermo_style custom step pe {}\nthermo_modify format float %20.15g\nthermo 1\n"
PRESSURES = ["Pxx", "Pyy", "Pzz", "Pxy", "Pxz", "Pyz"]


def rows(folder, script, ranks=1):
    """Of all thermo tables."""
    return succeed(folder, script, ranks).thermo()


def adapted(value, what="scale * *", style="adapt"):
    """A fix that sets the scale."""
    return f"variable k equal {value}\nfix k all {style} 1 pair tumble {what} v_k\n"


@pytest.mark.parametrize("ranks", [1, 2])
def test_compute_fep_is_a_difference_of_energies(tmp_path, ranks):
    """U(λ + d) − U(λ) of U(λ) = λ U, without and with fix adapt, and the trajectory does not notice."""
    fep = "variable d equal -0.1\ncompute F all fep 300 pair tumble scale * * v_d\n"
    for extra, scale in (("", 1.0), (adapted("0.5+0.1*step"), None)):
        table = rows(tmp_path, moving(PAIR) + extra + fep + THERMO.format("c_F[1] c_F[2]") + "run 3\n", ranks)
        plain = rows(tmp_path, moving(PAIR) + extra + THERMO.format("") + "run 3\n", ranks)
        assert [row["PotEng"] for row in table] == [row["PotEng"] for row in plain]
        for row in table:
            now = scale or 0.5 + 0.1 * row["Step"]
            assert_close([row["c_F[1]"]], [-0.1 * row["PotEng"] / now], 1e-12)


@pytest.mark.parametrize("style", ["adapt", "adapt/fep"])
def test_the_derivative_by_the_scale(tmp_path, style):
    """Energy, forces and pressures are linear in the scale: finite differences give those of scale 1."""
    still = "velocity all set 0 0 0\n"
    states = finals(
        tmp_path, *(moving(PAIR) + still + adapted(k, style=style) + "run 0\n" for k in (1.0, 0.75, 0.25, 0.0))
    )
    one, high, low, zero = states
    assert_close([2 * (high.energy - low.energy)], [one.energy], 1e-12)
    assert_close([2 * (a - b) for a, b in zip(high.forces, low.forces)], one.forces, 1e-10)
    assert_close([2 * (a - b) for a, b in zip(high.pressures, low.pressures)], one.pressures, 1e-10)
    assert zero.energy == 0.0 and not any(zero.forces)


def test_reset_and_multiplied_scales(tmp_path):
    """`reset yes` leaves the scale as it was, and `scale yes` multiplies by it."""
    first = moving(PAIR) + THERMO.format("") + "velocity all set 0 0 0\nfix h all setforce 0 0 0\nrun 0\n"
    reset = (
        first + "variable k equal 0.5\nfix k all adapt 1 pair tumble scale * * v_k reset yes\nrun 0\nunfix k\nrun 0\n"
    )
    one, half, again = [row["PotEng"] for row in rows(tmp_path, reset)]
    assert again == one and half == 0.5 * one


@pytest.mark.parametrize("ranks", [1, 2])
@pytest.mark.parametrize("what, others", [("scale 1 1", "1 2"), ("scale 1 2", "1 2"), ("scale 2 *2", "2 2")])
def test_a_scale_for_some_pairs_only(tmp_path, what, others, ranks):
    result = run(tmp_path, moving(PAIR) + adapted(0.5, what) + "run 0\n", ranks, timeout=60)
    assert result.code != 0
    assert result.output.count(f"for types {others}, and the model's energy is not a sum over pairs") == 1, (
        result.output
    )
    assert "write scale * * in fix adapt or compute fep" in result.output


def test_compute_fep_of_some_pairs_only(tmp_path):
    fep = (
        "variable d equal 0.1\ncompute F all fep 300 pair tumble scale 1 1 v_d\n" + THERMO.format("c_F[1]") + "run 0\n"
    )
    result = run(tmp_path, moving(PAIR) + fep, timeout=60)
    assert result.code != 0
    assert result.output.count("scale is 1.1 for types 1 1 but 1 for types 1 2") == 1, result.output


@pytest.mark.parametrize("name", ["cutoff", "lambda", "spread", "uncertainty"])
@pytest.mark.parametrize("command", ["compute F all fep 300", "fix F all adapt 1", "fix F all adapt/fep 1"])
def test_names_that_are_no_parameters(tmp_path, command, name):
    """A sentence of LAMMPS, and no crash."""
    script = moving(PAIR) + f"variable d equal 0.1\n{command} pair tumble {name} * * v_d\n"
    tail = THERMO.format("c_F[1]" if "fep 300" in command else "") + "run 0\n"
    result = run(tmp_path, script + tail, timeout=60)
    assert result.code > 0 and "not supported" in result.output, result.output


def test_scale_in_hybrid_styles(tmp_path):
    zbl = f"pair_style hybrid/overlay tumble zbl 1.0 1.5\npair_coeff * * tumble {toy().split()[5]} O H\n"
    zbl += "pair_coeff 1 1 zbl 8 8\npair_coeff 1 2 zbl 8 1\npair_coeff 2 2 zbl 1 1\n"
    tail = THERMO.format("c_t c_z") + "run 0\n"
    parts = "compute t all pair tumble\ncompute z all pair zbl\n"
    fep = "variable d equal -0.25\ncompute F all fep 300 pair tumble scale * * v_d\n"
    (whole,) = rows(tmp_path, moving(zbl) + parts + tail)
    (half,) = rows(tmp_path, moving(zbl) + parts + adapted(0.5) + fep + tail.replace("c_z", "c_z c_F[1]"))
    assert_close([half["c_t"], half["c_z"]], [0.5 * whole["c_t"], whole["c_z"]], 1e-13)
    assert_close([half["c_F[1]"]], [-0.25 * whole["c_t"]], 1e-12)
