"""Makes structures, models, and the tensors for workers that evaluate the model only.

Everything goes to `target/peers`; matching files are kept.
"""

import filecmp
import json
import shutil
import sys

import numpy as np
from paths import CHECKPOINT, COPY, ONNX, ROOT, WATER, WORK, structure, tensors

sys.path[:0] = [str(ROOT / "benches/export"), str(ROOT / "python/tumble-export")]
BOXES = {192: 1, 1536: 2, 12288: 4, 98304: 8}  # along each axis
LARGEST_BARE = 12288  # atoms; tensors of larger systems are not stored


def models(checkpoint=CHECKPOINT):
    """ONNX and TorchScript of a checkpoint of metatrain."""
    WORK.mkdir(parents=True, exist_ok=True)
    if not COPY.exists() or not filecmp.cmp(checkpoint, COPY, shallow=False):
        for old in WORK.glob("water.*"):
            old.unlink()
        shutil.copy(checkpoint, COPY)
    from compare import prepare

    prepare(COPY)


def metadata():
    """The metadata of the ONNX file."""
    import onnx

    entries = onnx.load(ONNX, load_external_data=False).metadata_props
    return json.loads(next(entry.value for entry in entries if entry.key == "tumble"))


def molecule():
    """One free H2O, Å."""
    import ase

    half = np.deg2rad(104.5) / 2
    arm = 0.97 * np.array([[np.sin(half), np.cos(half), 0.0], [-np.sin(half), np.cos(half), 0.0]])
    return ase.Atoms("OHH", np.vstack([np.zeros(3), arm]))


def skewed():
    """O and H in a small skewed cell: its atoms have neighbors beyond the adjacent images."""
    import ase

    cell = np.array([[4.2, 0.0, 0.0], [0.5, 4.1, 0.0], [-0.3, 0.4, 4.3]])
    sites = np.indices((2, 2, 2)).reshape(3, -1).T / 2 + 0.1
    moved = sites @ cell + np.random.default_rng(0).normal(0, 0.05, (8, 3))
    return ase.Atoms("OHHOHOHH", moved, cell=cell, pbc=True)


def diamond():
    """216 atoms of diamond, rattled by 0.05 Å."""
    from ase.build import bulk

    made = bulk("C", "diamond", a=3.567, cubic=True).repeat(3)
    made.rattle(0.05, seed=0)
    return made


def liquid(atoms):
    """Liquid water of the examples, repeated."""
    import ase.io

    box = ase.io.read(WATER, format="lammps-data", atom_style="atomic", units="metal")
    box.numbers = np.where(box.get_masses() > 10, 8, 1)
    # Drop velocities and ids of LAMMPS' file: they would only make the files long.
    box = type(box)(box.numbers, box.positions, cell=box.cell, pbc=True)
    return box.repeat(BOXES[atoms])


def structures(sizes):
    """Extended XYZ of each number of atoms; 8 is the skewed cell."""
    import ase.io

    for atoms in {3, 8, *sizes}:
        if not structure(atoms).exists():
            made = {3: molecule, 8: skewed, 216: diamond}.get(atoms, lambda atoms=atoms: liquid(atoms))()
            ase.io.write(structure(atoms), made, format="extxyz")


def inputs(atoms):
    """The contract's tensors by name; every atom is a center of weight 1."""
    import ase.io
    import vesin
    from tumble_export.neighbors import padded
    from tumble_export.trace import INPUTS

    system, cutoff = ase.io.read(structure(atoms)), metadata()["cutoff"]
    count, pairs = len(system), vesin.NeighborList(cutoff=cutoff, full_list=True)
    i, j, s, v = pairs.compute(system.positions, system.cell.array, bool(system.pbc.all()), quantities="ijSD")
    order = np.lexsort((*s.T[::-1], j, i))
    i, j, s, v = i[order].astype(np.int64), j[order].astype(np.int64), s[order], v[order]
    back = np.lexsort((*-s.T[::-1], i, j))  # edge (j, i, -s) has the rank of (i, j, s)
    vectors, neighbors, mask, reverse = padded(i, j, v, back, count, cutoff)
    species, zeros = system.numbers.astype(np.int64), np.zeros(count, np.int64)
    found = (vectors.astype(np.float32), neighbors, mask, reverse, species, np.ones(count, np.float32), zeros)
    return dict(zip(INPUTS, found))


def store(atoms):
    """Write the model's input tensors as raw numbers; `inputs.json` has kinds and shapes."""
    import onnx

    folder = tensors(atoms)
    folder.mkdir(exist_ok=True)
    wanted = [entry.name for entry in onnx.load(ONNX, load_external_data=False).graph.input]
    found = {name: np.ascontiguousarray(array) for name, array in inputs(atoms).items() if name in wanted}
    for name, array in found.items():
        array.tofile(folder / f"{name}.bin")
    entries = [dict(name=name, kind=str(array.dtype), shape=array.shape) for name, array in found.items()]
    (folder / "inputs.json").write_text(json.dumps(entries))


def baseline(atoms):
    """Sum of the reference energies of the atoms, eV."""
    import ase.io
    from ase.data import chemical_symbols

    numbers = ase.io.read(structure(atoms)).numbers
    energies = metadata()["reference_energies"]
    return float(sum(energies.get(str(z), energies.get(chemical_symbols[z], 0.0)) for z in numbers))


def main(checkpoint, *sizes):
    models(checkpoint)
    structures(map(int, sizes))
    for atoms in map(int, sizes):
        if atoms <= LARGEST_BARE:
            store(atoms)


if __name__ == "__main__":
    main(*sys.argv[1:])
