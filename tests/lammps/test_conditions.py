"""Charge, spin and field in LAMMPS: as numbers and as variables, on several ranks, in other units and axes."""

import numpy as np
import pytest
from boxes import REPORT, toy, triclinic
from lmp import assert_close, dump, run, succeed
from points import assert_same_points, points
from test_general_triclinic import TURN, read

TOY = "conditions-padded-f64"
GIVEN = "charge -1 spin 2 field 0.3 -0.2 0.5"


def energies(folder, *keywords, ranks=1, report="thermo_style custom step pe\nrun 0\n", before=""):
    """Energies of the skewed box with these keywords."""
    precise = "thermo_modify format float %20.15g\n"
    report = report.replace("run", precise + "run")
    scripts = [triclinic() + before + toy(TOY, given) + report for given in keywords]
    return [row["PotEng"] for row in succeed(folder, "clear\n".join(scripts), ranks).thermo()]


def test_energy_is_that_of_the_formula(tmp_path):
    reference = -8 * 432.0 - 14 * 13.6
    found = energies(tmp_path, *(f"charge {q} spin {s} field 0 0 0" for q, s in [(0, 1), (-2, 1), (1, 3)]))
    neutral, anion, triplet = (energy - reference for energy in found)
    assert_close([anion, triplet], [0.4 * neutral, 1.7 * neutral], 1e-11)


@pytest.mark.parametrize("ranks", [2, 3, 4])
def test_ranks(tmp_path, ranks):
    rotations = ["none", "random seed 3", "none exchange no"]
    scripts = [triclinic() + toy(TOY, f"rotate {rotate} {GIVEN}") for rotate in rotations]
    assert_same_points(points(tmp_path, scripts, ranks), points(tmp_path, scripts), rotations)
    # The toy is invariant: its spread over rotations is rounding.
    averages = [f"rotate {rotate} {GIVEN}" for rotate in ("octahedral every 4", "octahedral+random monitor 1")]
    assert_close(energies(tmp_path, *averages, ranks=ranks), energies(tmp_path, *averages), 1e-12)


@pytest.mark.parametrize("ranks", [2, 3])
def test_ranks_exchange_messages_of_a_charged_model(tmp_path, ranks):
    """A PET with charge and spin, in five stages: each rank knows those of the whole system."""
    name, keywords = "exported-charged-f64", ["charge 0 spin 1", "charge -2 spin 3", "charge 1 spin 2 memory 20"]
    keywords += ["rotate octahedral charge 1 spin 2", "charge 1 spin 2 exchange no"]
    scripts = [triclinic() + toy(name, given) for given in keywords]
    alone = points(tmp_path, scripts)
    assert_same_points(points(tmp_path, scripts, ranks), alone, keywords)
    energies = [point["energy"][0] for point in alone]
    assert len({round(energy, 6) for energy in energies[:3]}) == 3
    assert energies[2] == pytest.approx(energies[4], rel=1e-13)


def test_field_turns_with_every_rotation(tmp_path):
    found = energies(tmp_path, *(f"rotate {rotate} {GIVEN}" for rotate in ("none", "random", "octahedral", "degree:4")))
    assert_close(found, 4 * found[:1], 1e-12)


def test_forces_are_derivatives(tmp_path):
    script = triclinic() + toy(TOY, f"rotate octahedral {GIVEN}") + REPORT
    succeed(tmp_path, script)
    (frame,) = dump(tmp_path / "forces.dump")
    moved = []
    for shift in ("0.00001", "-0.00001"):
        step = f"group one id 3\ndisplace_atoms one move 0 {shift} 0 units box\n"
        moved.append(energies(tmp_path, GIVEN, before=step)[0])
    assert frame["fy"][2] == pytest.approx(-(moved[0] - moved[1]) / 2e-5, abs=2e-5)


def test_variables_change_with_the_step(tmp_path):
    before = "variable q equal -step\nvariable z equal 0.1*step\n"
    report = "fix 1 all move linear 0 0 0\nthermo 1\nthermo_style custom step pe\nrun 2\n"
    found = energies(tmp_path, "charge v_q spin 1 field 0 0 v_z", report=report, before=before)
    fixed = energies(tmp_path, *(f"charge {-n} spin 1 field 0 0 {0.1 * n}" for n in range(3)))
    assert_close(found, fixed, 1e-13)
    assert np.ptp(fixed) > 1.0


