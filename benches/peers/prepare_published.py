"""Makes the files of the published sizes in `target/pets`, if they are missing or older than their sources.

Of each model: the checkpoint with random weights, tumble's ONNX file, metatomic's TorchScript, and pet-kokkos' weights.
"""

import shutil
import sys

import pet_kokkos_model
import random_pet
from paths import CHECKPOINT, ROOT, WORK
from prepare import structures
from published import MODELS, PETS

sys.path[:0] = [str(ROOT / "benches/export"), str(ROOT / "python/tumble-export")]


def checkpoint(name, path):
    """The checkpoint of a model; that of the fixed cutoff is a copy, because other files are put beside it."""
    if name in random_pet.SIZES:
        random_pet.write(name, path)
    else:
        shutil.copy2(CHECKPOINT, path)


def main(*names):
    from compare import prepare

    for folder in (PETS, WORK):
        folder.mkdir(parents=True, exist_ok=True)
    structures([192, 216])
    for name in names:
        path = MODELS[name].checkpoint
        if path is None:
            continue
        if not path.exists():
            checkpoint(name, path)
        prepare(path)
        if not path.with_suffix(".safetensors").exists():
            pet_kokkos_model.write(str(path), str(path.with_suffix("")))


if __name__ == "__main__":
    main(*sys.argv[1:])
