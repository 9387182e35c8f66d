"""Writes the seeds: small inputs that reach every branch of a target, one folder for each target.

python fuzz/seeds/generate.py (needs nothing but Python)
"""

import json
import struct
from pathlib import Path

FOLDER = Path(__file__).parent
CELL = struct.pack("<18d", 1, 2, 0, 0, 1, 0, 0, 0, 1, 1, -2, 0, 0, 1, 0, 0, 0, 1)
SOCKET, UNNAMED, SHARED = 0, 1, 2


def layout(atoms: int, batch: int, carrier: int, max_text: int = 64) -> bytes:
    """What `layout` in src/lib.rs reads."""
    return bytes([atoms | (batch - 1) << 2 | carrier << 4, max_text])


def header(name: str) -> bytes:
    return name.ljust(12).encode()


def text(value: str) -> bytes:
    return struct.pack("<i", len(value.encode())) + value.encode()


def requests() -> dict[str, bytes]:
    init = header("INIT") + struct.pack("<i", 0) + text("batch_size:2, species:O H2")
    one = header("POSDATA") + CELL + struct.pack("<i3d", 1, 0.5, 1, -2)
    two = header("POSDATA") + struct.pack("<i", 2) + 2 * CELL + struct.pack("<12d", *range(12))
    names = "".join(f" ipi_{name}" for name in ("pos", "h", "ih", "pot", "force", "vir")).split()
    shared = header("POSDATA") + struct.pack("<i", 2)
    status, force, end = header("STATUS"), header("GETFORCE"), header("EXIT")
    return {
        "plain": layout(1, 1, SOCKET) + status + init + status + one + force + end,
        "batch": layout(2, 2, SOCKET) + init + two + force,
        "unnamed": layout(2, 1, UNNAMED) + shared + b"".join(map(text, names)) + force,
        "shared": layout(2, 1, SHARED) + shared + force + shared,
        "no-atoms": layout(0, 1, SOCKET) + header("POSDATA") + CELL + bytes(4) + end,
        "another-count": layout(3, 1, SHARED) + shared,
        "long-text": layout(1, 1, SOCKET, 3) + init,
        "no-text": layout(1, 1, SOCKET) + header("INIT") + bytes(4) + struct.pack("<i", 2) + b"\xc3(",
        "http": layout(1, 1, SOCKET) + b"GET / HTTP/1.1\r\n\r\n",
    }


def replies() -> dict[str, bytes]:
    force = header("FORCEREADY")
    one = force + struct.pack("<d", -1) + struct.pack("<i", 1) + struct.pack("<12d", *range(12)) + text("{}")
    numbers = struct.pack("<2d", -1, -2) + struct.pack("<i", 1) + struct.pack("<24d", *range(24))
    extras = text('{"dipole": [0, 0, 1]}') + text("")
    ready = header("NEEDINIT") + header("READY") + header("HAVEDATA")
    return {
        "plain": layout(1, 1, SOCKET) + ready + one + header("READY"),
        "batch": layout(1, 2, SOCKET) + ready + force + numbers + extras,
        "shared": layout(1, 2, SHARED) + force + extras + header("READY"),
        "error": layout(1, 1, SOCKET) + header("ERROR") + text("the model knows no Xe"),
        "unknown-number": layout(0, 1, SOCKET) + force + struct.pack("<di9di", -1, 0, *[float("nan")] * 9, 0),
    }


def init_text() -> dict[str, bytes]:
    return {
        "ipi": b"batch_size:8",
        "both": b"species: O H2 O H2, batch_size: 4, model: a b\n",
        "species": b"O H2 O H2 Cl Na118",
        "many": b"H999 O2",
        "odd": "key, :value, a:b:c,\0\n batch_size : 65, batch_size: \u00b2".encode(),
    }


