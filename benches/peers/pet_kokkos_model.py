"""Writes a checkpoint of metatrain's PET as pet-kokkos 0.1 reads it: NAME.json and NAME.safetensors.

Entries have the names that its loader expects; weights have their names in metatrain, without `backend.`.
"""

import json
import sys

import metatomic.torch  # noqa: F401  (registers classes in the checkpoint)
import torch
from metatrain.utils.io import load_model
from safetensors.torch import save_file

NETWORK = ("gnn_layers.", "combination_norms.", "combination_mlps.", "node_embedders.", "edge_embedder.")
HEADS = ("node_heads.", "edge_heads.", "node_last_layers.", "edge_last_layers.")
SAME = "d_pet d_head d_node d_feedforward num_heads num_attention_layers num_gnn_layers normalization activation"
SAME += " transformer_type featurizer_type attention_temperature cutoff cutoff_width cutoff_function"
SAME += " num_neighbors_adaptive adaptive_cutoff_method cutoff_width_adaptive system_conditioning zbl"


def hyperparameters(model):
    """The hyperparameters of a model, by the names of pet-kokkos."""
    given = model.hypers
    feedforward = given["featurizer_type"] == "feedforward"
    return {name: given[name] for name in SAME.split()} | dict(
        head_dim=given["d_pet"] // given["num_heads"],
        num_readout_layers=1 if feedforward else given["num_gnn_layers"],
        long_range_enabled=given["long_range"]["enable"],
    )


def description(model, source):
    """All but the weights."""
    composition = model.additive_models[0].model.weights["energy"].block().values.double()
    return dict(
        format_version=1,
        architecture="pet",
        source_model=source,
        target="energy",
        hypers=hyperparameters(model),
        length_unit="angstrom",
        energy_unit="eV",
        energy_scale=model.scaler.model.scales["energy"].block().values.flatten()[0].item(),
        n_species=len(model.atomic_types),
        atomic_types=list(model.atomic_types),
        species_to_index=model.backend.species_to_species_index.tolist(),
        composition_energies=composition[:, 0].tolist(),
    )


def weights(model):
    """Weights of the network and of the heads of `energy`, in single precision."""
    named = ((name.removeprefix("backend."), tensor) for name, tensor in model.state_dict().items())
    wanted = NETWORK + tuple(f"{head}energy." for head in HEADS)
    return {name: tensor.detach().float().contiguous() for name, tensor in named if name.startswith(wanted)}


def write(checkpoint, stem):
    """Write STEM.json and STEM.safetensors."""
    model = load_model(checkpoint).eval()
    with open(f"{stem}.json", "w") as file:
        json.dump(description(model, checkpoint), file, indent=1)
    with torch.no_grad():
        save_file(weights(model), f"{stem}.safetensors")


if __name__ == "__main__":
    write(*sys.argv[1:])
