"""Runs i-PI beside `tumble ipi`, and reads back its output."""

import os
import re
import subprocess
import sys
import time
import uuid
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np

ROOT = Path(__file__).resolve().parents[2]
BIN = Path(sys.executable).parent
TUMBLE = ROOT / os.environ.get("CARGO_TARGET_DIR", "target") / "release/tumble"
TOYS = ROOT / "tests/data/models"
TOY = TOYS / "twohop-padded-f64.onnx"
WATER = ROOT / "examples/models/water-pet.onnx"
WATER_F64 = ROOT / "examples/models/water-pet-f64.onnx"
ENVIRONMENT = {**os.environ, "ORT_DISABLE_TELEMETRY": "1", "VIRTUAL_ENV": str(BIN.parent), "OMP_NUM_THREADS": "1"}

# i-PI's own constants.
BOHR_PER_ANGSTROM = 1.8897261
HARTREE_PER_EV = 0.036749326

INPUT = """
<simulation verbosity='low' floatformat='%24.16e'>
  <output prefix='out'>
    <properties filename='properties' stride='1'> {properties} </properties>
    <trajectory filename='positions' stride='1' format='bin'> positions </trajectory>
    <trajectory filename='forces' stride='1' format='bin'> forces </trajectory>
    {outputs}
  </output>
  <total_steps>{steps}</total_steps>
  <prng><seed>{seed}</seed></prng>
  {forcefields}
  <system>
    <initialize nbeads='{beads}'>
      <file mode='xyz' units='angstrom'> start.xyz </file>
      <velocities mode='thermal' units='kelvin'> 300 </velocities>
    </initialize>
    <forces> {forces} </forces>
    <ensemble>
      <temperature units='kelvin'> 300 </temperature>
      {ensemble}
    </ensemble>
    <motion mode='dynamics'>
      <dynamics mode='{mode}'>
        <timestep units='femtosecond'> {timestep} </timestep>
        {dynamics}
      </dynamics>
    </motion>
  </system>
</simulation>
"""

DEFAULTS = {
    "steps": 3,
    "beads": 1,
    "mode": "nve",
    "seed": 1,
    "properties": "",
    "outputs": "",
    "forces": "<force forcefield='tumble'/>",
    "ensemble": "",
    "dynamics": "",
    "timestep": 0.5,
}

# Columns that every run has, and how many numbers each holds.
COLUMNS = {
    "step": 1,
    "conserved": 1,
    "potential": 1,
    "kinetic_md": 1,
    "temperature": 1,
    "virial_md": 6,
    "volume": 1,
    "bead_potentials": None,
}


@dataclass
class Structure:
    """Symbols, positions (Å) and cell (rows, Å)."""

    symbols: list
    positions: np.ndarray
    cell: np.ndarray

    def write(self, folder):
        """`start.xyz` as i-PI reads it, and `template.xyz` for `tumble ipi`."""
        lengths = np.linalg.norm(self.cell, axis=1)
        cosines = [self.cell[i] @ self.cell[j] / (lengths[i] * lengths[j]) for i, j in [(1, 2), (0, 2), (0, 1)]]
        cell = " ".join(f"{x:.12f}" for x in [*lengths, *np.degrees(np.arccos(cosines))])
        rows = [f"{s} {x:.12f} {y:.12f} {z:.12f}" for s, (x, y, z) in zip(self.symbols, self.positions)]
        comment = f"# CELL(abcABC): {cell}  positions{{angstrom}} cell{{angstrom}}"
        (folder / "start.xyz").write_text("\n".join([str(len(rows)), comment, *rows]) + "\n")
        (folder / "template.xyz").write_text("\n".join([str(len(rows)), "", *rows]) + "\n")


def water(molecules=1, box=12.0, seed=0):
    """Water molecules on a lattice, each turned and a little deformed."""
    from scipy.spatial.transform import Rotation

    generator = np.random.default_rng(seed)
    side = int(np.ceil(molecules ** (1 / 3)))
    sites = np.array([(i, j, k) for i in range(side) for j in range(side) for k in range(side)])[:molecules]
    shape = np.array([[0.0, 0.0, 0.0], [0.757, 0.587, 0.0], [-0.757, 0.587, 0.0]])
    turns = Rotation.random(molecules, random_state=generator)
    places = (sites + 0.5) * box / side
    positions = [place + turn.apply(shape) for place, turn in zip(places, turns)]
    positions = np.concatenate(positions) + generator.normal(0, 0.02, (3 * molecules, 3))
    return Structure(["O", "H", "H"] * molecules, positions, np.eye(3) * box)


def crystal(seed=0):
    """O and H near the minimum of the toys, in a skewed cell with neighbors beyond the adjacent images."""
    cell = np.array([[4.2, 0.0, 0.0], [0.5, 4.1, 0.0], [-0.3, 0.4, 4.3]])
    sites = np.array([(i, j, k) for i in (0, 0.5) for j in (0, 0.5) for k in (0, 0.5)]) + 0.1
    positions = sites @ cell + np.random.default_rng(seed).normal(0, 0.05, (8, 3))
    return Structure(["O", "H", "H", "O", "H", "O", "H", "H"], positions, cell)


