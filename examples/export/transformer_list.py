"""The model of `transformer.py` on a list of edges: `tumble-export torch transformer_list.py:make -o transformer.onnx`.

Layout list: the least to change. `transformer_tumble.py` is for several MPI ranks, where it evaluates each atom once.
"""

import math

import torch
from torch import nn
from transformer import CUTOFF, HEADS, LAYERS, SPECIES, WIDTH, trained
from transformer_tumble import source
from tumble_export.adapter import Adapter
from tumble_export.edge_list import center_rows, neighbor_rows, softmax_over_edges, sum_over_edges
from tumble_export.functions import Reverse
from tumble_export.layers import fused


class Listed(nn.Module):
    """The original with sums and gathers that have no scatter, in their gradients neither."""

    def __init__(self, original):
        super().__init__()
        self.original = fused(original)

    def forward(self, edge_vectors, centers, neighbors, reverse, species):
        lengths = edge_vectors.norm(dim=-1)
        envelope = 0.5 * (1 + torch.cos(math.pi * lengths / CUTOFF))
        radial = torch.exp(-4.0 * (lengths.unsqueeze(1) - self.original.centers) ** 2)
        kinds = species.index_select(0, neighbors)
        messages = self.original.edge(torch.cat([edge_vectors / CUTOFF, radial], dim=-1)) + self.original.neighbor(
            kinds
        )
        atoms = self.original.embedding(species)
        for layer in range(LAYERS):
            if layer > 0:
                messages = self.update(layer - 1, atoms, messages, centers, neighbors, reverse)
            atoms = self.attend(layer, atoms, messages, envelope, centers)
        return self.original.readout(self.original.norm(atoms)).squeeze(-1)

    def attend(self, layer, atoms, messages, envelope, centers):
        part, count = self.original.attentions[layer], atoms.shape[0]
        query = center_rows(part.query(part.norm_atoms(atoms)), centers)
        key, value = part.key_value(part.norm_messages(messages)).chunk(2, dim=-1)
        scores = (query * key).view(-1, HEADS, WIDTH // HEADS).sum(-1) / math.sqrt(WIDTH // HEADS)
        scores = scores + torch.log(envelope.clamp(min=1e-12)).unsqueeze(1)
        weights = softmax_over_edges(scores, centers, count) * envelope.unsqueeze(1)
        attended = (weights.unsqueeze(2) * value.view(-1, HEADS, WIDTH // HEADS)).flatten(1)
        return atoms + part.out(sum_over_edges(attended, centers, count))

    def update(self, layer, atoms, messages, centers, neighbors, reverse):
        ends = center_rows(atoms, centers), neighbor_rows(atoms, centers, neighbors, reverse)
        joined = torch.cat([*ends, messages, Reverse.apply(messages, reverse)], dim=-1)
        return messages + self.original.updates[layer].mlp(joined)


def make():
    model = Listed(trained().double())
    return Adapter(model, CUTOFF, LAYERS, SPECIES, layout="list", name="transformer-list", source=source)
