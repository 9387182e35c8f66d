"""Checks that an exported model must pass before its file is put in place."""

import numpy as np
import torch

from . import conditions, custom_ops_onnx, layouts, refusals, systems
from .trace import WithGradient, nodes


def session(path, threads=1):
    """An ONNX Runtime session."""
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.enable_mem_pattern = False
    return onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])


def evaluate(run, inputs):
    """Run a session on the declared ones of the six tensors of a structure -> its outputs as arrays."""
    wanted = {i.name for i in run.get_inputs()}
    return run.run(None, {name: t.numpy() for name, t in named(inputs).items() if name in wanted})


def named(inputs):
    """The tensors of a structure by name: all atoms belong to one neutral structure if nothing else is given."""
    neutral = conditions.tensors(conditions.NAMES, inputs[5])
    return {"replica": torch.zeros_like(inputs[4])} | neutral | dict(zip(layouts.names(inputs), inputs))


def agreement(model, path, dtype):
    """Largest errors against torch in double precision, by name of the system: (eV, eV/Å)."""
    run, reference = session(path), WithGradient(model, torch.float64)
    errors = {}
    for name, inputs in systems.examples(model.cutoff, dtype):
        wide = [t.double() if t.is_floating_point() else t for t in inputs]
        exact = [t.detach().numpy() for t in reference(*wide)]
        errors[name] = tuple(float(np.abs(a - b).max()) for a, b in zip(evaluate(run, inputs), exact))
        padding = evaluate(run, inputs)[1][~inputs[2].numpy()]
        if padding.any():
            raise SystemExit(f"The gradient on padding slots is not zero for {name}.")
    return errors


def no_scatter(exported):
    """Refuse scatters: ScatterND with a reduction is wrong on several threads, and ScatterElements is slow."""
    found = [*nodes(exported.graph), *(node for function in exported.functions for node in function.node)]
    sentence = refusals.of_scatters(found)
    if sentence:
        raise SystemExit(sentence)


def runnable(exported, path, places):
    """Refuse operators that ONNX Runtime does not have in this precision."""
    try:
        session(path)
    except Exception as error:
        sentence = refusals.of_precision(error, exported, places)
        if sentence is None:
            raise
        raise SystemExit(sentence) from error


def sums_belong_to_whole(exported, whole):
    """Refuse sums over structures in a model whose energy claims to be a sum over atoms."""
    if "SumOverStructure" in custom_ops_onnx.names_in(exported) and not whole:
        raise SystemExit(
            "the model sums over the structure, but its adapter says that its energy is a sum over atoms: write "
            "whole=True in the Adapter."
        )


def reach(model, path, dtype):
    """Measured hops: the number of message-passing steps over which edges change one atom's energy.

    The atoms form a chain, each a neighbor of the next only, so the edges of atom m are m hops from atom 0.
    """
    count = model.hops + 4
    positions = np.zeros((count, 3))
    positions[:, 0] = np.arange(count) * 0.6 * model.cutoff
    positions += np.random.default_rng(3).normal(0, 0.05, positions.shape)
    species = np.resize(model.config["species"], count)
    inputs = list(systems.inputs(positions, np.eye(3), species, model.cutoff, dtype, periodic=False))
    inputs[5] = torch.zeros_like(inputs[5])
    inputs[5][0] = 1.0
    gradients = evaluate(session(path), inputs)[1]
    touched = np.abs(gradients).sum((1, 2)) > 0
    return int(np.nonzero(touched)[0].max()) + 1
