"""metatrain's PET on the tensors of the model contract, made from a loaded model of that package.

Rows are edges, [E, d], or centers, [C, d]; sums over neighbors have the padded layout, [C, K].
"""

import torch
from torch import nn

from ..conditions import Table
from ..functions import Reverse, Silu
from ..layers import Dense, Norm, matrices
from ..packing import Tokens, slots_of
from ..pruning import PruneEdges, narrowed
from .cutoff import CutoffFunction, Grid, Solver, clip, constant
from .layers import Block, after
from .zbl import Zbl

SMALLEST_WEIGHT = 1e-15  # smallest weight of a key in the attention, as in metatrain


class Mixer(nn.Module):
    """Two linear maps with SiLU after the first; in heads, also after the second."""

    def __init__(self, first, last, norm=None, end=False):
        super().__init__()
        self.first = Dense(*(after(norm, first) if norm is not None else matrices(first)))
        self.last, self.end = Dense(*matrices(last)), end

    def forward(self, rows):
        rows = self.last(Silu.apply(self.first(rows)))
        return Silu.apply(rows) if self.end else rows


class MessageLayer(nn.Module):
    """A layer of message passing: geometry, species and messages to tokens, and transformer blocks on them.

    The first linear map acts on three parts side by side, so it is split: the part for the embedded geometry is one
    small matrix, and the part for the embedded species a table.
    """

    def __init__(self, layer, edge_embedder):
        super().__init__()
        weight, bias = matrices(layer.compress[0])
        parts = weight.split(weight.shape[1], dim=0)
        geometry, shift = matrices(layer.edge_embedder)
        table = (edge_embedder if layer.is_first else layer.neighbor_embedder).weight.detach().double()
        self.register_buffer("direction", geometry[:3] @ parts[0])
        self.register_buffer("distance", geometry[3:] @ parts[0])
        self.register_buffer("table", table @ parts[1] + bias + shift @ parts[0])
        self.register_buffer("message", None if layer.is_first else parts[2].contiguous())
        self.compress = Dense(*matrices(layer.compress[2]))
        self.blocks = nn.ModuleList([Block(block) for block in layer.trans.layers])

    def forward(self, center, messages, geometry, kinds, bias, tokens):
        """center [C, d_node], messages [E, d], vectors [E, 3] and distances [E, 1], species [E] -> rows of both."""
        vectors, distances = geometry
        hidden = vectors @ self.direction + distances @ self.distance + self.table.index_select(0, kinds)
        if self.message is not None:
            hidden = hidden + messages @ self.message
        edges = self.compress(Silu.apply(hidden))
        for block in self.blocks:
            center, edges = block(center, edges, bias, tokens)
        return center, edges


class Head(nn.Module):
    """One target: per-center values [C, n] from the rows of each readout layer, and features for an ensemble."""

    def __init__(self, backend, name, scale):
        super().__init__()
        self.nodes = nn.ModuleList([Mixer(h[0], h[2], end=True) for h in backend.node_heads[name]])
        self.edges = nn.ModuleList([Mixer(h[0], h[2], end=True) for h in backend.edge_heads[name]])
        self.node_last = nn.ModuleList([Dense(*matrices(only(d))) for d in backend.node_last_layers[name]])
        self.edge_last = nn.ModuleList([Dense(*matrices(only(d))) for d in backend.edge_last_layers[name]])
        self.register_buffer("scale", scale)

    def features(self, readouts):
        """[(center rows, edge rows)] of each layer -> the same, transformed."""
        return [(n(c), e(r)) for n, e, (c, r) in zip(self.nodes, self.edges, readouts)]

    def forward(self, features, weights, own, tokens):
        """features, cutoff function [C, K] (0 in padding), number of the species of centers [C] -> [C, n]."""
        total = 0.0
        for node_last, edge_last, (center, edges) in zip(self.node_last, self.edge_last, features):
            values = tokens.padded(edge_last(edges))
            total = total + node_last(center) + (values * weights.unsqueeze(2)).sum(1)
        return total * self.scale.index_select(0, own)


def only(layers):
    """The linear map of a target with a single block."""
    (layer,) = layers.values()
    return layer


class Ensemble(nn.Module):
    """Last-layer ensemble: energies of M members whose mean is the model's energy."""

    def __init__(self, linear):
        super().__init__()
        weight, _ = matrices(linear)
        # members minus their mean: only deviations are added to the energy
        self.register_buffer("weight", weight - weight.mean(1, keepdim=True))

    def forward(self, features, weights, energies, tokens):
        """features of each layer, cutoff function [C, K], energies [C] -> [M, C]."""
        columns = []
        for center, edges in features:
            columns += [center, (tokens.padded(edges) * weights.unsqueeze(2)).sum(1)]
        return (torch.cat(columns, dim=1) @ self.weight + energies.unsqueeze(1)).t()