def xyz() -> dict[str, bytes]:
    lattice = 'Lattice="5 0 0 0.5 5.1 0 0 0 6e0"'
    return {
        "plain": b"3\nwater\nO 0 0 0\nH 0.76 0.59 0 more\nH -0.76 0.59 0\n",
        "two": f"1\n{lattice} step=7\nAr 1 2 3\n\n1\nit's\r\n18 1 2 3\n".encode(),
        "columns": f'2\n{lattice} Properties=tag:I:1:Z:I:1:pos:R:3:label:S:2:forces:R:3 pbc="T F T" energy=-1.5\n'
        "07 8 0 0 0 a b 1 nan 3\n8 1 1 1 1 c d -1 0 1e-9\n".encode(),
        "quotes": f'1\n{lattice} a="x y" b=[1, 2] c={{3}} d=\'q\' flag e = 5 f="\\""\nX 0 0 0\n'.encode(),
        "empty-value": f"1\n{lattice} note=\nH 0 0 0\n".encode(),
        "backslash": f"1\n{lattice} note=a\\\nH 0 0 0\n".encode(),
        "flags": b"1\npbc=F forces=1 ref_energy=2\nh 0 0 0\n",
        "references": b"1\nProperties=species:S:1:pos:R:3:force:R:3:ref_forces:R:3 ref_energy=2 Energy=1\n"
        b"H 0 0 0 1 2 3 4 5 6\n1\nProperties=species:S:1:pos:R:3:force:R:3\nH 0 0 0 1 2 3\n",
        "cut": b"2\n\nH 0 0 0\n",
    }


METADATA = {
    "version": 1,
    "name": "toy",
    "cutoff": 6.0,
    "hops": 2,
    "species": [8, 1],
    "length_unit": "bohr",
    "energy_unit": "kJ/mol",
    "precision": "float64",
    "layout": "list",
    "forces": "both",
}


def metadata() -> dict[str, bytes]:
    more = {
        "length_unit": "nm",
        "energy_unit": "eV",
        "precision": "float32",
        "layout": "padded",
        "forces": "direct",
        "reference_energies": {"1": -13.6, "8": -432.0},
        "symmetries": ["permutation", "inversion"],
        "reference": "a paper",
        "provenance": {"made by": ["hand", None]},
        "bytes_per_edge": 1000,
    }
    values = {
        "short": METADATA,
        "full": METADATA | more,
        "no-cutoff": METADATA | {"cutoff": -1},
        "twice": METADATA | {"species": [1, 1]},
        "future": {"version": "1.5"},
        "list": [1],
    }
    return {name: json.dumps(value).encode() for name, value in values.items()}


def field(number: int, *parts: bytes) -> bytes:
    """A field of protobuf that holds bytes; lengths through 16383."""
    body = b"".join(parts)
    return bytes([number << 3 & 0x7F | 2, len(body) & 0x7F | 0x80, len(body) >> 7]) + body


def node(kind: bytes, *attributes: bytes) -> bytes:
    return field(1, field(3, b"n1"), field(4, kind), *(field(5, attribute) for attribute in attributes))


def onnx_scan() -> dict[str, bytes]:
    add = node(b"ScatterND", field(1, b"reduction") + field(4, b"add"))
    none = node(b"ScatterND", field(1, b"reduction") + field(4, b"none"))
    deep = add
    for _ in range(5):
        deep = node(b"If", field(1, b"then_branch") + field(6, deep))
    entry = field(14, field(1, b"tumble"), field(2, json.dumps(METADATA).encode()))
    other = field(14, field(1, b"author"), field(2, b"me"))
    function = b"\xca\x01" + bytes([len(add) + 3]) + field(7, add[3:])
    # Numbers of all wire types: varint, 8 bytes, 4 bytes.
    numbers = b"\x08\x0a" + b"\x11" + bytes(8) + b"\x1d" + bytes(4)
    return {
        "model": numbers + field(7, add, none) + other + entry,
        "deep": field(7, deep) + entry,
        "function": field(7, none) + function,
        "loop": field(7, node(b"Loop", field(1, b"bodies") + field(11, add) + field(11, none))),
        "no-graph": entry,
        "cut": field(7, add)[:-5],
        "text": b"not a model\n",
    }


def main() -> None:
    for target in (requests, replies, init_text, xyz, metadata, onnx_scan):
        folder = FOLDER / target.__name__
        folder.mkdir(exist_ok=True)
        for name, seed in target().items():
            (folder / name).write_bytes(seed)


if __name__ == "__main__":
    main()
