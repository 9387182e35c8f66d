"""Compares file and model: energies, forces and virials on structures with other sizes than the traced one."""

import numpy as np
import torch

from . import conditions, layouts, nonfinite, outputs
from .adapter import Answer
from .checks import session
from .neighbors import edges, listed, padded
from .progress import release

# largest error / max(1, largest value); energies and virials are per atom
TOLERANCE = {torch.float32: 2e-4, torch.float64: 1e-9}
SPARE = 3  # extra empty slots: they must change nothing
FEW = 24  # atoms: larger structures are not repeated with extra slots


def tensors(structure, cutoff, real, spare=0, layout="padded"):
    """The contract's inputs as arrays by name; every atom is a center of weight 1."""
    count = len(structure.numbers)
    found = edges(structure.positions, structure.cell, cutoff, (structure.periodic,) * 3)
    species = np.asarray(structure.numbers, dtype=np.int64)
    slots = max(1, int(np.bincount(found[0], minlength=count).max())) + spare
    rows = listed(*found, count) if layout == "list" else padded(*found, count, cutoff, slots)
    arrays = (rows[0].astype(real), *rows[1:], species, np.ones(count, real), np.zeros_like(species))
    return dict(zip(layouts.names(arrays), arrays)) | conditions.arrays(structure, real)


def assemble(found, inputs, baseline, declared):
    """Outputs of a model by name -> Answer, as in the driver: F[center] += g, F[neighbor] -= g, W = -Σ r ⊗ g."""
    found = {k: np.asarray(v, dtype=np.float64) for k, v in found.items()}
    answer = Answer(float(found["atomic_energies"].sum()) + baseline, direct=found.get("forces"))
    answer.outputs = outputs.values(declared, found)
    if "ensemble_energies" in found:
        answer.members = found["ensemble_energies"].sum(1) + baseline
    if "edge_gradients" in found:
        vectors, centers, neighbors, g = edges_of(inputs, found["edge_gradients"])
        answer.forces = np.zeros((len(inputs["species"]), 3))
        np.add.at(answer.forces, centers, g)
        np.subtract.at(answer.forces, neighbors, g)
        answer.virial = -vectors.astype(np.float64).T @ g
    return answer


def edges_of(inputs, gradients):
    """Vectors, centers, neighbors and gradients of the edges; refused if there are gradients in padding."""
    if "mask" not in inputs:
        return inputs["edge_vectors"], inputs["centers"], inputs["neighbors"], gradients
    mask = inputs["mask"]
    if gradients[~mask].any():
        raise SystemExit("the gradient in padding is not zero: mask the edge vectors before anything else.")
    return inputs["edge_vectors"][mask], np.nonzero(mask)[0], inputs["neighbors"][mask], gradients[mask]


def run(file, adapter, structure, real, path, spare=0, places=None):
    """Answer of an ONNX Runtime session for the file `path`; `places`: the lines that its tensors come from."""
    inputs = tensors(structure, adapter.cutoff, real, spare, adapter.layout)
    wanted = {i.name: inputs[i.name] for i in file.get_inputs()}
    found = dict(zip([o.name for o in file.get_outputs()], file.run(None, wanted)))
    for name, values in found.items():
        if not np.isfinite(values).all():
            raise SystemExit(not_finite(name, structure, nonfinite.sentence(path, inputs, places)))
    return assemble(found, inputs, adapter.baseline(structure.numbers), adapter.outputs)


def not_finite(name, structure, where):
    """Why an output is not finite, with the node and the edge if they are known."""
    said = f": {where}" if where else ""
    return (
        f"{name} of {structure.name} is not finite{said}: look for a division by zero in the model, or the gradient of "
        "a root, a logarithm or an angle at its end."
    )


def from_module(adapter, names):
    """The adapter's own module in double precision, in place of a source model."""
    module = layouts.contract(adapter, adapter.module.double(), names)

    def source(structure):
        inputs = tensors(structure, adapter.cutoff, np.float64, layout=adapter.layout)
        first = list(inputs)[: 7 if adapter.whole else 6]
        given = [*first, *getattr(module, "conditions", ())]
        found = module(*[torch.from_numpy(np.array(inputs[name])) for name in given])
        arrays = dict(zip(names, (t.numpy() for t in found)))
        return assemble(arrays, inputs, adapter.baseline(structure.numbers), adapter.outputs)

    return source


def errors(answer, exact, count, baseline=0.0, per_structure=()):
    """{quantity: error relative to max(1, largest value)}; energies (minus the baseline), virials and the sums
    `per_structure` are per atom."""
    found, exact = dict(answer.parts()), dict(exact.parts())
    result = {}
    for what in found.keys() & exact.keys():
        share = count if what in ("energy", "virial", "members", *per_structure) else 1
        size = np.abs((exact[what] - baseline * (what in ("energy", "members"))) / share).max(initial=1.0)
        result[what] = float(np.abs((found[what] - exact[what]) / share).max(initial=0.0) / size)
    return result


COLUMNS = ("energy", "forces", "virial", "direct", "members")


def answers(source, structures, show=print):
    """Answers of the source model, None where it has no definite one; `show` tells which structure is next."""
    found = []
    for number, structure in enumerate(structures, 1):
        show(f"prove: structure {number} of {len(structures)} ({structure.name}) by the source")
        found.append(source(structure))
        release()
    return found


def compare(path, adapter, structures, answers, dtype, tolerance, progress, places=None):
    """Print a table of errors; end with a sentence if one is above the tolerance. Returns the largest by column."""
    file, real = session(path, torch.get_num_threads()), np.float32 if dtype == torch.float32 else np.float64
    columns = (*COLUMNS, *adapter.outputs)
    sums = [name for name, entry in adapter.outputs.items() if entry["per"] == "structure"]
    progress.say(f"{'file - source, relative':32s}" + "".join(f" {c:>9s}" for c in columns))
    largest = {}
    for structure, exact in zip(structures, answers):
        if exact is None:
            progress.say(f"{structure.name:32s}  left out: the source's own answer depends on rounding")
            continue
        outputs.comparable(adapter.outputs, exact, structure)
        for spare in (0, SPARE) if adapter.layout == "padded" and len(structure.numbers) <= FEW else (0,):
            answer = run(file, adapter, structure, real, path, spare, places)
            baseline = adapter.baseline(structure.numbers)
            found = errors(answer, exact, len(structure.numbers), baseline, sums)
            if not spare:
                cells = (f"{found[c]:10.1e}" if c in found else f"{'-':>10s}" for c in columns)
                progress.say(f"{structure.name:32s}" + "".join(cells))
            verdict(structure, found, spare, tolerance, dtype)
            largest |= {what: max(e, largest.get(what, 0.0)) for what, e in found.items()}
    return largest


def verdict(structure, found, spare, tolerance, dtype):
    """End if an error is above the tolerance (or NaN)."""
    for what, error in found.items():
        if not error <= tolerance:
            options = "--tolerance" if dtype == torch.float64 else "--dtype float64 or --tolerance"
            slots = f" with {spare} empty slots more" if spare else ""
            raise SystemExit(
                f"{structure.name}{slots}: {what} of the file and of its source differ by {error:.1e}, more "
                f"than {tolerance:.0e}. Nothing was written; {options} may help, if the model is "
                "ill-conditioned rather than wrongly adapted."
            )
