"""Three models that disagree a little: copies of one model with shaken weights.

They stand in for models trained with different seeds. Each weight w becomes w (1 + a sin(b w + m)) with its own m for
each member: a function of the weight alone, so that copies of a matrix in the file stay equal, and the forces stay the
gradient of the energy.

    python members.py MODEL FOLDER
"""

import subprocess
import sys
from pathlib import Path

import numpy as np
import onnx
from onnx import numpy_helper

MEMBERS, STRENGTH, SCALE = 3, 0.02, 1e4


def shaken(tensor: onnx.TensorProto, member: int) -> onnx.TensorProto:
    """The tensor with shaken weights; vectors and whole numbers stay."""
    weights = numpy_helper.to_array(tensor)
    if weights.ndim < 2 or weights.dtype not in (np.float32, np.float64):
        return tensor
    factors = 1.0 + STRENGTH * np.sin(SCALE * weights.astype(np.float64) + member)
    return numpy_helper.from_array((factors * weights).astype(weights.dtype), tensor.name)


def main(model: Path, folder: Path, tumble: Path) -> list[Path]:
    """Writes the members into the folder, each with a checksum of its own; returns their paths."""
    files = [folder / f"member-{member}.onnx" for member in range(1, MEMBERS + 1)]
    for member, file in enumerate(files, 1):
        changed = onnx.load(model)
        for place, tensor in enumerate(changed.graph.initializer):
            changed.graph.initializer[place].CopyFrom(shaken(tensor, member))
        onnx.save(changed, file)
        subprocess.run([tumble, "checksum", file], check=True, stdout=subprocess.DEVNULL)
    return files


if __name__ == "__main__":
    built = Path(__file__).resolve().parents[2] / "target/release/tumble"
    main(Path(sys.argv[1]), Path(sys.argv[2]), built)
