"""Free energy over the orientation of H2O: from molecular dynamics, and from the energy of a rigid molecule.

    orientations.py MODEL FOLDER         # the folder with the runs of run.sh

An orientation is described by the direction of the dipole, or by the normal of the molecule's plane (and its opposite,
since the hydrogens are alike). A rotation-invariant potential has a flat free energy over both. Writes
FOLDER/results.json and prints the table.
"""

import json
import sys
from pathlib import Path

import numpy as np
from analysis import programs, structures
from analysis.orientation import AXES, BINS, axes, counts, measure  # noqa: F401 (counts: for the tests)

CASES = {"none": ("none", False), "random": ("none", False), "octahedral": ("octahedral", False)}
KELVIN = 8.617333262e-5  # Boltzmann's constant, eV/K; CODATA 2018
TEMPERATURE = 300.0


def turn_z(angle):
    """Rotation about z."""
    c, s = np.cos(angle), np.sin(angle)
    return np.array([[c, -s, 0], [s, c, 0], [0, 0, 1]])


def rotated(molecule, axis, fine=2, spins=12):
    """Copies of a molecule [3, 3] with the axis towards the centers of bins, `fine` times as many on each side.

    For each direction the molecule is spun about the axis in `spins` steps: [fine bins, fine bins, spins, 3, 3].
    """
    dipole, normal = axes(molecule)
    third, second = (dipole, normal) if axis == "dipole" else (normal, dipole)
    frame = np.array([second, np.cross(third, second), third])
    upright = (molecule - molecule[0]) @ frame.T
    cosines = (np.arange(fine * BINS[0]) + 0.5) / (fine * BINS[0]) * 2 - 1
    angles = (np.arange(fine * BINS[1]) + 0.5) / (fine * BINS[1]) * 2 * np.pi - np.pi
    copies = np.empty((len(cosines), len(angles), spins, 3, 3))
    for i, c in enumerate(cosines):
        s = np.sqrt(1 - c * c)
        tilt = np.array([[c, 0, s], [0, 1, 0], [-s, 0, c]])
        for j, phi in enumerate(angles):
            for k in range(spins):
                copies[i, j, k] = upright @ (turn_z(phi) @ tilt @ turn_z(2 * np.pi * k / spins)).T
    return copies


def predicted(energies, temperature, axis):
    """F/kT of each bin from energies [fine bins, fine bins, spins] in eV: the mean Boltzmann factor in the bin."""
    factors = np.exp(-(energies - energies.min()) / (KELVIN * temperature)).mean(axis=2)
    fine = factors.shape[0] // BINS[0]
    probability = factors.reshape(BINS[0], fine, BINS[1], fine).mean(axis=(1, 3))
    if axis == "normal":
        # The opposite of a direction: the other side of the equator, half a turn on.
        probability = (probability + np.roll(probability[::-1], BINS[1] // 2, axis=1)) / 2
    return -np.log(probability / probability.mean())


def prediction(model, molecule, grid, inversion, axis, folder):
    """Map of F/kT and the deviation of the energy over orientations, meV, for a rigid molecule."""
    copies = rotated(molecule, axis)
    frames = [structures.Frame(["O", "H", "H"], x) for x in copies.reshape(-1, 3, 3)]
    structures.write(folder / "rotated.xyz", frames)
    energies = [d["energy"] for d in programs.evaluate(model, folder / "rotated.xyz", grid, inversion)]
    energies = np.reshape(energies, copies.shape[:3])
    return predicted(energies, TEMPERATURE, axis), 1e3 * energies.std()


def molecules(path):
    """Positions [frames, molecules, 3, 3] of a dump of H2O."""
    frames = structures.read_dump(path, ["O", "H"])
    return np.array([f.positions for f in frames]).reshape(len(frames), -1, 3, 3)


def case(name, model, molecule, folder):
    """Everything about one mitigation."""
    found = {"temperature": float(programs.thermo(folder / name / "log.lammps")["Temp"].mean())}
    positions = molecules(folder / name / "positions.dump")
    found["samples"] = positions.shape[0] * positions.shape[1]
    for axis, directions in zip(AXES, axes(positions)):
        if axis == "normal":
            directions = np.stack([directions, -directions], axis=2)
        results = measure(directions)
        flat, energy = np.zeros(BINS), 0.0
        if name != "random":
            flat, energy = prediction(model, molecule, *CASES[name], axis, folder)
        results.update(predicted=flat, predicted_deviation=flat.std(), energy_deviation_meV=energy)
        results["correlation"] = np.corrcoef(results["map"].ravel(), flat.ravel())[0, 1] if flat.any() else None
        found[axis] = {key: np.asarray(v).tolist() for key, v in results.items()}
    return found


def markdown(results):
    """The table of `expected.md`."""
    lines = ["| `rotate` | axis | samples | T, K | std of F, kT | rigid molecule: std of F, kT | correlation |"]
    lines.append("|---|---|---|---|---|---|---|")
    for name, r in results.items():
        for axis in AXES:
            a = r[axis]
            like = f"{a['correlation']:.2f}" if a["correlation"] is not None else "–"
            measured = f"{a['deviation']:.3f} ± {a['deviation_error']:.3f} | {a['predicted_deviation']:.3f}"
            lines.append(f"| `{name}` | {axis} | {r['samples']} | {r['temperature']:.1f} | {measured} | {like} |")
    return "\n".join(lines)


def main(model, folder):
    """Everything."""
    folder = Path(folder)
    molecule = structures.read_data(Path(__file__).resolve().parents[1] / "gas-nve/h2o.data", ["O", "H"]).positions
    results = {name: case(name, model, molecule, folder) for name in CASES}
    (folder / "results.json").write_text(json.dumps(results) + "\n")
    print(markdown(results))


if __name__ == "__main__":
    main(*sys.argv[1:])
