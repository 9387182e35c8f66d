"""Files of frames and thermo output are read back unchanged."""

import numpy as np
import pytest
from loading import load  # noqa: F401 (finds the package `analysis`)

from analysis import programs, structures  # isort: skip

WATER = np.array([[0.0, 0, 0], [0.7572, 0.5863, 0], [-0.7572, 0.5863, 0.25]])


def frame(cell=None):
    return structures.Frame(["O", "H", "H"], WATER, cell)


def test_extended_xyz_comes_back(tmp_path):
    cell = np.array([[5.0, 0, 0], [0.5, 6, 0], [0, 0.25, 7]])
    structures.write(tmp_path / "f.xyz", [frame(), frame(cell)])
    free, periodic = structures.read(tmp_path / "f.xyz")
    assert free.cell is None and free.symbols == ["O", "H", "H"]
    assert np.array_equal(free.positions, WATER)
    assert np.array_equal(periodic.cell, cell) and np.array_equal(periodic.positions, WATER)


def test_data_file_comes_back_and_must_be_orthogonal(tmp_path):
    structures.write_data(tmp_path / "w.data", frame(np.diag([5.0, 6, 7])), "water")
    found = structures.read_data(tmp_path / "w.data", ["O", "H"])
    assert found.symbols == ["O", "H", "H"] and np.array_equal(found.positions, WATER)
    assert "0 6 ylo yhi\n" in (tmp_path / "w.data").read_text()
    with pytest.raises(ValueError, match="the box of skew is not orthogonal"):
        structures.write_data(tmp_path / "s.data", frame(np.array([[5.0, 0, 0], [1, 6, 0], [0, 0, 7]])), "skew")


def test_dump_is_read_at_every_second_frame(tmp_path):
    bounds = "ITEM: BOX BOUNDS ff ff ff\n0 1\n0 1\n0 1\n"
    head = "ITEM: TIMESTEP\n{}\nITEM: NUMBER OF ATOMS\n2\n" + bounds + "ITEM: ATOMS id type x y z\n"
    text = "".join(head.format(t) + f"1 1 {t} 0 0\n2 2 0 {t} 0.5\n" for t in range(5))
    (tmp_path / "a.dump").write_text(text)
    frames = structures.read_dump(tmp_path / "a.dump", ["O", "H"], every=2)
    assert [f.positions[0, 0] for f in frames] == [0, 2, 4]
    assert frames[1].symbols == ["O", "H"] and list(frames[1].positions[1]) == [0, 2, 0.5]


def test_thermo_output_of_the_last_run(tmp_path):
    log = tmp_path / "log"
    log.write_text(
        "Step Temp\n0 1\nLoop time of 1\n   Step    Temp\n 0  300\nWARNING: x\n 10 301.5\nLoop time of 2\n 3 4\n"
    )
    columns = programs.thermo(log)
    assert columns["Step"].tolist() == [0, 10] and columns["Temp"].tolist() == [300, 301.5]
    log.write_text("ERROR: no such file\n")
    with pytest.raises(ValueError, match="has no thermo output"):
        programs.thermo(log)
