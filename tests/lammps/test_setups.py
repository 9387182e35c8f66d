"""Common setups of LAMMPS: atom styles, barostats, neighbor settings, per-atom energies."""

import hashlib

import pytest
from boxes import REPORT, model, toy, triclinic, water
from lmp import TOYS, WATER_F64, assert_close, dump, succeed


def evaluate(folder, script, ranks=1):
    """Thermo row and forces of a single point."""
    row = succeed(folder, script + REPORT, ranks).thermo()[0]
    frame = dump(folder / "forces.dump")[0]
    return row, frame["fx"] + frame["fy"] + frame["fz"]


@pytest.mark.parametrize("style", ["charge", "full"])
def test_atom_styles(tmp_path, style):
    pair = toy(keywords="rotate random")
    row, forces = evaluate(tmp_path, triclinic() + pair, 2)
    other, other_forces = evaluate(tmp_path, triclinic(style) + "special_bonds lj/coul 1 1 1\n" + pair, 2)
    assert (other, other_forces) == (row, forces)


def test_energies_of_the_atoms_sum_up(tmp_path):
    script = triclinic() + toy(keywords="rotate octahedral")
    script += "compute e all pe/atom\ncompute sum all reduce sum c_e\n"
    script += REPORT.replace("step pe", "step pe c_sum")
    row = succeed(tmp_path, script, 2).thermo()[0]
    assert_close([row["c_sum"]], [row["PotEng"]], 1e-13)


NPT = """
velocity all create 300 12 mom yes rot yes
timestep 0.0002
fix 1 all npt temp 300 300 0.1 {barostat}
thermo_style custom step etotal econserve vol xy
thermo_modify format float %20.15g
thermo 10
run 60
"""


@pytest.mark.parametrize("barostat", ["iso 50000 50000 0.1", "tri 50000 50000 0.1"])
def test_a_barostat_conserves_its_quantity(tmp_path, barostat):
    start = water(tmp_path, 2) + "change_box all triclinic\n" + model(WATER_F64) + "minimize 0 0.1 40 80\n"
    rows = [row for row in succeed(tmp_path, start + NPT.format(barostat=barostat), 2).thermo() if "Volume" in row]
    volumes = [row["Volume"] for row in rows]
    assert abs(volumes[-1] / volumes[0] - 1) > 1e-4
    assert ("tri" in barostat) == (abs(rows[-1]["Xy"]) > 1e-6)
    conserved = [row["Econserve"] for row in rows]
    swing = max(row["TotEng"] for row in rows) - min(row["TotEng"] for row in rows)
    ratio = (max(conserved) - min(conserved)) / swing
    assert ratio < 0.1, ratio


def test_the_skin_does_not_matter(tmp_path):
    results = []
    for settings in ("neighbor 0.3 bin\nneigh_modify every 1 delay 0 check yes", "neighbor 2.0 bin"):
        script = water(tmp_path, 2) + settings + "\n" + model(WATER_F64) + "velocity all create 900 3\nfix 1 all nve\n"
        script += "timestep 0.0005\nthermo_style custom step etotal\nthermo_modify format float %20.15g\nrun 60\n"
        results.append([row["TotEng"] for row in succeed(tmp_path, script, 2).thermo()])
    assert_close(results[0], results[1], 1e-11)


def test_threads_and_memory_do_not_matter(tmp_path):
    start = triclinic() + "replicate 2 2 1\n"
    row, forces = evaluate(tmp_path, start + toy(keywords="rotate icosahedral"))
    # With 1 MB the box is evaluated block by block.
    for keywords in ("threads 2", "memory 1"):
        other, other_forces = evaluate(tmp_path, start + toy(keywords=f"rotate icosahedral {keywords}"))
        assert_close([other["PotEng"]], [row["PotEng"]], 1e-13)
        assert_close(other_forces, forces, 1e-12)


def test_direct_forces_on_one_and_two_ranks(tmp_path):
    found = []
    for ranks in (1, 2):
        script = triclinic() + toy("direct-padded-f64", "forces direct rotate octahedral") + REPORT
        succeed(tmp_path, script, ranks)
        found.append(dump(tmp_path / "forces.dump")[0]["fx"])
    assert_close(found[1], found[0], 1e-12)


def test_the_log_names_the_model_by_its_hash(tmp_path):
    result = succeed(tmp_path, triclinic() + toy(keywords="rotate octahedral inversion yes") + "run 0\n", 2)
    digest = hashlib.sha256((TOYS / "twohop-padded-f64.onnx").read_bytes()).hexdigest()
    assert result.output.count(f"sha256 {digest}, cutoff 3.5 A, 2 hop(s)") == 1
    assert "rotate octahedral+inversion: 48 evaluation(s) a step" in result.output


def test_a_scatter_is_run_with_one_thread_and_the_log_says_so(tmp_path):
    result = succeed(tmp_path, triclinic() + toy("scatter", "threads 2") + "run 0\n")
    assert "ScatterND" in result.output
