#!/usr/bin/env python3
"""Writes the toy models of the tests into tests/data/models, after checking their gradients by finite differences.

Needs onnx, numpy and onnxruntime. Energies are in eV and lengths in Å, except for the model in atomic units.

With v an edge vector, r its length, z = v_z/r, u = max(0, 1 - r²/cutoff²), and s, q tables by species:

    pair      E_c = Σ ½ φ(r),  φ = s_c s_n u³ (A exp(-r²/w²) - D)
    harmonic  E_c = Σ ½ φ(r) [1 + q_c (a1 z + a2 P2(z) + a4 P4(z))]: its mean over rotations is `pair`
    twohop    m_c = Σ u³ (1 + b z),  E_c = Σ u³ tanh(m_c) tanh(m_n), with m = 0 for neighbors that are not centers
    direct    E_c of `pair`;  F_c = Σ φ'(r) v/r (1 + d P2(z));  stress = mean over centers of Σ k φ v ⊗ v
    both      energy and gradients of `harmonic`, forces and stress of `direct`
    stressed  energy, forces and stress of `pair`, the latter two as direct ones: the stress is divided by the volume
    ensemble  energy and gradients of `harmonic`; member m has the energies E_c + s_m Σ ½ φ,  Σ s_m = 0
    conditions  E_c = Σ ½ φ (1 + k1 charge + k2 (spin - 1)) - Σ q_n u³ v · field: invariant if the field turns with v
    dipole    energy of `harmonic`; charges Σ (q_n - q_c) u³ (1 + a1 z), dipole and dipoles Σ q_n u³ v (1 + a2 P2(z)) in
              Debye, polarizability Σ s_n u³ v ⊗ v (1 + a2 P2(z)): their means over rotations have no z
"""

import json
import pathlib
import sys

import numpy as np
import onnx
import onnxruntime
from onnx import TensorProto, helper, numpy_helper

sys.path.insert(0, str(pathlib.Path(__file__).parents[2] / "python/tumble-export"))
from tumble_export import checksum  # noqa: E402

MODELS = pathlib.Path(__file__).parent / "models"
CUTOFF, A, D, W2 = 3.5, 5.0, 0.3, 1.0
STRENGTH, CHARGE = {1: 0.7, 8: 1.3}, {1: 0.4, 8: -0.6}
A1, A2, A4, B, DIRECT, STRESS = 0.3, 0.2, 0.1, 0.5, 0.1, 0.01
CHARGED, SPIN = 0.3, 0.2
MEMBERS = [-0.03, -0.01, 0.01, 0.03]
BOHR, HARTREE = 0.529177210544, 27.211386245981


class Var:
    """A value in the graph; arithmetic adds nodes."""

    def __init__(self, graph, name):
        self.graph, self.name = graph, name

    def __add__(self, other):
        return self.graph.op("Add", self, other)

    def __sub__(self, other):
        return self.graph.op("Sub", self, other)

    def __rsub__(self, other):
        return self.graph.op("Sub", other, self)

    def __mul__(self, other):
        return self.graph.op("Mul", self, other)

    def __truediv__(self, other):
        return self.graph.op("Div", self, other)

    def __matmul__(self, other):
        return self.graph.op("MatMul", self, other)

    def __neg__(self):
        return self.graph.op("Neg", self)

    __radd__, __rmul__ = __add__, __mul__


