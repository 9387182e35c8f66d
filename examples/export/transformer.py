"""A message-passing transformer for energies as one writes it in PyTorch: a list of edges, `index_add`, softmax.

Each atom has features and each edge a message. In a layer, atoms attend to the messages of their edges; then the
messages are updated from both atoms and from the message in the other direction. Edge vectors enter as they are: the
energy is not exactly invariant to rotations. `transformer_tumble.py` is the same model for `tumble-export`.
"""

import math

import torch
from torch import nn

CUTOFF, WIDTH, HEADS, LAYERS, RADIAL, SPECIES = 4.5, 32, 4, 2, 8, [1, 6, 7, 8]  # Å


def scatter_sum(rows, index, count):
    """Rows [E, ..] -> the sum of the rows with each index [count, ..]."""
    return rows.new_zeros(count, *rows.shape[1:]).index_add(0, index, rows)


def scatter_softmax(scores, index, count):
    """Scores [E, h] -> their softmax among the rows with the same index [E, h]."""
    top = scores.new_full((count, scores.shape[1]), -torch.inf)
    top = top.scatter_reduce(0, index.unsqueeze(1).expand_as(scores), scores, "amax")
    weights = torch.exp(scores - top[index])
    return weights / scatter_sum(weights, index, count)[index]


class Attention(nn.Module):
    """Each atom attends to the messages of its edges."""

    def __init__(self):
        super().__init__()
        self.norm_atoms, self.norm_messages = nn.LayerNorm(WIDTH), nn.LayerNorm(WIDTH)
        self.query, self.key_value = nn.Linear(WIDTH, WIDTH), nn.Linear(WIDTH, 2 * WIDTH)
        self.out = nn.Linear(WIDTH, WIDTH)

    def forward(self, atoms, messages, envelope, edge_index):
        center, _ = edge_index
        query = self.query(self.norm_atoms(atoms))[center]
        key, value = self.key_value(self.norm_messages(messages)).chunk(2, dim=-1)
        scores = (query * key).view(-1, HEADS, WIDTH // HEADS).sum(-1) / math.sqrt(WIDTH // HEADS)
        # New neighbors come in with weight 0: their logarithm is low at the cutoff, and so is their envelope.
        scores = scores + torch.log(envelope.clamp(min=1e-12)).unsqueeze(1)
        weights = scatter_softmax(scores, center, len(atoms)) * envelope.unsqueeze(1)
        attended = (weights.unsqueeze(2) * value.view(-1, HEADS, WIDTH // HEADS)).flatten(1)
        return atoms + self.out(scatter_sum(attended, center, len(atoms)))


class Update(nn.Module):
    """Each message is updated from both atoms of its edge and from the message in the other direction."""

    def __init__(self):
        super().__init__()
        self.mlp = nn.Sequential(nn.Linear(4 * WIDTH, WIDTH), nn.SiLU(), nn.Linear(WIDTH, WIDTH))

    def forward(self, atoms, messages, edge_index, reverse):
        center, neighbor = edge_index
        joined = torch.cat([atoms[center], atoms[neighbor], messages, messages[reverse]], dim=-1)
        return messages + self.mlp(joined)


class Transformer(nn.Module):
    """Energies of atoms [N] from positions [N, 3], atomic numbers [N] and a list of edges.

    edge_index [2, E] are the atoms of each edge, shifts [E, 3] the lattice vectors between them, and reverse [E] the
    numbers of the reversed edges.
    """

    def __init__(self):
        super().__init__()
        self.embedding, self.neighbor = nn.Embedding(9, WIDTH), nn.Embedding(9, WIDTH)
        self.edge = nn.Linear(3 + RADIAL, WIDTH)
        self.attentions = nn.ModuleList(Attention() for _ in range(LAYERS))
        self.updates = nn.ModuleList(Update() for _ in range(LAYERS - 1))
        self.norm, self.readout = nn.LayerNorm(WIDTH), nn.Linear(WIDTH, 1)
        self.register_buffer("centers", torch.linspace(0.5, CUTOFF, RADIAL))

    def forward(self, positions, species, edge_index, shifts, reverse):
        center, neighbor = edge_index
        vectors = positions[neighbor] - positions[center] + shifts
        lengths = vectors.norm(dim=-1)
        envelope = 0.5 * (1 + torch.cos(math.pi * lengths / CUTOFF))
        radial = torch.exp(-4.0 * (lengths.unsqueeze(1) - self.centers) ** 2)
        messages = self.edge(torch.cat([vectors / CUTOFF, radial], dim=-1)) + self.neighbor(species)[neighbor]
        atoms = self.embedding(species)
        for layer, attention in enumerate(self.attentions):
            if layer > 0:
                messages = self.updates[layer - 1](atoms, messages, edge_index, reverse)
            atoms = attention(atoms, messages, envelope, edge_index)
        return self.readout(self.norm(atoms)).squeeze(-1)


def trained():
    """The model; its weights are random here, where yours come from a checkpoint."""
    torch.manual_seed(0)
    return Transformer()
