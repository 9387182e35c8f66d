"""Export of a compact PET: checkpoint to ONNX file with metadata, checked before it is put in place."""

import json
import os
import tempfile

import torch

TOLERANCE = {torch.float32: (2e-4, 2e-4), torch.float64: (1e-9, 1e-9)}  # eV, eV/Å


def load(path):
    """The model, ready for export, and the checkpoint."""
    from .pet import Pet

    checkpoint = torch.load(path, weights_only=True)
    model = Pet(**checkpoint["config"])
    model.load_state_dict(checkpoint["state"])
    return model.fold().eval(), checkpoint


def metadata(model, checkpoint, name, dtype, memory, speed):
    """The contract's JSON, version 1."""
    references = checkpoint["reference_energies"]
    return dict(
        version=1,
        name=name,
        cutoff=model.config["cutoff"],
        hops=model.hops,
        species=sorted(model.config["species"]),
        length_unit="angstrom",
        energy_unit="eV",
        precision="float64" if dtype == torch.float64 else "float32",
        layout="padded",
        forces="conservative",
        reference_energies={str(k): v for k, v in references.items()},
        symmetries=["permutation", "translation"],
        reference=checkpoint["reference"],
        bytes_per_edge=memory,
        provenance=checkpoint["provenance"] | dict(ms_per_192_atoms_one_thread=round(speed, 1)),
    )


def check(model, path, exported, dtype):
    """Print the largest errors, and refuse a wrong model."""
    from .. import checks

    checks.no_scatter(exported)
    for system, errors in checks.agreement(model, path, dtype).items():
        print(f"{system:34s} {errors[0]:.1e} eV {errors[1]:.1e} eV/A")
        if not all(e <= t for e, t in zip(errors, TOLERANCE[dtype])):
            raise SystemExit(f"{system}: the exported model differs from torch by more than {TOLERANCE[dtype]}.")
    hops = checks.reach(model, path, dtype)
    print(f"reach: {hops} hops measured, {model.hops} declared")
    if hops != model.hops:
        raise SystemExit("The model's energy depends on another surrounding than it declares: correct `hops`.")


def export(checkpoint, out, dtype=torch.float32, name="water-pet"):
    """Write `out`; nothing is written if a check fails."""
    from .. import measure, storage, systems, trace

    model, saved = load(checkpoint)
    example = systems.inputs(*systems.water(12, seed=2), model.cutoff, dtype, centers=31)
    with tempfile.TemporaryDirectory(dir=os.path.dirname(os.path.abspath(out))) as folder:
        path = os.path.join(folder, os.path.basename(out))
        exported = trace.export(trace.WithGradient(model, dtype), example)
        trace.write(exported, path)
        check(model, path, exported, dtype)
        memory, speed = (
            measure.bytes_per_edge(path, model.cutoff, dtype),
            measure.milliseconds(path, model.cutoff, dtype),
        )
        size = os.path.getsize(path)
        print(f"{speed:.1f} ms for 192 atoms on one thread, {memory} bytes per edge slot, {size} bytes")
        entry = exported.metadata_props.add()
        entry.key, entry.value = "tumble", json.dumps(metadata(model, saved, name, dtype, memory, speed))
        trace.write(exported, path)
        storage.finish(path)
        storage.put(path, out)