class Graph:
    """Nodes and constants in one precision and one layout, with edges flattened to S rows in both layouts."""

    def __init__(self, layout, dtype):
        self.layout, self.dtype = layout, np.dtype(dtype)
        self.nodes, self.constants, self.inputs, self.outputs = [], {}, [], []
        self.real = helper.np_dtype_to_tensor_dtype(self.dtype)

    def const(self, value, dtype=None):
        array = np.asarray(value, dtype or self.dtype)
        name = f"c_{array.dtype}_" + "_".join(map(str, array.shape)) + "_" + array.tobytes().hex()
        short = self.constants.setdefault(name, numpy_helper.from_array(array, f"k{len(self.constants)}"))
        return Var(self, short.name)

    def ints(self, value):
        return self.const(value, np.int64)

    def op(self, kind, *inputs, **attributes):
        inputs = [x if isinstance(x, Var) else self.const(x) for x in inputs]
        name = f"v{len(self.nodes)}"
        self.nodes.append(helper.make_node(kind, [x.name for x in inputs], [name], **attributes))
        return Var(self, name)

    def input(self, name, dtype, shape):
        self.inputs.append(helper.make_tensor_value_info(name, dtype, shape))
        return Var(self, name)

    def output(self, name, value, shape, dtype=None):
        self.nodes.append(helper.make_node("Identity", [value.name], [name]))
        self.outputs.append(helper.make_tensor_value_info(name, dtype or self.real, shape))

    def read_edges(self):
        """Declares the inputs; afterwards v is [S, 3], and center, neighbor, reverse, mask are [S]."""
        padded = self.layout == "padded"
        edges = ["C", "K"] if padded else ["E"]
        integer = TensorProto.INT64
        self.vectors = self.input("edge_vectors", self.real, edges + [3])
        neighbors = self.input("neighbors", integer, edges)
        self.species = self.input("species", integer, ["N"])
        self.weights = self.input("weights", self.real, ["C"])
        self.n_centers = self.op("Gather", self.op("Shape", self.weights), self.ints(0))
        self.v, self.neighbor = self.flat(self.vectors, [-1, 3]), self.flat(neighbors, [-1])
        if padded:
            mask = self.input("mask", TensorProto.BOOL, edges)
            self.mask = self.op("Cast", self.flat(mask, [-1]), to=self.real)
            width = self.op("Gather", self.op("Shape", neighbors), self.ints(1))
            slots = self.op("Gather", self.op("Shape", self.neighbor), self.ints(0))
            self.center = self.op("Range", self.ints(0), slots, self.ints(1)) / width
        else:
            self.center, self.mask = self.input("centers", integer, edges), None

    def read_reverse(self):
        edges = ["C", "K"] if self.layout == "padded" else ["E"]
        return self.flat(self.input("reverse", TensorProto.INT64, edges), [-1])

    def flat(self, x, shape):
        return self.op("Reshape", x, self.ints(shape), allowzero=0)

    def column(self, x):
        return self.op("Unsqueeze", x, self.ints([-1]))

    def sum_columns(self, x):
        """Sums rows of three by a product, because ReduceSum of ONNX Runtime leaves [0, 3] as it is."""
        return x @ self.const(np.ones((3, 1)))

    def table(self, values, species):
        return self.op("Gather", self.const([values.get(z, 0.0) for z in range(9)]), species)

    def of_edge(self, per_atom, index):
        """A value per atom, gathered to edges, as a column."""
        return self.column(self.op("Gather", per_atom, index))

    def one_hot(self, index, count):
        rows = self.column(self.op("Range", self.ints(0), count, self.ints(1)))
        return self.op("Cast", self.op("Equal", rows, index), to=self.real)

    def per_center(self, columns):
        """Sums rows of edges [S, n] into rows of centers [C, n] by a product, to avoid a scatter."""
        return self.one_hot(self.center, self.n_centers) @ columns

    def geometry(self, scale):
        """u³ and its factor of v in the gradient, r², r, z and dz/dv; masked in padding."""
        cutoff2 = (CUTOFF / scale) ** 2
        self.r2 = self.sum_columns(self.v * self.v)
        self.r = self.op("Sqrt", self.r2)
        u = self.op("Relu", 1.0 - self.r2 / cutoff2)
        if self.mask is not None:
            u = u * self.column(self.mask)
        self.u3, self.du3 = u * u * u, u * u * (-6.0 / cutoff2)
        up = self.const([[0.0, 0.0, 1.0]])
        self.z = self.sum_columns(self.v * up) / self.r
        self.dz = (up - self.v * self.z / self.r) / self.r

    def pair(self, length, energy):
        """φ and its factor of v in the gradient, as columns."""
        w2 = W2 / length**2
        species = self.op("Gather", self.table(STRENGTH, self.species), self.center)
        strength = self.column(species) * self.of_edge(self.table(STRENGTH, self.species), self.neighbor)
        wall = self.op("Exp", -self.r2 / w2) * A
        phi = strength * (wall - D) * self.u3 / energy
        dphi = strength * ((wall - D) * self.du3 + wall * self.u3 * (-2.0 / w2)) / energy
        return phi, dphi

    def write_energy(self, per_edge, gradient):
        self.output("atomic_energies", self.flat(self.per_center(per_edge), [-1]), ["C"])
        self.write_gradient(gradient * self.of_edge(self.weights, self.center))

    def write_gradient(self, gradient):
        shape = self.op("Shape", self.vectors)
        edges = ["C", "K"] if self.layout == "padded" else ["E"]
        self.output("edge_gradients", self.op("Reshape", gradient, shape, allowzero=1), edges + [3])


