"""tumble together with other pair styles and with itself."""

import pytest
from boxes import REPORT, model, toy, triclinic, water
from lmp import TOYS, WATER_F64, assert_close, dump, run, succeed

TWOHOP, HARMONIC = TOYS / "twohop-padded-f64.onnx", TOYS / "harmonic-padded-f64.onnx"
CHARGES = "set type 1 charge -0.8\nset type 2 charge 0.457142857142857\n"


def evaluate(folder, script, ranks=1):
    """Energy, forces and pressures of a single point."""
    result = succeed(folder, script + REPORT, ranks)
    row, frame = result.thermo()[0], dump(folder / "forces.dump")[0]
    return [row["PotEng"]], frame["fx"] + frame["fy"] + frame["fz"], [row[f"P{k}"] for k in ("xx", "yy", "zz", "xy")]


def assert_sum(found, one, other, factors=(1.0, 1.0), tolerance=1e-10):
    """Energies, forces and pressures are the weighted sums."""
    for whole, a, b in zip(found, one, other, strict=True):
        assert_close(whole, [factors[0] * x + factors[1] * y for x, y in zip(a, b, strict=True)], tolerance)


def overlay(other, coefficients, keywords="rotate octahedral"):
    """tumble and another style."""
    script = f"pair_style hybrid/overlay tumble {keywords} {other}\npair_coeff * * tumble {TWOHOP} O H\n"
    return script + "".join(f"pair_coeff {c}\n" for c in coefficients)


def alone(other, coefficients):
    """The other style alone."""
    plain = [c.replace(other.split()[0] + " ", "") for c in coefficients]
    return f"pair_style {other}\n" + "".join(f"pair_coeff {c}\n" for c in plain)


@pytest.mark.parametrize("ranks", [1, 2])
@pytest.mark.parametrize(
    "other, coefficients",
    [
        ("zbl 1.5 2.5", ["1 1 zbl 8 8", "1 2 zbl 8 1", "2 2 zbl 1 1"]),
        ("lj/cut 9.0", ["* * lj/cut 0.01 1.2"]),
        ("momb 9.0 0.75 20.0", ["* * momb 0.0 1.0 1.0 10.0 3.0"]),
    ],
)
def test_repulsion_and_dispersion(tmp_path, other, coefficients, ranks):
    tumble = evaluate(tmp_path, triclinic() + toy(keywords="rotate octahedral"), ranks)
    beside = evaluate(tmp_path, triclinic() + alone(other, coefficients), ranks)
    assert_sum(evaluate(tmp_path, triclinic() + overlay(other, coefficients), ranks), tumble, beside)


@pytest.mark.parametrize("ranks", [1, 2])
def test_long_range_charges(tmp_path, ranks):
    box = triclinic("charge") + CHARGES
    kspace, other = "kspace_style ewald 1e-8\n", ("coul/long 4.0", ["* * coul/long"])
    tumble = evaluate(tmp_path, box + toy(keywords="rotate octahedral"), ranks)
    beside = evaluate(tmp_path, box + alone("coul/long 4.0", ["* *"]) + kspace, ranks)
    assert_sum(evaluate(tmp_path, box + overlay(*other) + kspace, ranks), tumble, beside, tolerance=1e-9)


def test_hybrid_scaled(tmp_path):
    script = (
        f"pair_style hybrid/scaled 0.3 tumble rotate octahedral 0.7 lj/cut 4.0\npair_coeff * * tumble {TWOHOP} O H\n"
    )
    script += "pair_coeff * * lj/cut 0.01 1.2\n"
    tumble = evaluate(tmp_path, triclinic() + toy(keywords="rotate octahedral"))
    beside = evaluate(tmp_path, triclinic() + alone("lj/cut 4.0", ["* * lj/cut 0.01 1.2"]))
    assert_sum(evaluate(tmp_path, triclinic() + script), tumble, beside, (0.3, 0.7))


