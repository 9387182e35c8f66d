"""Orbs that a file cannot hold; activations and bases are checked in `layers.py`."""


def refuse(regressor, name):
    """Refuse models with unknown parts."""
    gns, heads = regressor.model, regressor.heads
    if getattr(regressor, "coulomb_module", None) is not None:
        raise SystemExit(
            f"{name} adds the electrostatic energy of charges that it predicts, between all atoms: a file has "
            "neighbors within a cutoff only, so this model cannot be exported; orb-v3-conservative-omol can."
        )
    if type(gns).__name__ != "MoleculeGNS" or type(heads["energy"]).__name__ != "EnergyHead":
        kinds = f"{type(gns).__name__} with {type(heads['energy']).__name__}"
        raise SystemExit(f"this Orb is a {kinds}: only a MoleculeGNS with an EnergyHead can be exported.")
    if "forces" in heads and type(heads["forces"]).__name__ != "ForceHead":
        kind = type(heads["forces"]).__name__
        raise SystemExit(f"the head of this Orb's forces is a {kind}: only a ForceHead can be exported.")
    refuse_layers(gns)


def refuse_layers(gns):
    """Refuse unknown layers, and features of atoms and edges that the contract does not hand to models."""
    extra = [n for n in (*gns.node_feature_names, *gns.edge_feature_names) if n != "feat"]
    if extra or gns.expects_atom_type_embedding:
        raise SystemExit(f"this Orb wants features that the contract does not hand to models: {extra or 'atom types'}.")
    unknown = {type(layer).__name__ for layer in gns.gnn_stacks} - {"AttentionInteractionNetwork"}
    if unknown:
        raise SystemExit(
            f"this Orb has layers of the kind {', '.join(sorted(unknown))}: only AttentionInteractionNetwork, whose "
            "messages go along edges, can be exported."
        )
    kinds = {layer.conditioning_type for layer in gns.gnn_stacks}
    if not kinds <= {("none", "none"), ("additive", "none")}:
        raise SystemExit("this Orb's charge and spin do not enter as a sum at the atoms: only that can be exported.")


def note(regressor, limit):
    """Say where the energy jumps, in the file as in the package."""
    if not regressor.model.gnn_stacks[0]._distance_cutoff:
        print("this Orb has no distance cutoff: its energy jumps where an edge comes or goes, in the file too.")
    if limit is not None:
        print(f"this Orb sees the {limit} nearest neighbors: its energy jumps where they change, in the file too.")
