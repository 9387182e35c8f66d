"""The command `tumble-export`."""

import argparse

import torch

VERSION = "2.13"


def parser():
    top = argparse.ArgumentParser(prog="tumble-export", description="Make models for tumble: ONNX files with forces.")
    kinds = top.add_subparsers(dest="model", required=True)
    pet = kinds.add_parser("pet", help="a checkpoint of metatrain's PET")
    pet.add_argument("checkpoint", help="the .ckpt of mtt train; a pickle: only open files whose source you trust")
    pet.add_argument("--head", help="the energy to export, if the model has several")
    pet.add_argument("--charge", type=int, default=0, help="for models with charge and spin, of every structure")
    pet.add_argument("--multiplicity", type=int, default=1, help="spin multiplicity, likewise")
    orb = kinds.add_parser("orb", help="a model of Orb (orb-models)")
    orb.add_argument("place", metavar="CHECKPOINT|NAME", help="a name as in orb-models, or a file named after one")
    orb.add_argument("--weights", metavar="FILE", help="the weights of a NAME: a state dict, as published")
    orb.add_argument("--random-weights", metavar="SEED", type=int, help="to try the architecture of a NAME")
    orb.add_argument("--charge", type=float, help="for models with charge and spin, of every structure")
    orb.add_argument("--spin", type=float, help="likewise, as the package's atoms.info['spin']")
    custom = kinds.add_parser("torch", help="any PyTorch model, by an adapter of a few lines (docs/export.md)")
    custom.add_argument("function", metavar="FILE.py:FUNCTION", help="a function that returns an Adapter")
    compact = kinds.add_parser("compact", help="a checkpoint of tumble's own compact PET")
    compact.add_argument("checkpoint")
    for sub in (pet, orb, custom, compact):
        common(sub)
    return top


def common(sub):
    """Add the options that all kinds of models share."""
    sub.add_argument("-o", "--out", required=True, help="the .onnx file to write")
    sub.add_argument("--name", help="the model's name in logs")
    sub.add_argument("--dtype", choices=["float32", "float64"], default="float32")
    if sub.prog.endswith("compact"):
        return
    default = None if sub.prog.endswith("orb") else "conservative"  # None: the architecture's own kind
    sub.add_argument("--forces", choices=["conservative", "direct", "both"], default=default)
    sub.add_argument("--check", metavar="STRUCTURES", help="compare on these too, any file that ASE reads")
    sub.add_argument("--tolerance", type=float, help="largest relative error of the file (2e-4; 1e-9 in float64)")


def adapter(args):
    """The adapter and the kind of forces for a command line."""
    if args.model == "torch":
        from . import custom

        return custom.make(args.function), args.forces
    if args.model == "orb":
        from .orb import orb_adapter

        return orb_adapter.make(args.place, args.weights, args.random_weights, args.forces, args.charge, args.spin)
    from .metatrain import pet_adapter

    made = pet_adapter.make(args.checkpoint, args.head, args.forces, args.charge, args.multiplicity)
    return made, args.forces


def main(arguments=None):
    args = parser().parse_args(arguments)
    if not torch.__version__.startswith(VERSION):
        raise SystemExit(f"torch {torch.__version__} was not tested with this program: pip install torch==2.13.0")
    dtype = getattr(torch, args.dtype)
    if args.model == "compact":
        from .compact import export

        return export.export(args.checkpoint, args.out, dtype, args.name or "water-pet")
    from . import pipeline, structures

    made, kind = adapter(args)
    made.name = args.name or made.name
    extra = structures.read(args.check, made.species, made.length_unit) if args.check else []
    return pipeline.write(made, args.out, kind, dtype, extra, args.tolerance)
