"""From an adapter to an ONNX file: trace, compare, measure the reach, and only then put the file in place."""

import copy
import itertools
import json
import os
import tempfile

import torch

from . import adapter as adapters
from . import (
    checks,
    conditions,
    custom_ops_onnx,
    layouts,
    receptive_field,
    refusals,
    storage,
    structures,
    systems,
    trace,
    verify,
)
from .effort import Effort
from .measure import bytes_per_edge
from .progress import Progress, release
from .units import ANGSTROM, EV

STEPS = 5  # trace, prove, reach, memory, write
CONDENSED = 192  # atoms
SMALLEST = 200  # bytes per slot: below this, the rounding of the allocator dominates


def write(
    adapter,
    out,
    kind="conservative",
    dtype=torch.float32,
    extra=(),
    tolerance=None,
    say=print,
    effort=None,
    progress=None,
):
    """Write `out`; nothing is written if a check fails. `extra`: structures besides the built-in ones.

    `effort`: how much is compared; `progress`: one that has begun before, else `say` writes the lines.
    """
    effort, progress = effort or Effort(), progress or Progress(STEPS, say)
    names, folder = adapters.outputs(adapter, kind), folder_of(out)
    tested = [*structures.builtin(adapter.species, adapter.length_unit, effort.largest(adapter)), *extra]
    charge(tested[: len(tested) - len(extra)], conditions.of(adapter.module))
    with progress, tempfile.TemporaryDirectory(dir=folder) as scratch:
        path = os.path.join(scratch, os.path.basename(out))
        exported, places = translate(adapter, names, dtype, path, progress)
        progress.step(effort.described(tested))
        found = prove(adapter, path, names, dtype, tested, tolerance, progress, places)
        hops, how = reach(adapter, effort, progress)
        kept = kept_neighbors(adapter)
        memory = measure_memory(adapter, path, dtype, kept, effort.measured(adapter), progress)
        checked = effort.record(tested, how)
        version = custom_ops_onnx.contract_version(exported)
        entries = metadata(adapter, version, kind, dtype, hops, memory, kept, found, checked)
        put(exported, path, out, entries, progress)
    progress.say(f"{out}: {storage.size(out)} bytes, outputs {', '.join(names)}")
    progress.say(progress.usage())


def charge(tested, names):
    """Give the built-in structures conditions in turn, as far as the model takes them."""
    for structure, given in zip(tested, itertools.cycle(conditions.TRIED)):
        structure.conditions = {name: value for name, value in given.items() if name in names}


def folder_of(out):
    """The folder of a file to write; refused if it is missing or cannot be written to, or if the file is a folder."""
    folder = os.path.dirname(os.path.abspath(out))
    if os.path.isdir(out):
        raise SystemExit(f"{out} is a folder: give the name of a file, as in -o {os.path.join(out, 'model.onnx')}.")
    if not os.path.isdir(folder):
        raise SystemExit(f"there is no folder {folder} to write to: make it first.")
    try:
        with tempfile.TemporaryDirectory(dir=folder):
            return folder
    except OSError as error:
        raise SystemExit(f"{folder} cannot be written to ({error.strerror}): give a file in another folder.") from error


def translate(adapter, names, dtype, path, progress):
    """Trace the module, translate it to ONNX, and write it without metadata; returns the ONNX model, and the
    lines that its tensors come from.
    """
    progress.step("trace the model with its gradient, and translate it")
    exported = trace.export(traceable(adapter, names, dtype), example(adapter, dtype))
    checks.no_scatter(exported)
    places = refusals.lines_of(exported)
    trace.write(exported, path)
    checks.runnable(exported, path, places)
    checks.sums_belong_to_whole(exported, adapter.whole)
    release()
    return exported, places


def put(exported, path, out, entries, progress):
    """Put the file with its metadata and checksum in place."""
    progress.step("write the file")
    entry = exported.metadata_props.add()
    entry.key, entry.value = "tumble", json.dumps(entries)
    trace.write(exported, path)
    storage.finish(path)
    storage.put(path, out)


def traceable(adapter, names, dtype):
    """A copy of the module in the precision of the file, with parameters that need no gradients.

    The tensors are converted one by one, so that there is never a second copy in double precision.
    """
    copies = {id(tensor): converted(tensor, dtype) for tensor in adapter.tensors()}
    return layouts.contract(adapter, copy.deepcopy(adapter.module, copies).eval(), names)


def converted(tensor, dtype):
    """A parameter or buffer with real numbers in another precision, and without gradients."""
    found = tensor.detach().to(dtype) if tensor.is_floating_point() else tensor.detach()
    return torch.nn.Parameter(found, requires_grad=False) if isinstance(tensor, torch.nn.Parameter) else found