class StateEmbedding(nn.Module):
    """Charge and spin multiplicity [C] -> rows [C, d_node]; the first linear map is in the tables of both."""

    def __init__(self, conditioning):
        super().__init__()
        first, _, last = conditioning.project
        weight, bias = matrices(first)
        charges, spins = conditioning.charge_embedding.weight, conditioning.spin_multiplicity_embedding.weight
        parts = weight.split(charges.shape[1], dim=0)
        self.charge = Table(charges.detach().double() @ parts[0] + bias, -conditioning.max_charge)
        self.spin = Table(spins.detach().double() @ parts[1], 1)
        self.last = Dense(*matrices(last))

    def forward(self, charge, spin):
        return self.last(Silu.apply(self.charge(charge) + self.spin(spin)))


class MetatrainPet(nn.Module):
    """PET of metatrain, from tensors of the contract to a dict of its outputs, as in `adapter.py`."""

    def __init__(self, pet, heads, scales, members=None, state=None, embedding=None):
        """`heads`: the target of `atomic_energies` and that of `forces`; `scales` [S, 1]: metatrain's scaler, for each.

        `members`: the linear map of a last-layer ensemble; `state` [1, d_node]: embedded charge and multiplicity of all
        structures; or `embedding`: a `StateEmbedding` of those of each.
        """
        super().__init__()
        backend = pet.backend
        self.feedforward = backend.featurizer_type == "feedforward"
        self.build_cutoff(pet)
        self.build_layers(backend)
        self.heads = nn.ModuleDict({out: Head(backend, name, scales[out]) for out, name in heads.items()})
        self.ensemble = None if members is None else Ensemble(members)
        zbl = [m for m in pet.additive_models if type(m).__name__ == "ZBL" and heads["atomic_energies"] in m.outputs]
        self.zbl = Zbl(zbl[0].atomic_types, zbl[0].covalent_radii) if zbl else None
        self.register_buffer("state", state)
        self.embedding = embedding
        self.conditions = () if embedding is None else ("charge", "spin")
        self.species = list(pet.atomic_types)
        self.cutoff = max(float(pet.cutoff), self.zbl.reach if self.zbl else 0.0)
        self.hops = len(self.layers) + self.feedforward + (self.adaptive is not None)

    def build_cutoff(self, pet):
        backend = pet.backend
        self.function = CutoffFunction(backend.cutoff_function, backend.cutoff_width)
        self.adaptive = None
        self.register_buffer("radius", constant(pet.cutoff))
        self.register_buffer("tiny", constant(SMALLEST_WEIGHT))
        self.register_buffer("numbers", backend.species_to_species_index.long())

    def build_layers(self, backend):
        self.layers = nn.ModuleList([MessageLayer(layer, backend.edge_embedder) for layer in backend.gnn_layers])
        self.register_buffer("edge_table", backend.edge_embedder.weight.detach().double())
        for i, embedder in enumerate(backend.node_embedders):
            self.register_buffer(f"node_table_{i}", embedder.weight.detach().double())
        pairs = list(zip(backend.combination_norms, backend.combination_mlps))
        norms = [Norm(norm, affine=False) for norm, _ in pairs]
        self.norms = nn.ModuleList(norms)
        self.mixers = nn.ModuleList([Mixer(mlp[0], mlp[2], norm) for norm, (_, mlp) in zip(norms, pairs)])

    def forward(self, edge_vectors, neighbors, mask, reverse, species, charge=None, spin=None, slots=None):
        """edge_vectors [C, K, 3], neighbors, mask, reverse [C, K], species [N], charge, spin [C], slots [E] -> dict."""
        vectors, distances = self.lengths(edge_vectors, mask)
        kinds, state = self.kinds(species, mask), self.states(charge, spin)
        found = self.energies(vectors, distances, self.radius, (neighbors, mask, reverse), kinds, state, slots)
        return self.with_repulsion(found, distances, neighbors, mask, kinds)

    def states(self, charge, spin):
        """Embedded charge and multiplicity, [C, d_node] or [1, d_node]; None without."""
        return self.state if self.embedding is None else self.embedding(charge, spin)

    def kinds(self, species, mask):
        """Numbers of the species of all atoms [N], and of the centers [C]."""
        kinds = self.numbers.index_select(0, species)
        return kinds, kinds[: mask.shape[0]]

    def with_repulsion(self, found, distances, neighbors, mask, kinds):
        """The outputs, with the ZBL potential of a model that has one."""
        if self.zbl is not None:
            others = kinds[0].index_select(0, neighbors.reshape(-1)).view(mask.shape)
            pairs = kinds[1].unsqueeze(1) * len(self.species) + others
            found["atomic_energies"] = found["atomic_energies"] + self.zbl(distances, pairs, mask)
        return found

    def lengths(self, vectors, mask):
        """Edge vectors [C, K, 3], as long as the cutoff in padding, and their lengths [C, K]."""
        far = torch.stack([self.radius, 0 * self.radius, 0 * self.radius])
        vectors = torch.where(mask.unsqueeze(2), vectors, far)
        return vectors, ((vectors * vectors).sum(2) + self.tiny).sqrt()

    def energies(self, vectors, distances, cutoffs, edges, kinds, state, slots):
        """Values of the heads from edges (neighbors, mask, reverse), their vectors, lengths and cutoffs."""
        neighbors, mask, reverse = edges
        tokens = Tokens(mask, slots_of(mask) if slots is None else slots)
        others = kinds[0].index_select(0, neighbors.reshape(-1))
        near = mask & (distances <= cutoffs)
        weights = self.function(distances, cutoffs)
        weights = torch.where(near, weights, torch.zeros_like(weights))
        geometry = tokens.rows(vectors), tokens.rows(distances)
        rows = others.index_select(0, tokens.slots), tokens.reversed(reverse)
        readouts = self.featurize(geometry, rows, (kinds[1], state), self.bias(near, weights), tokens)
        return self.read(readouts, weights, kinds[1], tokens)

    def bias(self, near, weights):
        """Logarithms of the cutoff function [C, 1, K + 1], the center's own token first; padding is masked."""
        logarithms = clip(weights, self.tiny).log()
        logarithms = torch.where(near, logarithms, torch.full_like(logarithms, -1e5))
        center = logarithms.new_zeros(1).expand(weights.shape[0], 1)
        return torch.cat([center, logarithms], dim=1).unsqueeze(1)

    def featurize(self, geometry, edges, centers, bias, tokens):
        """Rows [(center, edges)] to read from: of the last layer (feedforward), or of each (residual).

        `edges`: neighbors' species and the reversed edges, each [E]; `centers`: their species [C], and states or None.
        """
        (kinds, back), (own, state) = edges, centers
        messages = self.edge_table.index_select(0, kinds)
        center, readouts = self.node(0, own), []
        for i, layer in enumerate(self.layers):
            center, edges = layer(
                center if self.feedforward else self.node(i, own), messages, geometry, kinds, bias, tokens
            )
            if state is not None:
                center = center + state
            if self.feedforward:
                both = torch.cat([edges, Reverse.apply(edges, back)], dim=1)
                messages = messages + edges + self.mixers[i](self.norms[i](both))
            else:
                readouts.append((center, edges))
                if i + 1 < len(self.layers):
                    messages = 0.5 * (messages + Reverse.apply(edges, back))
        return [(center, messages)] if self.feedforward else readouts

    def node(self, layer, own):
        return getattr(self, f"node_table_{layer}").index_select(0, own)

    def read(self, readouts, weights, own, tokens):
        """Values of the heads, by the names of the contract."""
        found = {}
        for name, head in self.heads.items():
            features = head.features(readouts)
            values = head(features, weights, own, tokens)
            found[name] = values.squeeze(1) if name == "atomic_energies" else values
            if name == "atomic_energies" and self.ensemble is not None:
                found["ensemble_energies"] = self.ensemble(features, weights, found[name], tokens)
        return found


