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
    """The bytes of `layout` in src/lib.rs."""
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
        "misspelt": METADATA | {"reference_energy": {"1": -13.6}},
        "no-cutoff": METADATA | {"cutoff": -1},
        "twice": METADATA | {"species": [1, 1]},
        "future": {"version": "1.5"},
        "list": [1],
    }
    texts = {name: json.dumps(value).encode() for name, value in values.items()}
    return texts | {"key-twice": texts["short"][:-1] + b', "provenance": {"a": 1, "a": 2}}'}


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


def driver() -> dict[str, bytes]:
    """A layout, a byte for the length of the pieces, and messages."""
    seeds = {}
    for name, seed in requests().items():
        begin = b"" if b"INIT" in seed else header("INIT") + struct.pack("<i", 0) + text("a: b")
        seeds[name] = seed[:2] + bytes([len(seeds)]) + begin + seed[2:]
    one = header("POSDATA") + CELL + struct.pack("<i3d", 1, 0.5, 1, -2)
    init, status, force = header("INIT") + bytes(8), header("STATUS"), header("GETFORCE")
    step = status + one + status + force
    return seeds | {
        "steps": layout(1, 1, SOCKET) + b"\x06" + status + init + 3 * step + init + step + header("EXIT") + status,
        "twice": layout(1, 1, SOCKET) + b"\xff" + init + one + one,
        "too-early": layout(1, 1, SOCKET) + b"\x00" + one,
        "between": layout(1, 1, SOCKET) + b"\x01" + init + one + init,
    }


def accept_init() -> dict[str, bytes]:
    """A byte of limits (atoms, rotations, whether there is a token), and the text of an INIT."""
    return {
        "plain": b"\x06species: O H2",
        "all": b"\x06species: O H2, rotate: octahedral, inversion: no, seed: 1, stream: 2, step: 3, beads: 4, "
        b"forces: conservative, correction: yes, batch_size: 2",
        "token": b"\x0etoken: sesame, species: H64",
        "no-token": b"\x0ctoken: sesam, species: O H2",
        "many-rotations": b"\x02species: H, rotate: random:31",
        "many-atoms": b"\x04species: H2",
        "grids": b"\x06species: H, rotate: degree:3+random, seed: 18446744073709551615, step: 4294967295",
        "extremes": b"\x07species: H100000, beads: 65535, stream: 65535, rotate: lebedev:3",
        "nothing": b"\x07species: ",
        "twice": b"\x07species: H, species: O\nseed: -1, colour: blue",
    }


def hostile_cells() -> dict[str, bytes]:
    """A byte of flags (periodic along a, b, c; choice of the cutoff), a byte of cutoff, a cell and positions."""

    def structure(flags: int, cutoff: int, *numbers: float) -> bytes:
        return bytes([flags, cutoff]) + struct.pack(f"<{len(numbers)}d", *numbers)

    cube, atoms = (5, 0, 0, 0, 5, 0, 0, 0, 5), (0, 0, 0, 1, 1, 1, 4.9, 0, 0)
    return {
        "cube": structure(0b01111, 0, *cube, *atoms),
        "molecule": structure(0b01000, 0, *cube, *atoms),
        "slab": structure(0b01011, 0, *cube[:6], 0, 0, 0, *atoms),
        "thin": structure(0b01111, 0, 1e-3, 0, 0, 0, 1e3, 0, 0, 0, 1e3, *atoms),
        "skewed": structure(0b01111, 0, 5, 0, 0, 4.999, 0.01, 0, 1, 2, 5, *atoms),
        "needle": structure(0b10001, 0, 1e-9, 0, 0, 0, 1, 0, 0, 0, 1, *atoms),
        "far": structure(0b01111, 0, *cube, 1e15, -1e15, 1e300, 0, 0, 0),
        "wide": structure(0b01000, 0, *9 * (0,), 1e12, 0, 0, -1e12, 0, 0, 1e12, 1, 0),
        "dense": structure(0b10111, 0, *cube, *(0.01 * i for i in range(96))),
        "crowded": structure(
            0b10111, 0, 5, 0, 0.31, 0.32, 0.33, 0.34, 0.35, 3e-78, 0.37, *(0.01 * i for i in range(57))
        ),
        "denormal": structure(0b01111, 0, 1e-3, 0, 1.3e-312, 0, 1e3, 0, 0, 0, 1e3, *(0.1 * i for i in range(48))),
        "coincide": structure(0b01111, 0, *cube, 0, 0, 0, 5, 5, 5),
        "none": structure(0b11111, 0, *cube, *atoms),
        "nan": structure(0b01111, 0, *cube[:8], float("nan"), *atoms),
    }