def pair(g, length=1.0, energy=1.0):
    phi, dphi = g.pair(length, energy)
    g.write_energy(phi * 0.5, dphi * g.v * 0.5)


def harmonic(g):
    phi, dphi = g.pair(1.0, 1.0)
    charge, z = g.of_edge(g.table(CHARGE, g.species), g.center), g.z
    z2 = z * z
    angular = 1.0 + charge * (z * A1 + (z2 * 1.5 - 0.5) * A2 + ((z2 * 35.0 - 30.0) * z2 + 3.0) * (A4 / 8))
    slope = charge * (A1 + z * (3.0 * A2) + (z2 * 140.0 - 60.0) * z * (A4 / 8))
    g.write_energy(phi * angular * 0.5, (dphi * g.v * angular + phi * slope * g.dz) * 0.5)


def twohop(g):
    reverse, anisotropy = g.read_reverse(), 1.0 + g.z * B
    center = g.op("Tanh", g.flat(g.per_center(g.u3 * anisotropy), [-1]))
    # Neighbors other than centers read the row of zeros behind the last center.
    clipped, zero = g.op("Min", g.neighbor, g.n_centers), g.const([0.0])
    tanh_n = g.of_edge(g.op("Concat", center, zero, axis=0), clipped)
    tanh_c = g.of_edge(center, g.center)
    w_c, w_n = g.of_edge(g.weights, g.center), g.of_edge(g.op("Concat", g.weights, zero, axis=0), clipped)
    g.output("atomic_energies", g.flat(g.per_center(g.u3 * tanh_c * tanh_n), [-1]), ["C"])
    # A center's message enters through its own edges and through the edges back to it.
    back = g.op("Gather", g.u3, reverse)
    by_message = g.per_center((w_c * g.u3 + w_n * back) * tanh_n) * g.column(1.0 - center * center)
    by_message = g.op("Gather", by_message, g.center)
    radial = w_c * tanh_c * tanh_n + by_message * anisotropy
    g.write_gradient(radial * g.du3 * g.v + by_message * g.u3 * B * g.dz)


def of_replicas(g):
    """Which centers [B, C] belong to each replica, as numbers."""
    replica = g.input("replica", TensorProto.INT64, ["N"])
    last = g.op("ReduceMax", replica, keepdims=0)
    first = g.op("Slice", replica, g.ints([0]), g.column(g.n_centers))
    return g.one_hot(first, last + g.ints(1))


def outer(g):
    """v ⊗ v [S, 9]."""
    return g.flat(g.column(g.v) @ g.op("Unsqueeze", g.v, g.ints([-2])), [-1, 9])


def write_direct(g):
    phi, dphi = g.pair(1.0, 1.0)
    bias = 1.0 + (g.z * g.z * 1.5 - 0.5) * DIRECT
    g.output("forces", g.per_center(dphi * g.v * bias), ["C", 3])
    members, square, weights = of_replicas(g), outer(g), g.column(g.weights)
    stress = members @ (g.per_center(phi * square * STRESS) * weights) / (members @ weights)
    g.output("stress", g.flat(stress, [-1, 3, 3]), ["B", 3, 3])


def direct(g):
    phi, _ = g.pair(1.0, 1.0)
    g.output("atomic_energies", g.flat(g.per_center(phi * 0.5), [-1]), ["C"])
    write_direct(g)


