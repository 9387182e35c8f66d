"""From an adapter to an ONNX file: trace, compare, measure the reach, and only then put the file in place."""

import copy
import json
import os
import tempfile

import torch

from . import adapter as adapters
from . import checks, checksum, receptive_field, structures, systems, trace, verify
from .measure import bytes_per_edge
from .units import ANGSTROM, EV

MEASURED = (192, 768)  # atoms
SMALLEST = 200  # bytes per slot: below this, the rounding of the allocator dominates


def write(adapter, out, kind="conservative", dtype=torch.float32, extra=(), tolerance=None, say=print):
    """Write `out`; nothing is written if a check fails. `extra`: structures besides the built-in ones."""
    names = adapters.outputs(adapter, kind)
    folder = os.path.dirname(os.path.abspath(out))
    if not os.path.isdir(folder):
        raise SystemExit(f"there is no folder {folder} to write to: make it first.")
    with tempfile.TemporaryDirectory(dir=folder) as scratch:
        path = os.path.join(scratch, "model.onnx")
        exported = trace.export(traceable(adapter, names, dtype), example(adapter, dtype), path)
        trace.write(exported, path)
        checks.no_scatter(exported)
        found = prove(adapter, path, names, dtype, extra, tolerance, say)
        hops = measure(adapter, say)
        kept = kept_neighbors(adapter)
        memory = measure_memory(adapter, path, dtype, kept, say)
        entry = exported.metadata_props.add()
        entry.key, entry.value = "tumble", json.dumps(metadata(adapter, kind, dtype, hops, memory, kept, found))
        trace.write(exported, path)
        checksum.stamp(path)
        os.replace(path, out)
    say(f"{out}: {os.path.getsize(out)} bytes, outputs {', '.join(names)}")


def traceable(adapter, names, dtype):
    """A copy of the module in the precision of the file, with parameters that need no gradients."""
    module = copy.deepcopy(adapter.module).to(dtype).eval()
    for parameter in module.parameters():
        parameter.requires_grad_(False)
    return trace.Contract(module, names)


def example(adapter, dtype):
    """The structure to trace: 36 atoms, 31 of them centers."""
    unit = ANGSTROM[adapter.length_unit]
    positions, cell, numbers = structures.material(adapter.species, 36, seed=2)
    found = systems.inputs(positions / unit, cell / unit, numbers, adapter.cutoff, dtype, centers=31)
    return (*found, torch.zeros_like(found[4])) if adapter.whole else found


def prove(adapter, path, names, dtype, extra, tolerance, say):
    """Compare the file with its source; returns the largest errors."""
    source = adapter.source or verify.from_module(adapter, names)
    tested = [*structures.builtin(adapter.species, adapter.length_unit), *extra]
    limit = verify.TOLERANCE[dtype] if tolerance is None else tolerance
    return verify.compare(path, adapter, tested, source, dtype, limit, say)


def measure(adapter, say):
    """Hops for the metadata: the larger of the claimed and the measured number."""
    if adapter.whole:
        return measure_whole(adapter, say)
    found = receptive_field.measure(adapter)
    say(f"reach: {found} hops measured, {adapter.hops} by the model's code, cutoff {adapter.cutoff:g}")
    if found > adapter.hops:
        say(f"the energy reaches further than claimed: the file says {found} hops.")
    return max(found, adapter.hops)


def measure_whole(adapter, say):
    """Hops of direct forces; an energy that depends on all atoms has no reach."""
    say("the energy belongs to the whole structure and is not a sum over atoms: the file says so.")
    if not adapter.has("forces"):
        return adapter.hops
    found = receptive_field.measure(adapter)
    say(f"reach of direct forces: {found} hops measured, {adapter.hops} by the model's code")
    return max(found, adapter.hops)


def kept_neighbors(adapter):
    """(kept, listed): the largest number of neighbors of an atom in condensed matter; None if no edge is pruned."""
    if not trace.prunes(adapter.module):
        return None
    unit = ANGSTROM[adapter.length_unit]
    positions, cell, numbers = structures.material(adapter.species, MEASURED[0])
    inputs = systems.inputs(positions / unit, cell / unit, numbers, adapter.cutoff, torch.float64)
    return adapter.module.double().narrowed(*inputs[:4])[1].shape[1], inputs[2].shape[1]


def measure_memory(adapter, path, dtype, kept, say):
    """Working memory per slot, of kept edges if some are pruned, bytes: the driver sizes its batches by it."""
    cutoff = adapter.cutoff * ANGSTROM[adapter.length_unit]
    found = max(SMALLEST, bytes_per_edge(path, cutoff, dtype, adapter.species, MEASURED))
    if kept is None:
        say(f"memory: {found} bytes per edge slot")
        return found
    found = found * kept[1] // kept[0]
    say(f"edges: at most {kept[0]} of {kept[1]} per atom are kept; memory: {found} bytes per slot of a kept edge")
    return found


def metadata(adapter, kind, dtype, hops, memory, kept, found):
    """The contract's JSON: version 2 if edges are pruned, else 1."""
    ev = EV[adapter.energy_unit]
    entries = dict(
        version=1 if kept is None else 2,
        name=adapter.name,
        cutoff=adapter.cutoff,
        hops=hops,
        species=sorted(int(z) for z in adapter.species),
        length_unit=adapter.length_unit,
        energy_unit=adapter.energy_unit,
        precision="float64" if dtype == torch.float64 else "float32",
        layout="padded",
        forces=kind,
        symmetries=list(adapter.symmetries),
        reference=adapter.reference,
        bytes_per_edge=memory,
        provenance=adapter.provenance | dict(largest_errors=found),
    )
    if adapter.whole:
        entries["whole"] = True
    if kept is not None:
        entries["kept_neighbors"] = kept[0]
    if adapter.reference_energies is not None:
        references = {str(z): ev * adapter.reference_energies[z] for z in entries["species"]}
        entries["reference_energies"] = references
    return entries
