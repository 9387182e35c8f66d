"""The protocol of adapters: the description of a model for the exporter.

An adapter's `module` is a `torch.nn.Module` with

    forward(edge_vectors, neighbors, mask, reverse, species) -> outputs

on the tensors of the padded layout of the model contract (`docs/model-contract.md`): edge_vectors [C, K, 3] in the
length unit, neighbors [C, K], mask [C, K], reverse [C, K], species [N]. `outputs` is the energies [C], or a dict with
`atomic_energies` [C] and, where the model has them, `forces` [C, 3], `stress` [B, 3, 3], `ensemble_energies` [M, C];
and the outputs that `Adapter.outputs` declares, with a value for each center: [C], [C, 3] or [C, 3, 3].
The exporter traces the gradient of the energies. If energies depend on the whole structure (`whole`), `forward` has a
sixth argument, replica [N] of the contract, or None if all atoms belong to one structure; and, if it sums over the
structure (`exchanges.structure_sum`), an argument `weights` [C], or None if all are 1. A module that skips padding has
an argument `slots`, the flat slots [E] of `packing.slots_of`, or None if the module must find them. If only some edges
are rows, it has a method `slots_mask(edge_vectors, neighbors, mask, reverse)` with the mask of these, in the layout of
the kept edges if it prunes, and returns the same mask by that name if `slots` is given.

A module whose energy depends on the total charge, the spin multiplicity or the electric field has arguments `charge`
[C], `spin` [C], `field` [C, 3] (`conditions`); `charges` and `spins` of the adapter are the least and the largest whole
number that it knows, if it knows no others.

With `layout="list"` the module has

    forward(edge_vectors, centers, neighbors, reverse, species) -> outputs

on a list of edges, [E, 3] and [E], sorted by center. Its outputs are those of all N atoms, [N], [N, 3] and [M, N]; the
exporter keeps the centers'. Sums over edges, and rows of atoms for edges, are the functions of `edge_list.py`.
"""

from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np
import torch

from . import conditions, units
from . import outputs as further

KINDS = {
    "conservative": ("atomic_energies", "edge_gradients"),
    "direct": ("atomic_energies", "forces"),
    "both": ("atomic_energies", "edge_gradients", "forces"),
}
PAIR = 2  # atoms of the structure that tells which outputs a module has


@dataclass
class Structure:
    """A structure: positions [N, 3], cell [3, 3] (rows are vectors) in the model's length unit, atomic numbers [N]."""

    name: str
    positions: np.ndarray
    cell: np.ndarray
    numbers: np.ndarray
    periodic: bool
    conditions: dict = field(default_factory=dict)  # charge (e), spin (the multiplicity), field


@dataclass
class Answer:
    """Results for a whole structure, in the model's units, with reference energies; None for missing outputs."""

    energy: float
    forces: np.ndarray | None = None  # [N, 3], -d energy / d positions
    virial: np.ndarray | None = None  # [3, 3], -d energy / d strain, not symmetrized
    direct: np.ndarray | None = None  # [N, 3], direct forces
    members: np.ndarray | None = None  # [M], energies of the members of an ensemble
    outputs: dict[str, np.ndarray] = field(default_factory=dict)  # of the structure, [], [3] or [3, 3], or of its atoms

    def parts(self):
        """(name, array) of every result."""
        fields = dict(energy=self.energy, forces=self.forces, virial=self.virial, direct=self.direct)
        fields |= dict(members=self.members) | self.outputs
        return [(k, np.asarray(v)) for k, v in fields.items() if v is not None]


@dataclass
class Adapter:
    """A model to be exported. Lengths and energies are in `length_unit` and `energy_unit`."""

    module: torch.nn.Module
    cutoff: float
    hops: int  # as claimed: measured before the file is written, and raised if too small
    species: list[int]
    layout: str = "padded"  # or "list": the tensors that `forward` takes
    whole: bool = False  # energies depend on all atoms of a structure; `hops` is then the reach of direct forces
    name: str = "model"
    length_unit: str = "angstrom"
    energy_unit: str = "eV"
    reference_energies: dict[int, float] | None = None  # of a free atom by atomic number, energy_unit
    charges: list[int] | None = None
    spins: list[int] | None = None
    # outputs besides energy and forces: name -> {"per": "atom" or "structure", "law": "scalar", "vector" or "tensor",
    # "unit": one of `outputs.UNITS`, or left out}
    outputs: dict[str, dict] = field(default_factory=dict)
    symmetries: tuple[str, ...] = ("permutation", "translation")
    reference: str = ""
    provenance: dict = field(default_factory=dict)
    # the original model in double precision, for the comparison; None for a structure without a definite answer
    source: Callable[[Structure], Answer | None] | None = None

    def __post_init__(self):
        self.length_unit, self.energy_unit = units.length(self.length_unit), units.energy(self.energy_unit)
        if self.layout not in ("padded", "list") or (self.whole and self.layout == "list"):
            raise SystemExit(
                f"the adapter has layout={self.layout!r} and whole={self.whole}: the layout is padded or list, and "
                "padded if the energy belongs to the whole structure."
            )
        further.check(self.outputs)
        missing = set(self.species) - set(self.reference_energies or self.species)
        if missing:
            raise SystemExit(
                f"there is no reference energy for the atomic numbers {sorted(missing)}: give all or none."
            )

    def baseline(self, numbers):
        """Reference energies of a structure's atoms, summed."""
        return float(sum((self.reference_energies or {}).get(int(z), 0.0) for z in numbers))

    def evaluate(self, inputs):
        """The module's outputs as a dict, for five contract tensors."""
        count = int(inputs[2].shape[0] if self.layout == "padded" else inputs[4].shape[0])
        weights = torch.ones(count, dtype=inputs[0].dtype, device=inputs[0].device)
        found = self.module(*inputs, **conditions.tensors(conditions.of(self.module), weights))
        return {"atomic_energies": found} if isinstance(found, torch.Tensor) else found

    def has(self, output):
        """Whether the module has an output."""
        return output in self.returned()

    def returned(self):
        """The module's outputs by name, of two atoms."""
        from .systems import inputs

        pair = np.array([[0.0, 0.0, 0.0], [0.0, 0.0, 0.4 * self.cutoff]])
        kinds = np.resize(self.species, PAIR)
        dtype = next((b.dtype for b in self.tensors() if b.is_floating_point()), torch.float64)
        return self.evaluate(inputs(pair, np.eye(3), kinds, self.cutoff, dtype, periodic=False, layout=self.layout)[:5])

    def tensors(self):
        """All parameters and buffers."""
        yield from self.module.parameters()
        yield from self.module.buffers()


def outputs(adapter, kind):
    """Names of the outputs for a kind of forces; refused if the model has no direct forces."""
    if kind != "conservative" and not adapter.has("forces"):
        raise SystemExit(f"the model has no direct forces, so --forces {kind} is not possible: leave it out.")
    extra = [n for n in ("stress", "ensemble_energies") if (n != "stress" or kind != "conservative") and adapter.has(n)]
    if adapter.outputs:
        further.missing(adapter.outputs, adapter.returned(), PAIR)
    return (*KINDS[kind], *extra, *adapter.outputs)