@pytest.mark.parametrize("ranks", [1, 2])
def test_two_models_at_once(tmp_path, ranks):
    script = "pair_style hybrid/overlay tumble rotate random seed 3 tumble rotate tetrahedral\n"
    script += f"pair_coeff * * tumble 1 {TWOHOP} O H\npair_coeff * * tumble 2 {HARMONIC} O H\n"
    one = evaluate(tmp_path, triclinic() + toy(keywords="rotate random seed 3"), ranks)
    other = evaluate(tmp_path, triclinic() + model(HARMONIC, "rotate tetrahedral"), ranks)
    assert_sum(evaluate(tmp_path, triclinic() + script, ranks), one, other)


def test_the_bare_model_and_its_correction_sum_to_the_average(tmp_path):
    script = "pair_style hybrid/overlay tumble tumble rotate octahedral correction yes\n"
    script += f"pair_coeff * * tumble 1 {WATER_F64} O H\npair_coeff * * tumble 2 {WATER_F64} O H\n"
    box = water(tmp_path, 2)
    averaged = evaluate(tmp_path, box + model(WATER_F64, "rotate octahedral"))
    for one, other in zip(evaluate(tmp_path, box + script), averaged):
        assert_close(one, other, 1e-10)


PER_ATOM = """
compute a all pair tumble 1
compute b all pair tumble 2
compute e all pe/atom
compute sum all reduce sum c_e
compute s all stress/atom NULL pair
compute w all reduce sum c_s[1]
variable w equal -c_w/vol
thermo_style custom step pe c_a c_b c_sum pxx v_w c_a[1] c_b[1]
thermo_modify format float %20.15g
run 0
"""


def test_diagnostics_and_values_per_atom_of_one_of_two_styles(tmp_path):
    script = "pair_style hybrid/overlay tumble rotate octahedral tumble rotate tetrahedral\n"
    script += f"pair_coeff * * tumble 1 {TWOHOP} O H\npair_coeff * * tumble 2 {HARMONIC} O H\n"
    row = succeed(tmp_path, triclinic() + script + PER_ATOM, 2).thermo()[0]
    assert_close([row["c_a"] + row["c_b"], row["c_sum"]], [row["PotEng"]] * 2, 1e-12)
    assert_close([row["v_w"]], [row["Pxx"]], 1e-10)
    assert 0 < row["c_a[1]"] != row["c_b[1]"] > 0


def test_scale_of_fix_adapt_is_a_coupling_constant(tmp_path):
    tail = "variable k equal 0.25+0.25*step\nfix 1 all adapt 1 pair tumble scale * * v_k\nfix 2 all setforce 0 0 0\n"
    tail += (
        "fix 3 all nve\nvelocity all set 0 0 0\nthermo_style custom step pe pxx\nthermo_modify format float %20.15g\n"
    )
    rows = succeed(tmp_path, triclinic() + toy(keywords="rotate octahedral") + tail + "thermo 1\nrun 3\n").thermo()
    whole = rows[3]
    for row in rows:
        factor = 0.25 + 0.25 * row["Step"]
        assert_close([row["PotEng"], row["Pxx"]], [factor * whole["PotEng"], factor * whole["Pxx"]], 1e-12)


@pytest.mark.parametrize(
    "style, coefficients",
    [
        ("hybrid", ["1 1 lj/cut 0.01 1.2"]),
        ("hybrid", ["1 2 lj/cut 0.01 1.2"]),
    ],
)
def test_partial_lists_are_refused(tmp_path, style, coefficients):
    script = f"pair_style {style} tumble lj/cut 4.0\npair_coeff * * tumble {TWOHOP} O H\n"
    script += "".join(f"pair_coeff {c}\n" for c in coefficients)
    for ranks in (1, 2):
        refused = run(tmp_path, triclinic() + script + "run 0\n", ranks)
        assert refused.code != 0
        assert refused.output.count("must see every pair of atoms, but pair_style hybrid gives some pairs") == 1
