"""The command `tumble-export`."""

import argparse

from . import versions

TORCH, OLDEST = "2.13.0", "2.8"
EXAMPLES = """examples:
  tumble-export pet model.ckpt -o model.onnx                    a checkpoint of mtt train
  tumble-export pet pet-mad-s@1.5.0 -o pet-mad-s.onnx           a published model, fetched by the package upet
  tumble-export pet model.ckpt -o model.onnx --check my.xyz     compare on your own structures too
  tumble-export pet model.ckpt -o model.onnx --check-atoms 648  compare on larger structures
  tumble-export orb orb-v3-conservative-inf-omat-20250404.ckpt -o orb.onnx
  tumble-export torch my_module.py:make -o model.onnx           your own PyTorch model
"""


def parser():
    top = argparse.ArgumentParser(
        prog="tumble-export",
        description="Make models for tumble: ONNX files with forces.",
        epilog=EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    kinds = top.add_subparsers(dest="model", required=True)
    for add in (add_pet, add_orb, add_custom, add_compact):
        common(add(kinds))
    return top


def kind(kinds, name, text, *examples):
    """A subcommand with its examples."""
    lines = "\n".join(f"  tumble-export {name} {example}" for example in examples)
    epilog, form = f"examples:\n{lines}\n", argparse.RawDescriptionHelpFormatter
    return kinds.add_parser(name, help=text, description=text, epilog=epilog, formatter_class=form)


def add_pet(kinds):
    pet = kind(
        kinds,
        "pet",
        "a checkpoint of metatrain's PET, or a published one by name",
        "model.ckpt -o model.onnx",
        "pet-mad-s -o pet-mad-s.onnx",
        "pet-mad-s@1.5.0 -o pet-mad-s.onnx --check-atoms 648",
    )
    pet.add_argument(
        "checkpoint",
        metavar="FILE|NAME[@VERSION]",
        help="the .ckpt of mtt train, a pickle: only open files whose source you trust; or a model that the package "
        "upet publishes",
    )
    pet.add_argument("--head", help="the energy to export, if the model has several")
    pet.add_argument("--charge", type=int, help="one charge for all structures, in place of an input of the file")
    pet.add_argument("--spin", type=int, help="spin multiplicity 2S + 1, likewise")
    pet.add_argument("--multiplicity", dest="spin", type=int, help=argparse.SUPPRESS)  # the former name
    return pet


def add_orb(kinds):
    text = "a model of Orb (orb-models)"
    orb = kind(
        kinds,
        "orb",
        text,
        "orb-v3-conservative-inf-omat-20250404.ckpt -o orb.onnx",
        "orb-v3-direct-20-mpa --weights FILE -o orb.onnx",
    )
    orb.add_argument("place", metavar="CHECKPOINT|NAME", help="a name as in orb-models, or a file named after one")
    orb.add_argument("--weights", metavar="FILE", help="the weights of a NAME: a state dict, as published")
    orb.add_argument("--random-weights", metavar="SEED", type=int, help="to try the architecture of a NAME")
    orb.add_argument("--charge", type=float, help="one charge for all structures, in place of an input of the file")
    orb.add_argument("--spin", type=float, help="spin multiplicity 2S + 1, likewise")
    return orb


def add_custom(kinds):
    text = "any PyTorch model, by an adapter of a few lines (docs/export.md)"
    custom = kind(kinds, "torch", text, "my_module.py:make -o model.onnx")
    custom.add_argument("function", metavar="FILE.py:FUNCTION", help="a function that returns an Adapter")
    return custom


def add_compact(kinds):
    compact = kind(
        kinds, "compact", "a checkpoint of tumble's own compact PET", "water-pet.pt -o water-pet.onnx --dtype float64"
    )
    compact.add_argument("checkpoint")
    return compact


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
    sub.add_argument(
        "--check-atoms",
        metavar="N",
        type=int,
        help="atoms of the largest built-in structure to compare (192; 48 for models of more than 150 million weights)",
    )
    sub.add_argument(
        "--quick",
        action="store_true",
        help="compare 1, 3 and 6 atoms only, and trust the reach that the model's code says: only for models of which "
        "you have exported others with the same architecture",
    )


def adapter(args):
    """The adapter and the kind of forces for a command line."""
    if args.model == "torch":
        from . import custom

        return custom.make(args.function), args.forces
    if args.model == "orb":
        from .orb import orb_adapter

        return orb_adapter.make(args.place, args.weights, args.random_weights, args.forces, args.charge, args.spin)
    from .metatrain import pet_adapter

    made = pet_adapter.make(args.checkpoint, args.head, args.forces, args.charge, args.spin)
    return made, args.forces


def main(arguments=None):
    args = parser().parse_args(arguments)
    import torch  # after the help, since it takes seconds

    versions.check("torch", torch.__version__, TORCH, OLDEST, f"pip install torch=={TORCH}")
    dtype = getattr(torch, args.dtype)
    if args.model == "compact":
        from .compact import export

        return export.export(args.checkpoint, args.out, dtype, args.name or "water-pet")
    return write(args, dtype)


def write(args, dtype):
    """Make the adapter and write its file."""
    from . import pipeline, structures
    from .effort import Effort
    from .progress import Progress

    # first of all, since loading takes long
    if args.tolerance is not None and not 0 < args.tolerance < float("inf"):
        raise SystemExit(f"--tolerance is {args.tolerance}: give a number above 0.")
    effort, progress = Effort(args.check_atoms, args.quick), Progress(1 + pipeline.STEPS)
    pipeline.folder_of(args.out)
    progress.step("load the model")
    made, kind = adapter(args)
    made.name = args.name or made.name
    extra = structures.read(args.check, made.species, made.length_unit) if args.check else []
    return pipeline.write(made, args.out, kind, dtype, extra, args.tolerance, effort=effort, progress=progress)