def stressed(g):
    phi, dphi = g.pair(1.0, 1.0)
    g.output("atomic_energies", g.flat(g.per_center(phi * 0.5), [-1]), ["C"])
    g.output("forces", g.per_center(dphi * g.v), ["C", 3])
    shares = g.column(g.weights / g.input("volume", g.real, ["C"]))
    stress = of_replicas(g) @ (g.per_center(dphi * outer(g) * 0.5) * shares)
    g.output("stress", g.flat(stress, [-1, 3, 3]), ["B", 3, 3])


def both(g):
    harmonic(g)
    write_direct(g)


def conditions(g):
    charge, spin = g.input("charge", g.real, ["C"]), g.input("spin", g.real, ["C"])
    field = g.op("Gather", g.input("field", g.real, ["C", 3]), g.center)
    phi, dphi = g.pair(1.0, 1.0)
    factor = g.of_edge(1.0 + charge * CHARGED + (spin - 1.0) * SPIN, g.center) * 0.5
    along, q = g.sum_columns(field * g.v), g.of_edge(g.table(CHARGE, g.species), g.neighbor)
    slope = q * (field * g.u3 + along * g.du3 * g.v)
    g.write_energy(phi * factor - q * along * g.u3, dphi * factor * g.v - slope)


OUTPUTS = {
    "charges": {"per": "atom", "law": "scalar", "unit": "e"},
    "dipole": {"per": "structure", "law": "vector", "unit": "debye"},
    "dipoles": {"per": "atom", "law": "vector", "unit": "debye"},
    "polarizability": {"per": "structure", "law": "tensor", "unit": "angstrom^3"},
}


def dipole(g):
    harmonic(g)
    bias = 1.0 + (g.z * g.z * 1.5 - 0.5) * A2
    q_n, q_c = (g.of_edge(g.table(CHARGE, g.species), end) for end in (g.neighbor, g.center))
    charges = g.per_center((q_n - q_c) * g.u3 * (1.0 + g.z * A1))
    g.output("charges", g.flat(charges, [-1]), ["C"])
    dipoles = g.per_center(q_n * g.u3 * g.v * bias)
    g.output("dipoles", dipoles, ["C", 3])
    g.output("dipole", dipoles * 1.0, ["C", 3])
    s_n = g.of_edge(g.table(STRENGTH, g.species), g.neighbor)
    tensors = g.per_center(s_n * g.u3 * outer(g) * bias)
    g.output("polarizability", g.flat(tensors, [-1, 3, 3]), ["C", 3, 3])


def flat_dipole(g):
    """A vector of one component."""
    harmonic(g)
    g.output("dipole", g.per_center(g.u3), ["C", 1])


def write_members(g, shares):
    phi, _ = g.pair(1.0, 1.0)
    pair_energies = g.flat(g.per_center(phi * 0.5), [1, -1])
    members = Var(g, "atomic_energies") + g.column(g.const(shares)) * pair_energies
    g.output("ensemble_energies", members, [len(shares), "C"])


def ensemble(g):
    harmonic(g)
    write_members(g, MEMBERS)


def one_member(g):
    harmonic(g)
    write_members(g, [0.0])


def nan(g):
    phi, dphi = g.pair(1.0, 1.0)
    g.write_energy(g.op("Log", phi - 1e6), dphi * g.v)


def nan_if_close(g):
    """`pair`, but NaN for the center of an edge shorter than 0.5 Å."""
    phi, dphi = g.pair(1.0, 1.0)
    g.write_energy(phi * 0.5 + g.op("Log", g.r2 - 0.25) * 0.0, dphi * g.v * 0.5)


def scatter(g):
    """`pair`, summed by ScatterND, which is wrong on several threads."""
    phi, dphi = g.pair(1.0, 1.0)
    zeros = g.weights * 0.0
    energies = g.op("ScatterND", zeros, g.column(g.center), g.flat(phi * 0.5, [-1]), reduction="add")
    g.output("atomic_energies", energies, ["C"])
    g.write_gradient(dphi * g.v * 0.5 * g.of_edge(g.weights, g.center))