def op(kind: bytes, inputs: list[bytes], outputs: list[bytes], *parts: bytes) -> bytes:
    """A node of a graph."""
    names = [field(1, name) for name in inputs] + [field(2, name) for name in outputs]
    return field(1, *names, field(4, kind), *parts)


def outside(name: bytes, location: bytes) -> bytes:
    """A tensor of two numbers stored in another file."""
    places = {b"location": location, b"offset": b"4", b"length": b"8"}
    entries = [field(13, field(1, key), field(2, value)) for key, value in places.items()]
    return b"\x08\x02\x10\x01" + field(8, name) + b"".join(entries) + b"\x70\x01"


def onnx_graph() -> dict[str, bytes]:
    """A graph with exchanged messages, functions, and weights inside and outside of the file."""
    forward = [
        op(b"MatMul", [b"edge_vectors", b"w"], [b"a"]),
        op(b"Gather", [b"a", b"reverse"], [b"b"], field(5, field(1, b"axis") + b"\x18\x00")),
        op(b"MatMul", [b"b", b"w"], [b"c"]),
        op(b"Silu", [b"c"], [b"d"], field(7, b"tumble")),
        op(b"Mine", [b"d"], [b"atomic_energies"], field(7, b"my")),
        op(b"Gather", [b"d", b"reverse"], [b"e"]),
        op(b"MatMul", [b"e", b"w"], [b"edge_gradients"]),
    ]
    ends = [field(11, field(1, name)) for name in (b"edge_vectors", b"reverse")]
    ends += [field(12, field(1, name)) for name in (b"atomic_energies", b"edge_gradients")]
    inside = field(5, b"\x08\x02\x10\x01" + field(8, b"w") + field(9, bytes(8)))
    value = op(b"Constant", [], [b"w"], field(5, field(1, b"value"), field(5, outside(b"v", b"data"))))

    def function(domain: bytes, name: bytes, body: bytes) -> bytes:
        made = field(1, name) + field(10, domain) + field(7, body[3:])
        return b"\xca\x01" + bytes([len(made) & 0x7F | 0x80, len(made) >> 7]) + made

    silu = function(b"tumble", b"Silu", op(b"Sigmoid", [b"x"], [b"y"]))
    mine = function(b"my", b"Mine", op(b"Silu", [b"x"], [b"y"], field(7, b"tumble")))
    entry = field(14, field(1, b"tumble"), field(2, json.dumps(METADATA).encode()))
    stamp = field(14, field(1, b"tumble_checksum"), field(2, b"0" * 64))
    sparse = field(15, field(1, outside(b"s", b"more")), field(2, outside(b"i", b"data")))
    return {
        "inside": b"\x08\x0a" + field(7, *forward, *ends, inside) + silu + mine + entry,
        "outside": field(7, *forward, *ends, field(5, outside(b"w", b"data")), sparse) + silu + mine + entry + stamp,
        "constant": field(7, value, *forward, *ends) + mine + entry,
        "itself": field(7, *forward, *ends) + function(b"my", b"Mine", forward[4]),
        "unknown": field(7, op(b"Foo", [b"x"], [b"y"], field(7, b"her"))),
        "stamped": field(7, *forward[:1], *ends) + stamp + entry + stamp,
    }


def mitigation() -> dict[str, bytes]:
    words = ["none", "random:10", "octahedral+random", "degree:7", "legendre:3+random", "lebedev:5", "+random+random"]
    words += ["legendre:99999999", "random:0", "degree:\u0663", " icosahedral\n", "tetrahedral" * 20]
    words += ["random:3+inversion", "octahedral+random+inversion"]
    return {f"word-{index}": word.encode() for index, word in enumerate(words)}


def main() -> None:
    for target in (
        requests,
        replies,
        init_text,
        xyz,
        metadata,
        onnx_scan,
        onnx_graph,
        mitigation,
        driver,
        accept_init,
        hostile_cells,
    ):
        folder = FOLDER / target.__name__
        folder.mkdir(exist_ok=True)
        for name, seed in target().items():
            (folder / name).write_bytes(seed)


if __name__ == "__main__":
    main()