def example(adapter, dtype):
    """The structure to trace: 36 atoms, 31 of them centers."""
    unit = ANGSTROM[adapter.length_unit]
    positions, cell, numbers = structures.material(adapter.species, 36, seed=2)
    found = systems.inputs(
        positions / unit, cell / unit, numbers, adapter.cutoff, dtype, centers=31, layout=adapter.layout
    )
    return (*found, torch.zeros_like(found[4])) if adapter.whole else found


def prove(adapter, path, names, dtype, tested, tolerance, progress, places=None):
    """Compare the file with its source; returns the largest errors. The two are not in memory together."""
    source = adapter.source or verify.from_module(adapter, names)
    exact = verify.answers(source, tested, progress.show)
    getattr(source, "release", lambda: None)()
    release()
    progress.show("prove: the same structures by the file")
    limit = verify.TOLERANCE[dtype] if tolerance is None else tolerance
    found = verify.compare(path, adapter, tested, exact, dtype, limit, progress, places)
    release()
    return found


def reach(adapter, effort, progress):
    """(hops, "measured" or "claimed") for the metadata: the larger of the claimed and the measured number, if any."""
    if adapter.whole:
        progress.say("the energy belongs to the whole structure and is not a sum over atoms: the file says so.")
    if effort.quick:
        progress.step("reach: not measured")
        progress.say(f"reach: not measured (--quick), {adapter.hops} by the model's code, cutoff {adapter.cutoff:g}")
        return adapter.hops, "claimed"
    progress.step(f"reach: {receptive_field.CHAINS} chains and {receptive_field.BUNDLES} bundles of atoms")
    if adapter.whole and not adapter.has("forces"):
        return adapter.hops, "claimed"
    return measured_reach(adapter, progress), "measured"


def measured_reach(adapter, progress):
    """The larger of the claimed and the measured number of hops; of an energy of the whole, of its direct forces."""
    found = receptive_field.measure(adapter)
    release()
    what = "reach of direct forces" if adapter.whole else "reach"
    progress.say(f"{what}: {found} hops measured, {adapter.hops} by the model's code, cutoff {adapter.cutoff:g}")
    if found > adapter.hops:
        own = "the energy or an output reaches" if adapter.outputs else "the energy reaches"
        who = "the direct forces reach" if adapter.whole else own
        progress.say(f"{who} further than claimed: the file says {found} hops.")
    return max(found, adapter.hops)


def kept_neighbors(adapter):
    """(kept, listed): the largest number of neighbors of an atom in condensed matter; None if no edge is pruned."""
    if not trace.prunes(adapter.module):
        return None
    unit = ANGSTROM[adapter.length_unit]
    positions, cell, numbers = structures.material(adapter.species, CONDENSED)
    inputs = systems.inputs(positions / unit, cell / unit, numbers, adapter.cutoff, torch.float64)
    return adapter.module.double().narrowed(*inputs[:4])[1].shape[1], inputs[2].shape[1]


def measure_memory(adapter, path, dtype, kept, sizes, progress):
    """Working memory per slot, of kept edges if some are pruned, bytes: the driver sizes its batches by it."""
    progress.step("memory: evaluations in fresh processes")
    cutoff = adapter.cutoff * ANGSTROM[adapter.length_unit]
    found = max(SMALLEST, bytes_per_edge(path, cutoff, dtype, adapter.species, sizes, progress.child, adapter.layout))
    if kept is None:
        progress.say(f"memory: {found} bytes per edge{' slot' if adapter.layout == 'padded' else ''}")
        return found
    found = found * kept[1] // kept[0]
    progress.say(
        f"edges: at most {kept[0]} of {kept[1]} per atom are kept; memory: {found} bytes per slot of a kept edge"
    )
    return found


def metadata(adapter, version, kind, dtype, hops, memory, kept, found, checked):
    """The JSON of this version of the contract."""
    ev = EV[adapter.energy_unit]
    entries = dict(
        version=version,
        name=adapter.name,
        cutoff=adapter.cutoff,
        hops=hops,
        species=sorted(int(z) for z in adapter.species),
        length_unit=adapter.length_unit,
        energy_unit=adapter.energy_unit,
        precision="float64" if dtype == torch.float64 else "float32",
        layout=adapter.layout,
        forces=kind,
        symmetries=list(adapter.symmetries),
        reference=adapter.reference,
        bytes_per_edge=memory,
        provenance=adapter.provenance | dict(largest_errors=found, checked=checked),
    )
    if adapter.whole:
        entries["whole"] = True
    entries |= {name: known for name in ("charges", "spins") if (known := getattr(adapter, name)) is not None}
    if adapter.outputs:
        entries["outputs"] = adapter.outputs
    if kept is not None:
        entries["kept_neighbors"] = kept[0]
    if adapter.reference_energies is not None:
        references = {str(z): ev * adapter.reference_energies[z] for z in entries["species"]}
        entries["reference_energies"] = references
    return entries
