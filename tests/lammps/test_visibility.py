"""Commands that hide atoms or pairs from the pair style: refused by their names, or without effect."""

import pytest
from boxes import REPORT, toy, triclinic
from lmp import assert_close, run, succeed
from states import MOVE, assert_same, finals, moving

GROUP = "group few id 1:8\natom_modify first few\n"
MOLECULES = "special_bonds lj/coul 1 1 1\nset type 1 mol 1\nset type 2 mol 2\n"


def refused(folder, script, ranks=1):
    """The output of a run that must fail by itself."""
    result = run(folder, script, ranks, timeout=60)
    assert result.code != 0, result.output
    return result.output


@pytest.mark.parametrize("ranks", [1, 2])
@pytest.mark.parametrize(
    "commands, sentence",
    [
        ("neigh_modify exclude type 1 1\n", "remove neigh_modify exclude type,"),
        ("group a type 1\nneigh_modify exclude group a a\n", "remove neigh_modify exclude group,"),
        (GROUP + "neigh_modify include few\n", "lists only group few: remove neigh_modify include"),
        (
            GROUP + "comm_modify group few\n",
            "restricts them to group few: write comm_modify group all",
        ),
        ("neigh_modify once yes\n", "keeps the first neighbor list for the whole run"),
        ("neighbor 1.0 multi\ncomm_modify mode multi\n", "write comm_modify mode single"),
    ],
)
def test_commands_that_hide_neighbors_are_refused_by_name(tmp_path, commands, sentence, ranks):
    for late in ("run 0\n", "run 1\nreset_timestep 0\n"):
        assert refused(tmp_path, moving(toy()) + commands + late, ranks).count(sentence) == 1


@pytest.mark.parametrize(
    "commands, sentence",
    [
        ("neigh_modify exclude type 1 1\n", "remove neigh_modify exclude type,"),
        (GROUP.splitlines()[0] + "\nneigh_modify exclude group few few\n", "remove neigh_modify exclude group,"),
        ("neigh_modify once yes\n", "write neigh_modify once no"),
        ("comm_modify cutoff 1.0\n", "comm_modify cutoff was set to 1 since LAMMPS was set up, but the model sees 4.5"),
        (toy(), "pair_style or pair_coeff was repeated since LAMMPS was set up: remove pre no"),
        ("pair_style tumble rotate octahedral\n", "pair_style or pair_coeff was repeated since LAMMPS was set up"),
        (toy().splitlines()[1] + "\n", "pair_style or pair_coeff was repeated since LAMMPS was set up"),
    ],
)
def test_changes_after_the_setup_are_refused_too(tmp_path, commands, sentence):
    assert refused(tmp_path, moving(toy()) + f"run 1\n{commands}run 1 pre no\n").count(sentence) == 1
    allowed = commands.startswith(("comm_modify", "pair_style tumble \n", "pair_coeff"))
    if allowed:
        succeed(tmp_path, moving(toy()) + f"run 1\n{commands}run 1\n")


@pytest.mark.parametrize("kind", ["intra", "inter"])
def test_excluded_molecules(tmp_path, kind):
    commands = f"neigh_modify exclude molecule/{kind} all\n"
    script = triclinic("full") + MOLECULES + toy() + MOVE + commands + "run 0\n"
    assert refused(tmp_path, script).count(f"remove neigh_modify exclude molecule/{kind},") == 1


@pytest.mark.parametrize("ranks", [1, 2])
def test_the_remedies_are_right(tmp_path, ranks):
    commands = ["", "comm_modify group few\ncomm_modify group all\n"]
    commands += [
        "neigh_modify once yes\nneigh_modify once no\n",
        "neigh_modify exclude type 1 1\nneigh_modify exclude none\n",
    ]
    scripts = [moving(toy()) + GROUP + command + "run 5\n" for command in commands]
    plain, *others = finals(tmp_path, *scripts, ranks=ranks)
    for other in others:
        assert_same(other, plain, 1e-12)


@pytest.mark.parametrize("ranks", [1, 2])
def test_commands_that_hide_nothing_are_accepted(tmp_path, ranks):
    commands = ["", GROUP, "comm_modify cutoff 0.5\n", "comm_modify vel yes\n", "neigh_modify page 4000 one 400\n"]
    commands += ["neigh_modify every 1 delay 0 check no binsize 2.0\n", "pair_modify neigh/trim no\n"]
    commands += ["atom_modify sort 1 1.0\n"]
    scripts = [moving(toy()) + command + "run 5\n" for command in commands]
    scripts.append(moving(toy(), "package omp 2 neigh yes\nsuffix omp") + "run 5\n")
    plain, *others = finals(tmp_path, *scripts, ranks=ranks)
    for other in others:
        assert_same(other, plain, 1e-10)


