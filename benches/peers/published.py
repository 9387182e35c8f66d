"""The published sizes of PET, and two small models, in all programs that can run them; energy and forces.

Each program runs through its calculator for ASE, in a process of its own. A row is refused if the forces of a program
differ from those of torch.
"""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from paths import BUILD, CHECKPOINT, ROOT, WORK, structure
from ratios import find
from runner import Plan, Worker, measure

PETS = ROOT / "target/pets"
REFERENCE = "torch eager"
TOLERANCE = 2e-5  # of the largest force, or eV/Å if it is below 1 eV/Å
WARM = 4  # evaluations
COUNTS = (18, 18, 84)  # rotations of tumble and of SymmetrizedCalculator, told the same and at its defaults


@dataclass(frozen=True)
class Model:
    """A model: its name on the page, the source of its weights, and the structures that it knows."""

    label: str
    checkpoint: Path | None
    atoms: tuple = (3, 192, 216)

    @property
    def onnx(self):
        return self.checkpoint.with_suffix(".onnx") if self.checkpoint else ROOT / "examples/models/water-pet.onnx"


MODELS = {size: Model(f"PET {size.upper()}", PETS / f"{size}.ckpt") for size in ("xs", "s", "m")}
MODELS["fixed"] = Model("PET, fixed cutoff", PETS / CHECKPOINT.name, (3, 192))
MODELS["compact"] = Model("compact PET", None, (3, 192))
NAMES = {3: "H2O", 192: "water", 216: "diamond"}


class Disagreement(SystemExit):
    """Two programs give different forces for the same model and structure."""


def tumble(model, atoms, threads, name="tumble", **rotations):
    job = dict(kind="with_tumble", model=str(model.onnx), structure=str(structure(atoms)), threads=threads)
    return Worker(name, job | rotations)


def torch(model, atoms, threads, name=REFERENCE, **options):
    """metatomic's calculator; without other options, with the model in Python."""
    job = dict(kind="with_metatomic", structure=str(structure(atoms)), threads=threads)
    return Worker(name, job | (options or dict(checkpoint=str(model.checkpoint))))


def programs(model, atoms, threads, compiled):
    """A worker of each program that has the architecture."""
    yield tumble(model, atoms, threads)
    if model.checkpoint is None:
        return
    job = dict(kind="with_pet_kokkos", model=str(model.checkpoint.with_suffix("")), structure=str(structure(atoms)))
    yield Worker("pet-kokkos", job | dict(threads=threads))
    yield torch(model, atoms, threads)
    yield torch(model, atoms, threads, "TorchScript", torchscript=str(model.checkpoint.with_suffix(".pt")))
    if compiled:
        yield torch(model, atoms, threads, "torch.compile", checkpoint=str(model.checkpoint), compiled=True)


def differences(forces):
    """Largest difference of each program's forces from torch's, in units of the tolerance's scale; {} without torch."""
    if REFERENCE not in forces:
        return {}
    scale = max(1.0, float(np.abs(forces[REFERENCE]).max()))
    return {name: float(np.abs(found - forces[REFERENCE]).max()) / scale for name, found in forces.items()}


def agreed(what, forces):
    """The differences, if they are within the tolerance."""
    found = differences(forces)
    wrong = [f"{name} by {apart:.1e}" for name, apart in found.items() if not apart <= TOLERANCE]
    if wrong:
        raise Disagreement(f"{what}: forces differ from those of {REFERENCE}, at most {TOLERANCE}: {', '.join(wrong)}.")
    return found


def with_forces(workers, plan, skip, what):
    """`measure`, with the differences of the forces."""
    files = {one.name: WORK / "forces" / f"{index}.npy" for index, one in enumerate(workers)}
    (WORK / "forces").mkdir(parents=True, exist_ok=True)
    for one in workers:
        files[one.name].unlink(missing_ok=True)
        one.job["forces"] = str(files[one.name])
    found = measure(workers, plan, skip)
    return found | dict(apart=agreed(what, {name: np.load(file) for name, file in files.items() if file.exists()}))


def plan(options, name, part):
    """Few rounds for the largest model and for averages, which take long."""
    if options.quick:
        return Plan(3, 0.3, warm=WARM) if part == "published" else Plan(2, 0.0)
    return Plan(7 if name == "m" else 15, warm=WARM) if part == "published" else Plan(5)


def cases(options, part):
    """(key, model, plan) of the rows that are still to be measured."""
    for name in options.models:
        for atoms in MODELS[name].atoms:
            for threads in options.threads:
                key = dict(model=MODELS[name].label, structure=NAMES[atoms], atoms=atoms, threads=threads)
                chosen = plan(options, name, part)
                if not (options.resume and find(options.measured.get(part, []), **key, rounds=chosen.rounds)):
                    yield key, MODELS[name], chosen


def published(options, skip):
    """One evaluation, by all programs. torch.compile takes minutes to compile, so it runs for water only."""
    for key, model, chosen in cases(options, "published"):
        atoms, threads = key["atoms"], key["threads"]
        who = list(programs(model, atoms, threads, compiled=atoms == 192 and not options.quick))
        what = f"{key['model']}, {key['structure']}, {threads} threads"
        yield key | dict(rounds=chosen.rounds) | with_forces(who, chosen, skip, what)


def turned(options, skip):
    """The same average, over 18 rotations, by tumble and metatomic; and metatomic's at its defaults, over 84."""
    for key, model, chosen in cases(options, "turned"):
        atoms, threads = key["atoms"], key["threads"]
        if model.checkpoint is None or atoms == 216:
            continue
        script = dict(torchscript=str(model.checkpoint.with_suffix(".pt")))
        same = dict(l_max=1, include_inversion=False, batch_size=1)
        who = [
            tumble(model, atoms, threads, rotate="lebedev:3"),
            torch(model, atoms, threads, "told the same", **script, symmetrized=same),
        ]
        if atoms == 3 or not options.quick:  # it takes a minute per average of water
            who.append(torch(model, atoms, threads, "at its defaults", **script, symmetrized=True))
        rotations = dict(zip((one.name for one in who), COUNTS))
        yield key | dict(rounds=chosen.rounds, rotations=rotations) | measure(who, chosen, skip)


def library():
    """tumble's library, of `make library`."""
    path = BUILD / "libtumble.so"
    if not path.exists():
        raise SystemExit(f"there is no {path}: run `make library`.")
    return path
