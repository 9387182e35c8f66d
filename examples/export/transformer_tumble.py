"""The model of `transformer.py` for tumble: `tumble-export torch transformer_tumble.py:make -o transformer.onnx`.

Layout padded: each center has K slots for its edges. The manual (docs/export.md) goes through it step by step. The
modules, and thus the weights, are those of the original; only the way between atoms and edges is written differently.
"""

import math

import torch
from torch import nn
from transformer import CUTOFF, HEADS, LAYERS, SPECIES, WIDTH, trained
from tumble_export.adapter import Adapter, Answer
from tumble_export.exchanges import neighbor_rows
from tumble_export.functions import Reverse
from tumble_export.layers import fused
from tumble_export.neighbors import edges
from tumble_export.packing import Packing, slots_of


class Ported(nn.Module):
    """The original with its layers written for slots."""

    def __init__(self, original):
        super().__init__()
        self.original = fused(original)

    def forward(self, edge_vectors, neighbors, mask, reverse, species, slots=None):
        packing = Packing(mask, slots_of(mask) if slots is None else slots)
        far = edge_vectors.new_tensor([CUTOFF, 0.0, 0.0])
        vectors = packing.rows(torch.where(mask.unsqueeze(2), edge_vectors, far))
        lengths = vectors.norm(dim=-1)
        envelope = 0.5 * (1 + torch.cos(math.pi * lengths / CUTOFF))
        radial = torch.exp(-4.0 * (lengths.unsqueeze(1) - self.original.centers) ** 2)
        kinds = species.index_select(0, neighbors.reshape(-1).index_select(0, packing.slots))
        messages = self.original.edge(torch.cat([vectors / CUTOFF, radial], dim=-1)) + self.original.neighbor(kinds)
        atoms = self.original.embedding(species.narrow(0, 0, mask.shape[0]))
        for layer in range(LAYERS):
            if layer > 0:
                messages = self.update(layer - 1, atoms, messages, neighbors, reverse, packing)
            atoms = self.attend(layer, atoms, messages, envelope, packing)
        return self.original.readout(self.original.norm(atoms)).squeeze(-1)

    def attend(self, layer, atoms, messages, envelope, packing):
        part = self.original.attentions[layer]
        query = packing.center_rows(part.query(part.norm_atoms(atoms)))
        key, value = part.key_value(part.norm_messages(messages)).chunk(2, dim=-1)
        scores = (query * key).view(-1, HEADS, WIDTH // HEADS).sum(-1) / math.sqrt(WIDTH // HEADS)
        scores = scores + torch.log(envelope.clamp(min=1e-12)).unsqueeze(1)
        padded = torch.where(packing.mask.unsqueeze(2), packing.padded(scores), -1e5)
        weights = packing.rows(torch.softmax(padded, dim=1)) * envelope.unsqueeze(1)
        attended = (weights.unsqueeze(2) * value.view(-1, HEADS, WIDTH // HEADS)).flatten(1)
        return atoms + part.out(packing.sum(attended))

    def update(self, layer, atoms, messages, neighbors, reverse, packing):
        others = neighbor_rows(atoms, neighbors, packing.mask, reverse, packing)
        back = Reverse.apply(messages, packing.reversed(reverse))
        joined = torch.cat([packing.center_rows(atoms), others, messages, back], dim=-1)
        return messages + self.original.updates[layer].mlp(joined)


def source(structure):
    """The original on a structure, in double precision: energy, forces, and virial from a strain."""
    center, neighbor, vectors, reverse = edges(structure.positions, structure.cell, CUTOFF, [structure.periodic] * 3)
    shifts = vectors - (structure.positions[neighbor] - structure.positions[center])
    positions = torch.tensor(structure.positions, requires_grad=True)
    strain = torch.zeros(3, 3, dtype=torch.float64, requires_grad=True)
    stretch = torch.eye(3, dtype=torch.float64) + strain
    index = torch.stack([torch.tensor(center), torch.tensor(neighbor)])
    given = torch.tensor(structure.numbers), index, torch.tensor(shifts) @ stretch, torch.tensor(reverse)
    energy = trained().double()(positions @ stretch, *given).sum()
    slopes = torch.autograd.grad(energy, (positions, strain))
    return Answer(energy.item(), -slopes[0].numpy(), -slopes[1].numpy())


def make():
    return Adapter(Ported(trained().double()), CUTOFF, LAYERS, SPECIES, name="transformer", source=source)
