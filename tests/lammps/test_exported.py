"""PETs of metatrain and an Orb in LAMMPS, compared with their own packages, on one rank and on several."""

import json

import numpy as np
import pytest
from boxes import REPORT, model, toy, triclinic
from lmp import ROOT, TOYS, assert_close, dump, run, succeed

BAR = 1.602176634e6  # of 1 eV/Å³
VIRIAL = {"Pxx": (0, 0), "Pyy": (1, 1), "Pzz": (2, 2), "Pxy": (0, 1), "Pxz": (0, 2), "Pyz": (1, 2)}
RECORDS = [
    r for name in ("exported", "exported-orb") for r in json.loads((ROOT / f"tests/data/{name}.json").read_text())
]
PERIODIC = [r for r in RECORDS if r["cell"] and r["model"].endswith("-f64") and len(r["numbers"]) > 100]


def box(record):
    """A cubic box with the atoms of a record, O first."""
    lines = ["units metal", "atom_style atomic", "atom_modify map array", "newton on"]
    lines += [f"region b block 0 {record['cell'][0][0]!r} 0 {record['cell'][1][1]!r} 0 {record['cell'][2][2]!r}"]
    lines += ["create_box 2 b", "mass * 1.0", "neighbor 1.0 bin"]
    for number, position in zip(record["numbers"], record["positions"]):
        lines += [f"create_atoms {1 if number == 8 else 2} single {' '.join(map(repr, position))}"]
    return "\n".join(lines) + "\n"


@pytest.mark.parametrize("ranks", [1, 4])
@pytest.mark.parametrize("record", PERIODIC, ids=[record["model"] for record in PERIODIC])
def test_exported_model_gives_the_numbers_of_the_checkpoint(tmp_path, record, ranks):
    script = box(record) + model(TOYS / f"{record['model']}.onnx") + REPORT
    row, frame = succeed(tmp_path, script, ranks).thermo()[0], dump(tmp_path / "forces.dump")[0]
    assert_close([row["PotEng"]], [record["energy"]], 1e-10)
    found = np.array([frame["fx"], frame["fy"], frame["fz"]]).T
    assert_close(found.ravel(), np.ravel(record["forces"]), 1e-8)
    volume = np.linalg.det(record["cell"])
    expected = [record["virial"][i][j] / volume * BAR for i, j in VIRIAL.values()]
    assert_close([row[name] for name in VIRIAL], expected, 1e-7)


def test_a_global_energy_is_not_shared_among_ranks_without_exchange(tmp_path):
    result = run(tmp_path, triclinic() + toy("exported-orb-f64", "exchange no") + REPORT, 2)
    assert result.code != 0
    sentence = "is global, not a sum over atoms, and cannot be split over 2 ranks without exchange: run LAMMPS on one"
    assert f"{sentence} rank, or remove exchange no" in " ".join(result.output.split())
