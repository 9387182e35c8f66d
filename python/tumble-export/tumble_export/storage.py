"""Files of a model: one, or with large weights a second one beside it, `NAME.data`.

Protobuf ends at 2 GiB, and programs map the second file without a look at the first.
"""

import hashlib
from pathlib import Path

import onnx

from . import checksum
from .aligned import ALIGNMENT, SMALLEST, aligned

LONGEST = 1 << 30  # bytes of weights in the model's own file
SUFFIX = ".data"


def weights_file(path):
    """The second file of a model."""
    return Path(f"{path}{SUFFIX}")


def save(exported, path):
    """Write a model; weights of more than `LONGEST` bytes are moved to the second file, and out of `exported`."""
    if sum(len(tensor.raw_data) for tensor in exported.graph.initializer) > LONGEST:
        move(exported, weights_file(path))
    onnx.save(exported, path)


def move(exported, path):
    """Move the weights to a file, each to a multiple of `ALIGNMENT` bytes."""
    with open(path, "wb") as file:
        for tensor in exported.graph.initializer:
            if len(tensor.raw_data) >= SMALLEST:
                file.write(b"\0" * (-file.tell() % ALIGNMENT))
                place(tensor, path.name, file.tell())
                file.write(tensor.raw_data)
                tensor.ClearField("raw_data")


def place(tensor, name, offset):
    """Note the place of a tensor's values in a file."""
    tensor.data_location = onnx.TensorProto.EXTERNAL
    for key, value in dict(location=name, offset=offset, length=len(tensor.raw_data)).items():
        entry = tensor.external_data.add()
        entry.key, entry.value = key, str(value)


def is_elsewhere(tensor):
    """Whether the values of a tensor are in another file."""
    return tensor.data_location == onnx.TensorProto.EXTERNAL


def finish(path):
    """Align the weights in a model file, and write its checksum, which covers the second file too; returns it."""
    second = weights_file(path)
    Path(path).write_bytes(aligned(Path(path).read_bytes()))
    return checksum.stamp(path, [hashed(second)] if second.exists() else [])


def hashed(path):
    """The SHA-256 of a file, hexadecimal."""
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def put(path, out):
    """Put a model's files in place, the weights first."""
    second = weights_file(path)
    if second.exists():
        second.replace(weights_file(out))
    Path(path).replace(out)


def size(path):
    """Bytes of a model's files."""
    return sum(file.stat().st_size for file in (Path(path), weights_file(path)) if file.exists())
