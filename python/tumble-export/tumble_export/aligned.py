"""Alignment of weights in a model file, so that programs can compute with them where they lie in the mapped file.

A tensor's values begin at a multiple of `ALIGNMENT` bytes; its `doc_string`, blanks, fills the room before them.
"""

from .checksum import BYTES, fields, message, written

ALIGNMENT = 64  # bytes: a cache line, and the largest register
SMALLEST = 1024  # bytes: smaller tensors stay as they are
GRAPH, INITIALIZER, RAW, DOC = 7, 5, 9, 12  # fields of ModelProto, GraphProto, TensorProto
LENGTH = 5  # bytes of a length that is not known yet


def aligned(model):
    """The bytes of a ModelProto with its weights aligned; they must be the first bytes of the file."""
    made = bytearray()
    for number, value, raw in fields(model):
        if number == GRAPH and value:
            start = begin(made, GRAPH)
            for inner, tensor, part in fields(value):
                made += tensor_at(len(made), tensor) if inner == INITIALIZER else part
            end(made, start)
        else:
            made += raw
    return bytes(made)


def tensor_at(position, tensor):
    """The field with a TensorProto for a place in the file."""
    parts = list(fields(tensor))
    values = b"".join(value for number, value, _ in parts if number == RAW)
    rest = b"".join(raw for number, _, raw in parts if number not in (RAW, DOC))
    if len(values) < SMALLEST:
        return message(INITIALIZER, tensor)
    body = bytearray()
    start = begin(body, INITIALIZER)
    body += rest
    header = written(RAW << 3 | BYTES) + written(len(values))
    room = -(position + len(body) + 2 + len(header)) % ALIGNMENT
    body += message(DOC, b" " * room) + header + values
    end(body, start)
    return bytes(body)


def begin(made, number):
    """Begin a message in a field; returns the place of its length."""
    made += written(number << 3 | BYTES) + bytes(LENGTH)
    return len(made) - LENGTH


def end(made, start):
    """Write the length of a message."""
    length = len(made) - start - LENGTH
    made[start : start + LENGTH] = [length >> 7 * i & 0x7F | (0x80 if i + 1 < LENGTH else 0) for i in range(LENGTH)]
