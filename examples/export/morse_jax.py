"""A potential in JAX as a file of the model contract: `python morse_jax.py morse.onnx`.

    python3.11 -m venv jax && jax/bin/pip install jax2onnx==0.17.1 onnxruntime

The Morse potential of `morse.py`, its gradient by `jax.grad`, through `jax2onnx` (tried with jax 0.10.2), and compared
with JAX before it is kept. `tumble-export` is not needed; its checks of reach and memory are not made.
"""

import json
import os
import sys

os.environ["ORT_DISABLE_TELEMETRY"] = "1"

import jax
import jax.numpy as jnp
import numpy as np
import onnx
import onnxruntime
from jax2onnx import to_onnx

CUTOFF, DEPTH, RATE, LENGTH = 6.0, 0.012, 1.5, 3.8  # Å, eV, 1/Å, Å
INPUTS, OUTPUTS = ("edge_vectors", "mask", "weights"), ("atomic_energies", "edge_gradients")
METADATA = dict(
    version=1,
    name="morse-jax",
    cutoff=CUTOFF,
    hops=1,
    species=[18],
    length_unit="angstrom",
    energy_unit="eV",
    precision="float32",
    layout="padded",
    forces="conservative",
    reference_energies={"18": 0.0},
    symmetries=["permutation", "translation", "rotation", "inversion"],
)


def energies(edge_vectors, mask):
    """Edge vectors [C, K, 3] and mask [C, K] -> energies [C]; padding is replaced before anything else."""
    vectors = jnp.where(mask[..., None], edge_vectors, jnp.array([CUTOFF, 0.0, 0.0], dtype=jnp.float32))
    distances = jnp.sqrt((vectors * vectors).sum(2))
    y = jnp.exp(-RATE * (distances - LENGTH))
    x = 1.0 - distances / CUTOFF
    return jnp.where(mask, 0.5 * DEPTH * (y * y - 2.0 * y) * x * x * x, 0.0).sum(1)


def contract(edge_vectors, mask, weights):
    """The contract's outputs: energies, and the gradient of their weighted sum."""
    return energies(edge_vectors, mask), jax.grad(lambda v: (weights * energies(v, mask)).sum())(edge_vectors)


def rename(graph):
    """Give inputs and outputs the contract's names."""
    given = [value.name for value in (*graph.input, *graph.output)]
    names = dict(zip(given, INPUTS + OUTPUTS))
    for value in (*graph.input, *graph.output):
        value.name = names[value.name]
    for node in graph.node:
        for field in (node.input, node.output):
            field[:] = [names.get(name, name) for name in field]


def check(model):
    """Compare with JAX on sizes of 1 to 300 centers, some slots empty."""
    file = onnxruntime.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])
    rng = np.random.default_rng(0)
    for centers, slots in ((1, 1), (5, 3), (300, 40)):
        vectors = rng.uniform(1.5, 3.4, (centers, slots, 3)) * rng.choice([-1, 1], (centers, slots, 3))
        inputs = vectors.astype(np.float32), rng.random((centers, slots)) < 0.8, np.ones(centers, np.float32)
        for name, found, exact in zip(OUTPUTS, file.run(OUTPUTS, dict(zip(INPUTS, inputs))), contract(*inputs)):
            error = float(np.abs(found - np.asarray(exact)).max())
            print(f"{centers} centers, {slots} slots: {name} differ by {error:.1e}")
            if not error < 1e-6:
                raise SystemExit(f"{name} of the file and of JAX differ by {error:.1e}: nothing was written.")


def main(out):
    c, k = jax.export.symbolic_shape("C, K")
    shapes = ((c, k, 3), jnp.float32), ((c, k), jnp.bool_), ((c,), jnp.float32)
    model = to_onnx(contract, [jax.ShapeDtypeStruct(*shape) for shape in shapes])
    rename(model.graph)
    onnx.helper.set_model_props(model, {"tumble": json.dumps(METADATA)})
    onnx.checker.check_model(model, full_check=True)
    check(model)
    onnx.save(model, out)


if __name__ == "__main__":
    main(*sys.argv[1:])
