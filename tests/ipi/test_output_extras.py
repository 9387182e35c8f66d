"""Outputs of a model in i-PI's extras, under their names and in atomic units."""

import json
import subprocess

import numpy as np
from simulation import BOHR_PER_ANGSTROM, ENVIRONMENT, TOYS, TUMBLE, Simulation, assert_close, ffsocket, unique, water

TOY = TOYS / "dipole-padded-f64.onnx"
EXTRAS = "".join(
    f"<trajectory filename='{name}' stride='1' extra_type='{name}'> extras </trajectory>"
    for name in ("dipole", "polarizability", "charges", "dipole_spread")
)


def numbers(folder, name):
    """The numbers of each step in a file of extras, flat."""
    text = next(folder.glob(f"out.{name}_0")).read_text()
    rows = [line for line in text.splitlines() if "#" not in line]
    steps = text.count("#EXTRAS")
    return np.array(" ".join(rows).split(), float).reshape(steps, -1)


def test_extras_are_those_of_eval(tmp_path):
    address = unique()
    simulation = Simulation(tmp_path, water(1, 12.0), ffsocket(address), outputs=EXTRAS)
    simulation.run([TOY, "--unix", address, "--rotate", "octahedral"])
    frames = []
    for positions in simulation.positions() / BOHR_PER_ANGSTROM:
        rows = [f"{s} {x:.17g} {y:.17g} {z:.17g}" for s, (x, y, z) in zip(simulation.symbols, positions, strict=True)]
        frames += [f"{len(rows)}", 'Lattice="12 0 0 0 12 0 0 0 12" pbc="T T T"', *rows]
    (tmp_path / "frames.xyz").write_text("\n".join(frames) + "\n")
    command = [TUMBLE, "eval", TOY, tmp_path / "frames.xyz", "--json", "--rotate", "octahedral"]
    done = subprocess.run(command, env=ENVIRONMENT, check=True, capture_output=True, text=True)
    expected = [json.loads(line)["outputs"] for line in done.stdout.splitlines()]
    factors = {"dipole": BOHR_PER_ANGSTROM, "polarizability": BOHR_PER_ANGSTROM**3, "charges": 1.0}
    for name, factor in factors.items():
        values = np.array([np.ravel(one[name]["value"]) for one in expected])
        assert_close(numbers(tmp_path, name), factor * values, 1e-6)
    spreads = np.array([one["dipole"]["spread"] for one in expected])
    assert_close(numbers(tmp_path, "dipole_spread"), BOHR_PER_ANGSTROM * spreads, 1e-5)
