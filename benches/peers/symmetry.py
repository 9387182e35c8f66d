"""metatomic's SymmetrizedCalculator at its defaults against tumble's cheapest average with no larger error.

The remaining error of an average is the standard deviation of energies, and of forces in the laboratory's frame, over
several rotations of the whole structure: without an error none of them would change. For forces it is the root mean
square over all components.
"""

import json
import subprocess
import sys

import ase.io
import jobs
import numpy as np
from paths import BUILD, HERE, ONNX, TORCHSCRIPT, WORK, structure
from runner import Plan, environment, measure
from scipy.spatial.transform import Rotation

ATOMS = 192
# (name, inversion, evaluations), with ascending evaluations.
MITIGATIONS = [
    ("none", False, 1),
    ("none", True, 2),
    ("tetrahedral", False, 12),
    ("legendre:2", False, 18),
    ("lebedev:3", False, 18),
    ("octahedral", False, 24),
    ("tetrahedral", True, 24),
    ("legendre:2", True, 36),
    ("lebedev:3", True, 36),
    ("octahedral", True, 48),
    ("icosahedral", False, 60),
    ("legendre:3", False, 75),
    ("icosahedral", True, 120),
    ("legendre:3", True, 150),
]


def turns(count):
    """Proper rotations [count, 3, 3]."""
    return Rotation.random(count, random_state=7).as_matrix()


def turned(rotations):
    """The structure and its cell in each rotation; written for tumble to `turned.xyz`."""
    frames = []
    for rotation in rotations:
        atoms = ase.io.read(structure(ATOMS))
        atoms.set_cell(atoms.cell.array @ rotation.T)
        atoms.positions = atoms.positions @ rotation.T
        frames.append(atoms)
    ase.io.write(WORK / "turned.xyz", frames, format="extxyz")
    return frames


def deviations(energies, forces, rotations):
    """meV/atom and meV/Å of energies [k] and forces [k, N, 3] of the rotated structures."""
    back = np.array([force @ rotation for force, rotation in zip(forces, rotations)])
    spread = np.sqrt(back.var(axis=0).mean())
    return dict(energy=1e3 * float(np.std(energies)) / ATOMS, forces=1e3 * float(spread))


def ours(mitigation, inversion, rotations):
    """The remaining error of an average of tumble."""
    out = WORK / "turned-out.xyz"
    command = [BUILD / "tumble", "eval", ONNX, WORK / "turned.xyz", "-o", out, "--rotate", mitigation]
    command += ["--inversion"] if inversion else []
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL, env=environment(dict(kind="", threads=1)))
    frames = ase.io.read(out, index=":")
    energies = [frame.get_potential_energy() for frame in frames]
    return deviations(energies, [frame.get_forces() for frame in frames], rotations)


def theirs(count):
    """Remaining errors of SymmetrizedCalculator and the bare model in torch, computed in a process of its own."""
    job = json.dumps(dict(torchscript=str(TORCHSCRIPT), threads=1, turns=count))
    done = subprocess.run(
        [sys.executable, HERE / "symmetry.py", job], check=True, stdout=subprocess.PIPE, text=True,
        env=environment(dict(kind="", threads=1)),
    )  # fmt: skip
    return json.loads(done.stdout.splitlines()[-1])


def leave(job):
    """Like `theirs`, but in this process."""
    from with_metatomic import calculator, evaluate

    rotations, found = turns(job["turns"]), {}
    for name, symmetrized in (("bare", False), ("SymmetrizedCalculator", True)):
        made = calculator(job | dict(symmetrized=symmetrized))
        results = [evaluate(made, atoms) for atoms in turned(rotations)]
        found[name] = deviations(*zip(*results), rotations)
        if symmetrized:
            found["evaluations"] = len(made.quadrature_rotations) + 1
    return found


def symmetrized(options, skip):
    """First the remaining errors, then the times."""
    count = 3 if options.quick else 8
    rotations, left = turns(count), theirs(count)
    turned(rotations)
    goal, tried = left["SymmetrizedCalculator"], []
    for mitigation, inversion, evaluations in MITIGATIONS:
        found = ours(mitigation, inversion, rotations)
        tried.append(dict(mitigation=mitigation, inversion=inversion, evaluations=evaluations, **found))
        if found["energy"] <= goal["energy"] and found["forces"] <= goal["forces"]:
            break
    else:
        skip("tumble", "none of the averages that were tried leaves as little error as SymmetrizedCalculator")
        return
    for threads in options.threads:
        who = [jobs.tumble("tumble", ATOMS, threads, mitigation, inversion), jobs.symmetrized(ATOMS, threads)]
        plan = Plan(2 if options.quick else 7)
        yield dict(atoms=ATOMS, threads=threads, left=left, tried=tried, **measure(who, plan, skip))


if __name__ == "__main__":
    print(json.dumps(leave(json.loads(sys.argv[1]))))