def test_too_many_neighbors_are_told_by_lammps(tmp_path):
    script = moving(toy()) + "neigh_modify page 100 one 10\nrun 0\n"
    assert "Neighbor list overflow, boost neigh_modify one" in refused(tmp_path, script)


def test_a_list_of_molecules_only(tmp_path):
    """pair_style hybrid/molecular gives a style the pairs in molecules, or those between them."""
    pair = "pair_style hybrid/molecular tumble tumble\n"
    pair += "".join(f"pair_coeff * * tumble {k} {toy().split()[5]} O H\n" for k in (1, 2))
    script = triclinic("full") + MOLECULES + pair + REPORT
    assert "hybrid/molecular is not compatible with manybody potentials" in refused(tmp_path, script)


BONDED = """
units metal
atom_style {style}
newton on
{molecule}
region b block 0 8 0 8 0 8
create_box 2 b bond/types 1 extra/bond/per/atom 2 extra/special/per/atom 4
create_atoms 1 single 1 1 1
create_atoms 2 single 2 1 1
create_atoms 2 single 4 4 4
mass 1 15.999
mass 2 1.008
bond_style zero
bond_coeff *
neighbor 1.0 bin
special_bonds {special}
"""
BOND = "create_bonds single/bond 1 1 2\n"


def bonded(special="lj/coul 0 0 0", style="full", molecule=""):
    """Three atoms that may be bonded, with a model that sees one hop."""
    return BONDED.format(style=style, special=special, molecule=molecule) + toy("harmonic-list-f64")


def energy(folder, script, ranks=1):
    """Of the last step."""
    script += "thermo_style custom step pe\nthermo_modify format float %20.15g\nrun 0\n"
    return succeed(folder, script, ranks).thermo()[-1]["PotEng"]


@pytest.mark.parametrize("ranks", [1, 2])
def test_bonded_pairs_that_would_be_hidden(tmp_path, ranks):
    sentence = "special_bonds hides 1-2 neighbors of atom 1: write special_bonds lj/coul 1 1 1"
    assert refused(tmp_path, bonded() + BOND + "run 0\n", ranks).count(sentence) == 1
    right = energy(tmp_path, bonded("lj/coul 1 1 1") + BOND, ranks)
    # LAMMPS keeps pairs in its list where one factor is not zero, and tumble takes no notice of the factor.
    for special in ("lj/coul 1 0 0", "lj 0 0 0 coul 0.5 0.5 0.5"):
        assert_close([energy(tmp_path, bonded(special) + BOND, ranks)], [right], 1e-13)


@pytest.mark.parametrize("ranks", [1, 2])
def test_atom_styles_without_bonds_hide_nothing(tmp_path, ranks):
    """Atom styles with bonds, but no bonds: LAMMPS' default of special_bonds does no harm."""
    right = energy(tmp_path, bonded("lj/coul 1 1 1"), ranks)
    assert_close([energy(tmp_path, bonded(), ranks)], [right], 1e-13)
    assert_close(
        [energy(tmp_path, bonded() + BOND + "delete_bonds all bond 1 remove special\n", ranks)], [right], 1e-13
    )


def test_a_bond_that_comes_during_a_run(tmp_path):
    script = bonded() + "fix 1 all nve\nfix 2 all bond/create 2 1 2 1.5 1\nthermo 1\nrun 10\n"
    output = refused(tmp_path, script)
    assert output.count("special_bonds hides 1-2 neighbors of atom") == 1
    succeed(tmp_path, script.replace("lj/coul 0 0 0", "lj/coul 1 1 1"))


MOLECULE = """water

2 atoms
1 bonds

Coords

1 0 0 0
2 1 0 0

Types

1 1
2 2

Bonds

1 1 1 2

Special Bond Counts

1 1 0 0
2 1 0 0

Special Bonds

1 2
2 1
"""


def test_bonds_of_a_template(tmp_path):
    (tmp_path / "oh.mol").write_text(MOLECULE)
    molecule = "molecule oh oh.mol\natom_style template oh"
    script = bonded(molecule=molecule).replace("atom_style full\n", "").replace(" extra/bond/per/atom 2", "")
    alone = script.replace(" extra/special/per/atom 4", "")
    succeed(tmp_path, alone + "run 0\n")
    placed = alone.replace("bond_style", "create_atoms 0 single 6 6 6 mol oh 5\nbond_style")
    assert refused(tmp_path, placed + "run 0\n").count("special_bonds hides 1-2 neighbors of atom") == 1