@pytest.mark.parametrize(
    "units, field, energy", [("real", 0.5, 23.060547830619), ("electron", 0.5e8, 1 / 27.211386245981)]
)
def test_units_of_the_field(tmp_path, units, field, energy):
    """A cluster in vacuum has the same energy with the field in V/Å or in LAMMPS' unit."""
    bohr = 0.529177210544 if units == "electron" else 1.0

    def script(units, length, field):
        places = [(5, 5, 5), (5.9, 5.1, 5), (4.6, 5.9, 5.1)]
        atoms = [
            f"create_atoms {1 + (k > 0)} single {x / length} {y / length} {z / length} units box"
            for k, (x, y, z) in enumerate(places)
        ]
        box = 10 / length
        return "\n".join(
            [
                f"units {units}",
                "atom_style atomic",
                "boundary f f f",
                f"region b block 0 {box} 0 {box} 0 {box} units box",
                "create_box 2 b",
                *atoms,
                "mass 1 15.999",
                "mass 2 1.008",
                f"neighbor {1 / length} bin",
                "comm_modify cutoff " + str(9 / length),
                toy(TOY, f"charge 0 spin 1 field 0 0 {field}"),
                "thermo_style custom step pe",
                "thermo_modify format float %20.15g norm no",
                "run 0",
                "",
            ]
        )

    metal = succeed(tmp_path, script("metal", 1.0, 0.5)).thermo()[0]["PotEng"]
    none = succeed(tmp_path, script("metal", 1.0, 0.0)).thermo()[0]["PotEng"]
    other = succeed(tmp_path, script(units, bohr, field)).thermo()[0]["PotEng"]
    assert other == pytest.approx(metal * energy, rel=1e-9)
    assert abs(metal - none) > 1e-2


def test_field_has_the_axes_of_the_user(tmp_path):
    """A general triclinic box, turned by LAMMPS, beside the same one in LAMMPS' axes and a field turned back."""
    turned = " ".join(f"{x:.15g}" for x in TURN @ [0.3, -0.2, 0.5])
    report = "thermo_style custom step pe\nthermo_modify format float %20.15g\nrun 0\n"
    fields = [(TURN, turned), (np.eye(3), "0.3 -0.2 0.5")]
    found = []
    for turn, field in fields:
        script = read(tmp_path, turn) + toy(TOY, f"charge 0 spin 1 field {field}") + report
        found.append(succeed(tmp_path, script).thermo()[0]["PotEng"])
    assert_close(found[:1], found[1:], 1e-11)


@pytest.mark.parametrize(
    "keywords, sentence",
    [
        ("", 'the model "conditions" needs the charge of the structure: give, for instance, charge 0'),
        ("charge 0 spin 1", 'the model "conditions" needs the field of the structure'),
        ("charge", "keyword charge has no value: give one after it"),
        ("field 0 0", "keyword field has too few values: give three after it"),
        ("charge much", 'charge is "much": give a number or v_name'),
        ("field 0 0 nan", 'field is "nan": give three values, each a number or v_name'),
        ("charge v_q", "there is no variable q: define it, as in variable q equal 1"),
        ("spin v_a", "variable a has no single value: define it as variable a equal ..."),
        ("charge 0 spin 0 field 0 0 0", "spin is 0, which makes no sense: give, for instance, spin 1"),
    ],
)
def test_mistakes_are_sentences(tmp_path, keywords, sentence):
    script = triclinic() + "variable a atom x\n" + toy(TOY, keywords) + "run 0\n"
    found = run(tmp_path, script, 2, timeout=60)
    assert found.code != 0 and sentence in found.output, found.output


@pytest.mark.parametrize("keywords, found", [("charge -1", "charge -1"), ("field 0 0 v_z", "field 0 0 v_z")])
def test_a_model_without_conditions(tmp_path, keywords, found):
    """A variable is refused whatever its first number."""
    script = triclinic() + "variable z equal step\n" + toy(keywords=keywords) + "run 0\n"
    result = run(tmp_path, script, timeout=60)
    assert result.code != 0
    assert f'the structure has {found}, but the model "twohop" knows no conditions: leave it out' in result.output
