"""Training checkpoint -> a small final one: reference energies, errors on the test set, spread over rotations.

`python -m tumble_export.compact.finalize water.pt DATA --out water-pet.pt`
"""

import argparse
import json

import numpy as np
import torch

from .. import systems
from . import data
from .objective import energy_and_forces, rotation
from .pet import Pet

REFERENCE = "DeePMD-kit, examples/water/data: liquid water, path-integral ab initio molecular dynamics, PBE0+TS"
HYDROGEN = -13.6057  # eV. Water determines only 2 H + O: hydrogen gets a fixed value, oxygen the rest.


def predict(model, frame, turn=None):
    """Energy (eV, no reference) and forces [N, 3] (eV/Å, rotated back) of a rotated frame, in double precision."""
    turn = torch.eye(3, dtype=torch.float64) if turn is None else turn
    vectors, neighbors, mask, reverse, species, _ = frame
    energies, forces = energy_and_forces(model, (vectors.double() @ turn, neighbors, mask, reverse, species))
    return float(energies.detach().sum()), (forces @ turn.T).detach().numpy()


def errors(model, frames, offset):
    """Force RMSE and MAE (meV/Å), energy RMSE and MAE (meV/atom), with `offset` eV added to each cell's energy."""
    force, energy = [], []
    for frame in frames:
        tensors = data.tensors(frame, model.cutoff, data.largest(frame))
        e, f = predict(model, tensors)
        force.append(f - frame["forces"])
        energy.append((e + offset - frame["energy"]) / len(f))
    force, energy = 1e3 * np.array(force), 1e3 * np.array(energy)
    return dict(
        force_rmse=float(np.sqrt((force**2).mean())),
        force_mae=float(np.abs(force).mean()),
        energy_rmse=float(np.sqrt((energy**2).mean())),
        energy_mae=float(np.abs(energy).mean()),
        energy_bias=float(energy.mean()),
    )


def spread(model, frames, turns):
    """Standard deviations over rotations: energy (meV per system) and forces (meV/Å per component, RMS)."""
    energies, forces = [], []
    for tensors in frames:
        e, f = zip(*[predict(model, tensors, turn) for turn in turns])
        energies.append(np.var(e))
        forces.append(np.var(np.array(f), axis=0).mean())
    return dict(energy=1e3 * float(np.sqrt(np.mean(energies))), force=1e3 * float(np.sqrt(np.mean(forces))))


def vacuum(model, count=8, seed=5):
    """One H2O in vacuum, its atoms displaced by 0.05 Å: `count` frames as tensors."""
    rng = np.random.default_rng(seed)
    for _ in range(count):
        positions = systems.molecule() + rng.normal(0, 0.05, (3, 3))
        yield systems.inputs(positions, np.eye(3), [8, 1, 1], model.cutoff, torch.float64, periodic=False)


def reference_energies(model, frames):
    """The mean residual (eV per cell) of frames with one composition, and its shares for the species."""
    residuals = []
    for frame in frames:
        e, _ = predict(model, data.tensors(frame, model.cutoff, data.largest(frame)))
        residuals.append(frame["energy"] - e)
    offset = float(np.mean(residuals))
    hydrogens, oxygens = (int((frames[0]["species"] == z).sum()) for z in (1, 8))
    return offset, {1: HYDROGEN, 8: (offset - HYDROGEN * hydrogens) / oxygens}


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("checkpoint")
    parser.add_argument("data")
    parser.add_argument("--out", required=True)
    parser.add_argument("--rotations", type=int, default=16)
    parser.add_argument("--every", type=int, default=1, help="use every n-th frame only")
    args = parser.parse_args()
    saved = torch.load(args.checkpoint, weights_only=False)
    model = Pet(**saved["config"])
    model.load_state_dict(saved["state"])
    model.double().fold()
    known, test = data.load(args.data, (0, 1, 2))[:: args.every], data.load(args.data, (3,))[:: args.every]
    for frames in (known, test):
        data.find_neighbors(frames, model.cutoff)
    offset, references = reference_energies(model, [f for n, f in enumerate(known) if n % 20 != 19 or args.every > 1])
    generator = torch.Generator().manual_seed(7)
    turns = [rotation(generator) for _ in range(args.rotations)]
    bulk = [data.tensors(f, model.cutoff, data.largest(f)) for f in test[:: max(1, 10 // args.every)]]
    history = saved["history"][-1]
    settings = {k: v for k, v in saved["args"].items() if k not in ("out", "log", "resume", "every")}
    results = dict(
        parameters=sum(p.numel() for p in Pet(**saved["config"]).parameters()),
        test_errors=errors(model, test, offset),
        rotational_spread_bulk_192_atoms=spread(model, bulk, turns),
        rotational_spread_h2o_in_vacuum=spread(model, list(vacuum(model)), turns),
        training=settings | dict(data="water-pbe0ts", steps=history["steps"], minutes_done=history["minutes"]),
        units="errors: meV/A and meV/atom; spreads: meV per system and meV/A (a component)",
    )
    print(json.dumps(results, indent=1))
    torch.save(
        dict(
            config=saved["config"],
            state=saved["state"],
            reference_energies=references,
            reference=REFERENCE,
            provenance=results,
        ),
        args.out,
    )


if __name__ == "__main__":
    main()