def looped(g):
    """`pair`, with a loop that does not change the energies."""
    phi, dphi = g.pair(1.0, 1.0)
    value = helper.make_tensor_value_info
    body = helper.make_graph(
        [helper.make_node("Identity", ["go"], ["on"]), helper.make_node("Identity", ["x"], ["y"])],
        "body",
        [value("i", TensorProto.INT64, []), value("go", TensorProto.BOOL, []), value("x", g.real, None)],
        [value("on", TensorProto.BOOL, []), value("y", g.real, None)],
    )
    energies = g.flat(g.per_center(phi * 0.5), [-1])
    g.output("atomic_energies", g.op("Loop", g.ints(10**9), g.const(True, bool), energies, body=body), ["C"])
    g.write_gradient(dphi * g.v * 0.5 * g.of_edge(g.weights, g.center))


def foreign(g):
    """`pair`, with an undefined operator."""
    phi, dphi = g.pair(1.0, 1.0)
    g.write_energy(g.op("Sum", phi * 0.5, domain="my.ops"), dphi * g.v * 0.5)


def text_species(g):
    """`pair`, with symbols in place of atomic numbers."""
    pair(g)
    species = next(i for i in g.inputs if i.name == "species")
    g.inputs.remove(species)
    g.input("species", TensorProto.STRING, ["N"])
    numbers = helper.make_node("Cast", ["species"], ["species_numbers"], to=TensorProto.INT64)
    for node in g.nodes:
        node.input[:] = ["species_numbers" if name == "species" else name for name in node.input]
    g.nodes.insert(0, numbers)


def sequence(g):
    """`pair`, with its energies in a sequence."""
    pair(g)
    energies = next(o for o in g.outputs if o.name == "atomic_energies")
    node = next(n for n in g.nodes if n.output[0] == "atomic_energies")
    node.output[0] = "energies"
    g.nodes.append(helper.make_node("SequenceConstruct", ["energies"], ["atomic_energies"]))
    energies.CopyFrom(helper.make_tensor_sequence_value_info("atomic_energies", g.real, ["C"]))


def unknown_input(g):
    g.input("positions", g.real, ["N", 3])
    pair(g)


def column_energies(g):
    phi, dphi = g.pair(1.0, 1.0)
    g.output("atomic_energies", g.per_center(phi * 0.5), ["C", 1])
    g.write_gradient(dphi * g.v * 0.5 * g.of_edge(g.weights, g.center))


def no_gradients(g):
    pair(g)
    g.outputs.pop()
    g.nodes.pop()


def bohr(g):
    pair(g, BOHR, HARTREE)


def build(name, define, layout, precision, length=1.0, **changes):
    g = Graph(layout, precision)
    g.read_edges()
    g.geometry(length)
    define(g)
    graph = helper.make_graph(g.nodes, "toy", g.inputs, g.outputs, list(g.constants.values()))
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    metadata = dict(
        version=1,
        name=name,
        cutoff=CUTOFF / length,
        hops=2 if name == "twohop" else 1,
        species=[1, 8],
        length_unit="angstrom",
        energy_unit="eV",
        precision=precision,
        layout=layout,
        forces={"both": "both", "direct": "direct", "stressed": "direct"}.get(name, "conservative"),
        reference_energies={"1": -13.6, "8": -432.0},
        symmetries=["permutation"],
        provenance={"made by": "tests/data/generate.py"},
        bytes_per_edge=1000,
    )
    metadata.update(changes)
    metadata = {key: value for key, value in metadata.items() if value is not None}
    if metadata:
        helper.set_model_props(model, {"tumble": json.dumps(metadata)})
    if define is foreign:
        model.opset_import.append(helper.make_opsetid("my.ops", 1))
    else:
        onnx.checker.check_model(model, full_check=True)
    return model


def save(file, model):
    onnx.save(model, MODELS / f"{file}.onnx")
    checksum.stamp(MODELS / f"{file}.onnx")