def ffsocket(address="", mode="unix", pbc="false", name="tumble", attributes="", extra=""):
    """A force field; the address is the name of a unix socket, or a port for `inet`."""
    place = f"<address>localhost</address><port>{address}</port>" if mode == "inet" else f"<address>{address}</address>"
    return (
        f"<ffsocket name='{name}' mode='{mode}' pbc='{pbc}' {attributes}>"
        f"{place}<latency>1e-4</latency>{extra}</ffsocket>"
    )


def free_port():
    """A port without a listener."""
    import socket

    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return found.getsockname()[1]


def unique():
    """A unique name for a unix socket."""
    return f"tumble-test-{uuid.uuid4().hex[:12]}"


class Simulation:
    """An i-PI input in a folder."""

    def __init__(self, folder, structure, forcefields, **parts):
        self.folder = folder
        folder.mkdir(exist_ok=True)
        structure.write(folder)
        self.atoms, self.symbols = len(structure.symbols), structure.symbols
        parts = {**DEFAULTS, **parts}
        self.beads, self.steps = parts["beads"], parts["steps"]
        parts["properties"] = "[" + ", ".join([*COLUMNS, *filter(None, [parts["properties"]])]) + "]"
        self.input = INPUT.format(forcefields=forcefields, **parts)
        (folder / "input.xml").write_text(self.input)

    @contextmanager
    def running(self, *arguments):
        """Starts i-PI in the background."""
        with open(self.folder / "ipi.log", "a") as log:
            command = [BIN / "i-pi", *(arguments or ["input.xml"])]
            process = subprocess.Popen(command, cwd=self.folder, env=ENVIRONMENT, stdout=log, stderr=log)
            try:
                yield process
            finally:
                process.kill()
                process.wait()
                self.clean()

    def clean(self):
        """Removes the sockets that i-PI leaves behind when killed."""
        for name in re.findall(r"<address>(.*?)</address>", self.input):
            Path(f"/tmp/ipi_{name}").unlink(missing_ok=True)

    def run(self, *clients, timeout=60):
        """Runs to the end, with clients given as lists of arguments; all must succeed. Returns the output of the
        clients.
        """
        with self.running() as server:
            started = [client(self.folder, *arguments) for arguments in clients]
            try:
                ends = [finish(process, timeout) for process in started]
                assert [code for code, _ in ends] == [0] * len(ends), (ends, self.log())
                assert server.wait(timeout) == 0, self.log()
            finally:
                for process in started:
                    process.kill()
        return [error for _, error in ends]

    def log(self):
        """The output of i-PI."""
        return (self.folder / "ipi.log").read_text()

    def properties(self):
        """Columns of the properties, atomic units: [steps + 1] or [steps + 1, size]."""
        table, found, start = np.loadtxt(self.folder / "out.properties", ndmin=2), {}, 0
        for name, size in COLUMNS.items():
            size = size or self.beads
            found[name] = table[:, start] if size == 1 and name != "bead_potentials" else table[:, start : start + size]
            start += size
        found["more"] = table[:, start:]
        return found

    def virials(self):
        """xx, yy, zz, xy, xz, yz of each step, Hartree."""
        rows = self.properties()
        return rows["virial_md"] * rows["volume"][:, None]

    def frames(self, kind, bead=0):
        """Cells (rows) and `positions` or `forces` of each step, atomic units, to the last digit."""
        width = len(str(self.beads))
        data = (self.folder / f"out.{kind}_{bead:0{width}d}.bin").read_bytes()
        size, head = len(data) // (self.steps + 1), 8 * (10 + 3 * self.atoms)
        assert len(data) == size * (self.steps + 1)
        numbers = np.array([np.frombuffer(data[i * size :][:head]) for i in range(self.steps + 1)])
        cells = numbers[:, :9].reshape(-1, 3, 3).transpose(0, 2, 1)
        return cells, numbers[:, 10:].reshape(-1, self.atoms, 3)

    def forces(self, bead=0):
        """[steps + 1, atoms, 3], Hartree/Bohr."""
        return self.frames("forces", bead)[1]

    def positions(self, bead=0):
        """[steps + 1, atoms, 3], Bohr."""
        return self.frames("positions", bead)[1]

    def extras(self, name, bead=0):
        """Rows of numbers of an extra, one row per step."""
        return np.loadtxt(self.folder / f"out.{name}_{bead}", ndmin=2)


def client(folder, model, *arguments, template="template.xyz"):
    """`tumble ipi` in the background."""
    command = [TUMBLE, "ipi", model, "--template", template, *map(str, arguments)]
    return subprocess.Popen(
        command, cwd=folder, env=ENVIRONMENT, text=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )


def finish(process, timeout=40):
    """Exit code and standard error."""
    _, error = process.communicate(timeout=timeout)
    return process.returncode, error


def wait_for(condition, timeout=30.0):
    """Waits until a condition is true."""
    end = time.monotonic() + timeout
    while not condition():
        assert time.monotonic() < end, "waited in vain"
        time.sleep(0.02)


def at_once(function, items, workers=3):
    """Applies `function` to all items at once: in a short run i-PI mostly waits."""
    with ThreadPoolExecutor(workers) as pool:
        return list(pool.map(function, items))


def assert_close(found, expected, tolerance):
    """Numbers or arrays agree relative to the largest expected, which is not zero."""
    found, expected = np.asarray(found, float), np.asarray(expected, float)
    largest = np.abs(expected).max()
    assert largest > 0 and found.shape == expected.shape
    assert np.abs(found - expected).max() <= tolerance * largest