class AdaptivePet(MetatrainPet):
    """A PET whose centers have cutoffs of their own: all but the cutoffs is computed for the kept edges."""

    def build_cutoff(self, pet):
        super().build_cutoff(pet)
        arguments = (pet.backend.num_neighbors_adaptive, pet.cutoff, pet.cutoff_width_adaptive)
        solver = pet.backend.adaptive_cutoff_method.lower() == "solver"
        self.adaptive = Solver(*arguments) if solver else Grid(*arguments, next(pet.parameters()).dtype)

    def forward(
        self,
        edge_vectors,
        neighbors,
        mask,
        reverse,
        species,
        charge=None,
        spin=None,
        kept_neighbors=None,
        kept_mask=None,
        kept_reverse=None,
        slots=None,
    ):
        """As in `MetatrainPet`; `kept_…` [C, L] are those of `narrowed`."""
        vectors, distances = self.lengths(edge_vectors, mask)
        kinds, state = self.kinds(species, mask), self.states(charge, spin)
        cutoffs = self.cutoffs(distances, mask, reverse)
        keep = mask & (distances <= cutoffs)
        edges = kept_neighbors, kept_mask, kept_reverse
        if kept_mask is None:
            edges = narrowed(keep, neighbors, reverse)
        rows = torch.cat([vectors, cutoffs.unsqueeze(2)], dim=2)
        kept = PruneEdges.apply(rows, keep, neighbors, reverse, edges[1])
        kept_vectors, kept_cutoffs = kept.split([3, 1], dim=2)
        geometry = self.lengths(kept_vectors, edges[1])
        found = self.energies(*geometry, kept_cutoffs.squeeze(2), edges, kinds, state, slots)
        return self.with_repulsion(found, distances, neighbors, mask, kinds)

    def cutoffs(self, distances, mask, reverse):
        """The adaptive cutoff of each edge [C, K]: the mean of those of its ends."""
        own = self.adaptive(distances, mask & (distances <= self.radius))
        own = own.unsqueeze(1) + torch.zeros_like(distances)
        return 0.5 * (own + Reverse.apply(own.reshape(-1, 1), reverse.reshape(-1)).view(mask.shape))

    @torch.no_grad()
    def narrowed(self, edge_vectors, neighbors, mask, reverse):
        """Neighbors, mask and reverse [C, L] of the kept edges."""
        _, distances = self.lengths(edge_vectors, mask)
        return narrowed(mask & (distances <= self.cutoffs(distances, mask, reverse)), neighbors, reverse)
