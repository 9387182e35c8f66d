"""Liquid water with forces from another host: TUMBLE_TOKEN=... python simulate.py tcp:HOST:PORT [--steps 200]

Needs ASE and `tumble.ase` (`pip install './python/tumble-md[ase]'`), but neither the model nor ONNX Runtime.
"""

import argparse
import os
from pathlib import Path

import numpy as np
from ase import Atoms, units
from ase.io import read
from ase.md.langevin import Langevin
from tumble.ase import TumbleClient

START = Path(__file__).resolve().parents[1] / "liquid" / "water-64.data"


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="Liquid water with forces from another host.")
    parser.add_argument("address", help="of the server: tcp:HOST:PORT or unix:PATH")
    parser.add_argument("--steps", type=int, default=200, help="of 0.5 fs")
    parser.add_argument("--every", type=int, default=20, help="steps between two lines")
    parser.add_argument("--rotate", default="random", help="as everywhere in tumble")
    parser.add_argument("--seed", type=int, default=1, help="of rotations, velocities and thermostat")
    return parser.parse_args()


def show(atoms: Atoms, step: int) -> None:
    """One line: step, potential energy (eV), temperature (K), spread of the energy over rotations (meV)."""
    spread = atoms.calc.details.get("spread", {}).get("energy", np.nan)
    energy, temperature = atoms.get_potential_energy(), atoms.get_temperature()
    print(f"{step:8d} {energy:18.6f} {temperature:10.1f} {1e3 * spread:10.2f}", flush=True)


def main() -> None:
    options = parse()
    atoms = read(START, format="lammps-data", atom_style="atomic")
    generator = np.random.default_rng(options.seed)
    atoms.set_momenta(generator.normal(size=(len(atoms), 3)) * np.sqrt(units.kB * 300 * atoms.get_masses())[:, None])
    # No answer within the timeout is an error, so that a dead network does not leave the run hanging.
    settings = {"rotate": options.rotate, "seed": options.seed, "timeout": 120.0}
    with TumbleClient(options.address, token=os.environ.get("TUMBLE_TOKEN"), **settings) as atoms.calc:
        thermostat = dict(temperature_K=300, friction=0.01 / units.fs, rng=generator, fixcm=False)
        dynamics = Langevin(atoms, 0.5 * units.fs, **thermostat)
        print("    step      potential, eV    temp., K   spread, meV")
        dynamics.attach(lambda: show(atoms, dynamics.nsteps), interval=options.every)
        dynamics.run(options.steps)


if __name__ == "__main__":
    main()