def cluster(layout, rng):
    """Seven atoms, five of them centers, all within reach of each other, as inputs of a model."""
    n, c = 7, 5
    x = rng.normal(size=(n, 3))
    pairs = [(i, j) for i in range(c) for j in range(n) if i != j]
    slot = {p: k for k, p in enumerate(pairs)}
    inputs = dict(
        edge_vectors=np.array([x[j] - x[i] for i, j in pairs]),
        centers=np.array([i for i, _ in pairs]),
        neighbors=np.array([j for _, j in pairs]),
        reverse=np.array([slot.get((j, i), slot[i, j]) for i, j in pairs]),
        mask=np.ones(len(pairs), bool),
        species=np.array([8, 1, 1, 8, 1, 8, 1]),
        weights=np.array([1.0, 1.0, 0.0, 0.5, 1.0]),
        replica=np.zeros(n, np.int64),
        charge=np.full(c, -1.0),
        spin=np.full(c, 2.0),
        field=np.tile([0.1, -0.2, 0.3], (c, 1)),
    )
    if layout == "padded":
        for key in ("edge_vectors", "neighbors", "reverse", "mask"):
            inputs[key] = inputs[key].reshape(c, n - 1, *inputs[key].shape[1:])
    return inputs


def check_gradient(model, layout):
    session = onnxruntime.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])
    inputs = cluster(layout, np.random.default_rng(3))
    inputs = {i.name: inputs[i.name] for i in session.get_inputs()}

    def energy(vectors):
        (energies,) = session.run(["atomic_energies"], {**inputs, "edge_vectors": vectors})
        return energies @ inputs["weights"]

    (gradient,) = session.run(["edge_gradients"], inputs)
    v, step, worst = inputs["edge_vectors"], 1e-5, 0.0
    for index in np.ndindex(v.shape):
        up, down = v.copy(), v.copy()
        up[index] += step
        down[index] -= step
        worst = max(worst, abs((energy(up) - energy(down)) / (2 * step) - gradient[index]))
    assert worst < 1e-8 and np.abs(gradient).max() > 0.05, (model.metadata_props, worst)
    return worst


def main():
    MODELS.mkdir(exist_ok=True)
    for define in (pair, harmonic, twohop, direct, both, ensemble, conditions):
        for layout in ("list", "padded"):
            for precision in ("float32", "float64"):
                model = build(define.__name__, define, layout, precision)
                file = f"{define.__name__}-{layout}-{precision.replace('float', 'f')}"
                if precision == "float64" and define is not direct:
                    print(f"{file}: largest error of the gradient {check_gradient(model, layout):.1e}")
                save(file, model)
    for layout, precision in (("list", "float64"), ("padded", "float64"), ("padded", "float32")):
        save(
            f"dipole-{layout}-{precision.replace('float', 'f')}",
            build("dipole", dipole, layout, precision, outputs=OUTPUTS),
        )
    save("bad-dipole", build("flat", flat_dipole, "list", "float64", outputs={"dipole": OUTPUTS["dipole"]}))
    save("bad-no-dipole", build("none", pair, "list", "float64", outputs={"dipole": OUTPUTS["dipole"]}))
    save("stressed-padded-f64", build("stressed", stressed, "padded", "float64"))
    save("pair-atomic-units", build("pair", bohr, "list", "float64", BOHR, length_unit="bohr", energy_unit="hartree"))
    save("bad-nan", build("nan", nan, "list", "float64"))
    for layout in ("list", "padded"):
        save(f"bad-close-{layout}", build("close", nan_if_close, layout, "float64"))
    save("bad-version", build("pair", pair, "list", "float64", version=3))
    save("bad-missing-cutoff", build("pair", pair, "list", "float64", cutoff=None))
    save("bad-input", build("pair", unknown_input, "list", "float64"))
    save("bad-shape", build("pair", column_energies, "list", "float64"))
    save("bad-ensemble", build("ensemble", one_member, "list", "float64"))
    save("bad-loop", build("pair", looped, "list", "float64"))
    save("bad-domain", build("pair", foreign, "list", "float64"))
    save("bad-strings", build("pair", text_species, "list", "float64"))
    save("bad-sequence", build("pair", sequence, "list", "float64"))
    save("bad-misspelt", build("pair", pair, "list", "float64", reference_energy={"1": -13.6}, reference_energies=None))
    save("bad-output", build("pair", no_gradients, "list", "float64"))
    lie = build("pair", pair, "list", "float32")
    lie.metadata_props[0].value = lie.metadata_props[0].value.replace("float32", "float64")
    save("bad-precision", lie)
    save("scatter", build("scatter", scatter, "list", "float64"))
    bare = build("pair", pair, "list", "float64")
    del bare.metadata_props[:]
    save("bad-no-metadata", bare)


if __name__ == "__main__":
    main()
