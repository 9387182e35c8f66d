"""Errors of grids, and cells of ice: the numbers of the tables, and short runs of the inputs."""

import numpy as np
import pytest
from loading import MODEL, load, simulate

from analysis import programs, structures  # isort: skip
from analysis.grids import GRIDS  # isort: skip

convergence = load("errors", "convergence")
cells = load("ice", "cells")
GENICE = """#
#Command line: genice2 1h
3
%PBC
   O        2.50000        2.50000        2.50000
   H        3.25720        3.08630        2.50000
   H        1.74280        3.08630        2.50000

Vector1         6.00000        0.00000        0.00000
Vector2         0.00000        7.00000        0.00000
Vector3         0.00000        0.00000        8.00000
Offset          0.00000        0.00000        0.00000
"""


def test_a_row_of_the_table():
    reference = np.array([1.0, 2.0, 3.0, 4.0]), np.zeros((4, 2, 3)), 150
    bare = reference[0] + [4e-3, -4e-3, 4e-3, -4e-3], np.full((4, 2, 3), 5e-3), 1
    grid = reference[0] + [1e-3, -1e-3, 1e-3, -2e-3], np.full((4, 2, 3), -2e-3), 24
    row = convergence.row(grid, bare, reference)
    assert row["evaluations"] == 24
    assert row["mean"] == pytest.approx(1.25) and row["median"] == pytest.approx(1.0)
    assert row["error"] == pytest.approx(0.5 / 2)
    assert row["gain"] == pytest.approx(4 / np.std([1, -1, 1, -2]))
    assert row["force"] == pytest.approx(2.0)
    assert convergence.row(bare, bare, reference)["gain"] == pytest.approx(1)
    assert convergence.row(reference, bare, reference)["gain"] is None


def test_frames_are_thinned_evenly():
    assert convergence.thin(list(range(9)), 3) == [0, 4, 8]
    assert convergence.thin([1, 2], 5) == [1, 2] and convergence.thin([1, 2], None) == [1, 2]


def test_the_table_agrees_with_the_paper():
    grids = {short: {"evaluations": 1, "mean": 5.085, "error": 0.2, "gain": 2.1, "force": 2.04} for short, *_ in GRIDS}
    text = convergence.markdown({"test": {"frames": 190, "atoms": 192, "grids": grids}})
    assert "test, 190 frames of 192 atoms: meV a cell" in text
    assert "| i (`none`, inversion) | 1 | 5.08 ± 0.2 (2.1) | 2.04 |" in text
    assert "3i" not in text


def test_grids_have_the_evaluations_of_the_paper(tmp_path):
    """Also, averages over more rotations are closer to the finest, on a displaced H2O."""
    rng = np.random.default_rng(5)
    water = np.array([[0.0, 0, 0], [0.7572, 0.5863, 0], [-0.7572, 0.5863, 0]])
    frames = [structures.Frame(["O", "H", "H"], water + 0.03 * rng.standard_normal((3, 3))) for _ in range(6)]
    structures.write(tmp_path / "w.xyz", frames)
    found = convergence.table(MODEL, tmp_path / "w.xyz", tmp_path, "w")
    counts = {short: row["evaluations"] for short, row in found["grids"].items()}
    assert [counts[s] for s in ("none", "i", "2", "2i", "3", "3i", "T", "Oi", "I")] == [
        1,
        2,
        18,
        36,
        75,
        150,
        12,
        48,
        60,
    ]
    means = {short: row["mean"] for short, row in found["grids"].items()}
    assert means["none"] > means["T"] > means["O"] > means["I"] and means["3i"] == 0
    before = (tmp_path / "w-3i.npz").stat().st_mtime_ns
    assert convergence.table(MODEL, tmp_path / "w.xyz", tmp_path, "w") == found
    assert (tmp_path / "w-3i.npz").stat().st_mtime_ns == before


def test_output_of_genice_is_read():
    frame = cells.parse(GENICE)
    assert frame.symbols == ["O", "H", "H"]
    assert np.array_equal(np.diag(frame.cell), [6, 7, 8])
    assert frame.positions[1].tolist() == [3.2572, 3.0863, 2.5]


def test_an_error_common_to_all_cells_changes_no_order():
    exact = [0.0, 1.0, 3.0, 7.0]
    found = cells.compare(np.array(exact) + 12, exact, atoms=6)
    assert found["offset"] == pytest.approx(2) and found["error"] == pytest.approx(0, abs=1e-12)
    assert (found["swapped"], found["pairs"], found["tau"]) == (0, 6, pytest.approx(1))
    assert found["range"] == pytest.approx(np.std(exact, ddof=1) / 2)


def test_swapped_cells_are_counted():
    found = cells.compare([0.0, 3.5, 3.0, 7.0], [0.0, 1.0, 3.0, 7.0], atoms=3)
    assert (found["swapped"], found["pairs"]) == (1, 6)
    assert found["tau"] == pytest.approx(4 / 6)
    assert found["error"] == pytest.approx(np.std([0, 2.5, 0, 0], ddof=1))


def test_a_cell_is_relaxed_bare_and_averaged(tmp_path):
    structures.write_data(tmp_path / "cell.data", cells.parse(GENICE), "one H2O in a box")
    simulate("ice", "in.relax", tmp_path, start=tmp_path / "cell.data", iterations=5)
    frames = {state: structures.read(tmp_path / f"{state}.xyz")[0] for state in cells.STATES}
    structures.write(tmp_path / "all.xyz", frames.values())
    bare = [d["energy"] for d in programs.evaluate(MODEL, tmp_path / "all.xyz")]
    average = [d["energy"] for d in programs.evaluate(MODEL, tmp_path / "all.xyz", "legendre:2", True)]
    assert bare[1] < bare[0] and average[2] < average[1]
    assert np.array_equal(frames["averaged"].cell, frames["start"].cell)


@pytest.mark.parametrize(("script", "atoms", "steps"), [("in.bulk", 192, 8), ("in.molecule", 3, 40)])
def test_snapshots_of_the_dynamics(tmp_path, script, atoms, steps):
    simulate("errors", script, tmp_path, settle=4, steps=steps, every=4)
    frames = structures.read(tmp_path / "snapshots.xyz")
    assert len(frames) == steps // 4 + 1
    assert len(frames[0].symbols) == atoms and frames[0].symbols.count("O") == atoms // 3
