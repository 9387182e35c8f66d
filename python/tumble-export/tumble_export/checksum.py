"""The checksum in a model file: without it, a flipped bit gives wrong numbers and no error.

It is the entry `tumble_checksum` of `metadata_props`: the SHA-256, hexadecimal, of all other fields of the ModelProto
in the order of the file (docs/model-contract.md#checksum). `tumble checksum FILE` does the same.
"""

import hashlib
import os
from pathlib import Path

KEY = b"tumble_checksum"
METADATA = 14  # the field `metadata_props` of ModelProto
BYTES = 2  # the wire type of strings and messages
FIXED = {1: 8, 5: 4}  # bytes of the other wire types, except 0, a varint


def stamp(path, others=()):
    """Write the checksum into a model file, in place of an old one; returns it.

    `others`: SHA-256 of the files beside it that hold weights, in the order of their names.
    """
    kept = b"".join(raw for number, value, raw in fields(Path(path).read_bytes()) if not states(number, value))
    checksum = hashlib.sha256(kept).hexdigest()
    if others:
        checksum = hashlib.sha256("".join(f"{one}\n" for one in (checksum, *others)).encode()).hexdigest()
    entry = message(1, KEY) + message(2, checksum.encode())
    part = Path(f"{path}.part")
    part.write_bytes(kept + message(METADATA, entry))
    os.replace(part, path)
    return checksum


def states(number, value):
    """Whether a field of the file is an entry with a checksum."""
    return number == METADATA and any(inner == 1 and key == KEY for inner, key, _ in fields(value))


def fields(data):
    """(number, value, raw bytes) of each field of a protobuf message; the value is b"" unless it is bytes."""
    at = 0
    while at < len(data):
        start = at
        tag, at = varint(data, at)
        value = b""
        if tag & 7 == 0:
            _, at = varint(data, at)
        elif tag & 7 == BYTES:
            length, at = varint(data, at)
            value, at = data[at : at + length], at + length
        elif tag & 7 in FIXED:
            at += FIXED[tag & 7]
        else:
            raise SystemExit("the file is no ONNX model: its bytes are not a protobuf message.")
        if at > len(data):
            raise SystemExit("the file is no ONNX model, or was cut short.")
        yield tag >> 3, value, data[start:at]


def varint(data, at):
    """A varint (7 bits per byte), and the position behind it."""
    value = shift = 0
    while at < len(data):
        byte = data[at]
        value, shift, at = value | (byte & 0x7F) << shift, shift + 7, at + 1
        if byte < 0x80:
            return value, at
    raise SystemExit("the file is no ONNX model, or was cut short.")


def message(number, value):
    """A field of bytes, encoded."""
    return written(number << 3 | BYTES) + written(len(value)) + value


def written(value):
    """A varint, encoded (7 bits per byte)."""
    made = bytearray()
    while value >= 0x80:
        made.append(value & 0x7F | 0x80)
        value >>= 7
    return bytes([*made, value])
