"""Writes a checkpoint of a PET with random weights, in one of the published sizes: `random_pet.py SIZE CHECKPOINT`.

The class is metatrain's own. Speed and memory depend on the sizes and not on the values of the weights, so no published
weights are needed. A seed is fixed: everyone gets the same weights.
"""

import sys

import metatomic.torch  # noqa: F401  (registers classes that the checkpoint needs)
import torch
from metatrain.pet import __model__ as Pet
from metatrain.utils.architectures import get_default_hypers
from metatrain.utils.data import DatasetInfo
from metatrain.utils.data.target_info import get_energy_target_info

SEED = 0
SPECIES = range(1, 103)
# uPET's sizes: widths, layers, cutoff (Å), and the number of neighbors that the adaptive cutoff aims at.
SIZES = {
    "xs": dict(d_pet=128, num_gnn_layers=2, num_attention_layers=1, cutoff=7.5, num_neighbors_adaptive=8),
    "s": dict(d_pet=256, num_gnn_layers=3, num_attention_layers=1, cutoff=8.0, num_neighbors_adaptive=16),
    "m": dict(d_pet=384, num_gnn_layers=3, num_attention_layers=2, cutoff=8.5, num_neighbors_adaptive=24),
}


def hyperparameters(size):
    """metatrain's defaults with the widths of a size: d_node is 4, d_feedforward 2 times d_pet."""
    given = SIZES[size]
    width = given["d_pet"]
    widths = dict(d_node=4 * width, d_head=width, d_feedforward=2 * width, num_heads=8)
    return get_default_hypers("pet")["model"] | widths | given


def make(size):
    """The model; it predicts energies in eV of structures in Å."""
    torch.manual_seed(SEED)
    energy = get_energy_target_info("energy", dict(quantity="energy", unit="eV"), add_position_gradients=True)
    data = DatasetInfo(length_unit="angstrom", atomic_types=list(SPECIES), targets=dict(energy=energy))
    return Pet(hyperparameters(size), data)


def write(size, path):
    torch.save(make(size).get_checkpoint(), path)


if __name__ == "__main__":
    write(*sys.argv[1:])
