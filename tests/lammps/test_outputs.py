"""Outputs of a model besides energy and forces: of the structure in `compute pair`, of the atoms in `fix pair`."""

import numpy as np
import pytest
from boxes import CORNER, model, triclinic
from lmp import TOYS, assert_close, dump, run, succeed
from test_reference import command_line, lammps

TOY = TOYS / "dipole-padded-f64.onnx"
NETWORK = TOYS / "exchange-charged-f64.onnx"
FIRST = 13  # number of the first output in the vector of compute pair
KEYWORDS = ["rotate none", "rotate octahedral", "rotate random:3 seed 4"]
OF_ATOMS = {TOY: "charges 1 dipoles 1", NETWORK: "charges 1"}
COLUMNS = {TOY: "f_a[*]", NETWORK: "f_a"}
POINT = """
compute s all pair tumble
fix a all pair 1 tumble {of_atoms}
thermo_style custom step {entries}
thermo_modify format float %20.15g
dump 1 all custom 1 out.dump id {columns}
dump_modify 1 sort id format float %20.15g
{tail}
"""


def point(folder, path, keywords, ranks=1, tail="run 0", start=None):
    """Rows of the structure's outputs: dipole [3] and polarizability [9]; and frames of the atoms' [N, n]."""
    entries = " ".join(f"c_s[{FIRST + k}]" for k in range(12))
    script = (start or triclinic()) + model(path, keywords)
    script += POINT.format(of_atoms=OF_ATOMS[path], columns=COLUMNS[path], entries=entries, tail=tail)
    result = succeed(folder, script, ranks)
    rows = [[row[f"c_s[{FIRST + k}]"] for k in range(12)] for row in result.thermo()]
    frames = [
        np.array([frame[name] for name in frame if name.startswith("f_a")]).T for frame in dump(folder / "out.dump")
    ]
    return np.array(rows), frames, result.output


def expected(folder, path, *options):
    """The same from `tumble eval`, for the triclinic box."""
    *structure, _, _, _ = lammps(folder, triclinic() + model(path))
    found = {k: np.array(v["value"]) for k, v in command_line(folder, path, *structure, *options)["outputs"].items()}
    row = np.concatenate([found["dipole"], found["polarizability"].ravel()])
    return row, np.column_stack([found[name] for name in ("charges", "dipoles") if name in found])


@pytest.mark.parametrize("path", OF_ATOMS, ids=["toy", "network"])
@pytest.mark.parametrize("keywords", KEYWORDS)
def test_outputs_are_those_of_the_command_line_on_any_ranks(tmp_path, path, keywords):
    _, rotate, *seed = keywords.split()
    options = ["--rotate", rotate, *(["--seed", seed[1]] if seed else [])]
    row, atoms = expected(tmp_path, path, *options)
    for ranks in (1, 2, 3, 4):
        for exchange in ("yes", "no") if path == NETWORK and ranks == 3 else ("yes",):
            (found,), (frame,), _ = point(tmp_path, path, f"{keywords} exchange {exchange}", ranks)
            assert_close(found, row, 1e-10)
            assert_close(frame.reshape(len(atoms), -1), atoms, 1e-10)


def test_the_log_says_where_outputs_are(tmp_path):
    _, _, output = point(tmp_path, TOY, "")
    assert "output dipole: entries 13 to 15 of compute pair, e*angstrom" in output
    assert "output polarizability: entries 16 to 24 of compute pair, angstrom^3" in output
    assert "output charges: fix pair, 1 column(s), e" in output
    assert "output dipoles: fix pair, 3 column(s), e*angstrom" in output


def test_between_averages_outputs_are_averaged_where_they_are_asked_for(tmp_path):
    """With `every`, thermo and fix pair see averages at inner steps too; so at step 1 as at step 0 of a new run."""
    tail = "fix n all nve\nthermo 1\ntimestep 1e-9\nrun 1"
    rows, frames, _ = point(tmp_path, TOY, "rotate octahedral every 2", tail=tail)
    assert_close(rows[1], rows[0], 1e-6)
    assert_close(frames[1], frames[0], 1e-6)
    bare, _, _ = point(tmp_path, TOY, "rotate none")
    assert np.abs(bare[0] - rows[0]).max() > 1e-3


def test_rank_without_atoms_has_outputs_too(tmp_path):
    corner, _, _ = point(tmp_path, TOY, "rotate octahedral", 4, start=CORNER)
    one, _, _ = point(tmp_path, TOY, "rotate octahedral", 1, start=CORNER)
    assert_close(corner, one, 1e-12)


def test_model_without_outputs_has_none(tmp_path):
    script = triclinic() + model(TOYS / "pair-list-f64.onnx") + "fix a all pair 1 tumble dipole 0\nrun 0\n"
    result = run(tmp_path, script)
    known = "spread, uncertainty (of an ensemble), force_deviation (of a committee)"
    sentence = f"fix pair asks for dipole, but the atoms have {known}: take one of these"
    assert result.code != 0 and sentence in result.output


def test_another_model_with_fewer_outputs_is_read_within_bounds(tmp_path):
    """`compute pair` keeps the length that it had: entries that there are no longer are zero."""
    tail = f"run 0\nunfix a\nundump 1\npair_coeff * * {TOYS / 'pair-list-f64.onnx'} O H\nrun 0"
    rows, _, _ = point(tmp_path, TOY, "", tail=tail)
    assert np.abs(rows[0]).min() > 0 and np.all(rows[1] == 0)


def test_fix_pair_has_to_be_defined_anew_if_its_columns_change(tmp_path):
    """It took its columns when it was defined; other ones would be read beyond their end."""
    script = triclinic() + model(TOY) + "fix a all pair 1 tumble charges 1 dipoles 1\nrun 0\n"
    result = run(tmp_path, script + f"pair_coeff * * {NETWORK} O H\nrun 0\n")
    sentence = "fix pair stores the output dipoles of the model before, which this model does not have with the same"
    assert result.code != 0 and sentence in result.output
    anew = f"unfix a\npair_coeff * * {NETWORK} O H\nfix a all pair 1 tumble charges 1\nrun 0\n"
    succeed(tmp_path, script + anew)


def test_word_of_a_further_model_is_no_element(tmp_path):
    result = run(tmp_path, triclinic() + f"pair_style tumble\npair_coeff * * {TOY} b.ONNX O H\n")
    sentence = "b.ONNX is no element: models come first, and the second and later ones end in .onnx"
    assert result.code != 0 and sentence in result.output
