"""Run i-PI beside `tumble ipi`, and read back what it printed."""

import os
import subprocess
import sys
import time
import uuid
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np

ROOT = Path(__file__).resolve().parents[2]
BIN = Path(sys.executable).parent
TUMBLE = ROOT / os.environ.get("CARGO_TARGET_DIR", "target") / "release/tumble"
TOYS = ROOT / "tests/data/models"
WATER = ROOT / "examples/models/water-pet.onnx"
ENVIRONMENT = {**os.environ, "ORT_DISABLE_TELEMETRY": "1", "VIRTUAL_ENV": str(BIN.parent), "OMP_NUM_THREADS": "1"}

# i-PI's own constants.
BOHR_PER_ANGSTROM = 1.8897261
HARTREE_PER_EV = 0.036749326

INPUT = """
<simulation verbosity='low' floatformat='%24.16e'>
  <output prefix='out'>
    <properties filename='properties' stride='1'> {properties} </properties>
    {trajectories}
  </output>
  <total_steps>{steps}</total_steps>
  <prng><seed>1</seed></prng>
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

SOCKET = """<ffsocket name='tumble' mode='{mode}' pbc='{pbc}' {attributes}>
  <address>{address}</address> {port} <latency> 1e-4 </latency> {extra}
</ffsocket>"""

FORCES = "<force forcefield='tumble'/>"
PROPERTIES = "[ step, time, conserved, potential, kinetic_md, temperature, virial_md, pressure_md, volume ]"


@dataclass
class Structure:
    """Symbols, positions (Å) and cell (rows, Å)."""

    symbols: list
    positions: np.ndarray
    cell: np.ndarray

    def write(self, path):
        """As i-PI reads it, and as the template of `tumble ipi`."""
        lengths = np.linalg.norm(self.cell, axis=1)
        cosine = [
            self.cell[i] @ self.cell[j] / (lengths[i] * lengths[j]) if lengths.all() else 0
            for i, j in [(1, 2), (0, 2), (0, 1)]
        ]
        cell = " ".join(f"{x:.12f}" for x in [*lengths, *np.degrees(np.arccos(cosine))])
        rows = [f"{s} {x:.12f} {y:.12f} {z:.12f}" for s, (x, y, z) in zip(self.symbols, self.positions)]
        comment = f"# CELL(abcABC): {cell}  positions{{angstrom}} cell{{angstrom}}"
        path.write_text("\n".join([str(len(rows)), comment, *rows]) + "\n")
        path.with_name("template.xyz").write_text("\n".join([str(len(rows)), "", *rows]) + "\n")


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


def ffsocket(mode="unix", pbc="false", attributes="", extra="", name="tumble", address="localhost", port=0):
    """One force field; `address` is filled in by the server for unix sockets."""
    text = SOCKET.format(
        mode=mode,
        pbc=pbc,
        attributes=attributes,
        extra=extra,
        address=address,
        port=f"<port> {port} </port>" if mode == "inet" else "",
    )
    return text.replace("name='tumble'", f"name='{name}'")


def free_port():
    import socket

    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return found.getsockname()[1]


def unique():
    """A name for a unix socket that nobody else has."""
    return f"tumble-test-{uuid.uuid4().hex[:12]}"


class Simulation:
    """An i-PI input in a folder."""

    def __init__(self, folder, structure, forcefields, steps=3, beads=1, mode="nve", **parts):
        self.folder = folder
        structure.write(folder / "start.xyz")
        fill = dict(
            properties=PROPERTIES,
            trajectories="<trajectory filename='forces' stride='1'> forces </trajectory>",
            forces=FORCES,
            ensemble="",
            dynamics="",
            timestep=0.5,
        )
        text = INPUT.format(forcefields=forcefields, steps=steps, beads=beads, mode=mode, **{**fill, **parts})
        (folder / "input.xml").write_text(text)

    @contextmanager
    def running(self):
        """i-PI, in the background."""
        with open(self.folder / "ipi.log", "w") as log:
            command = [BIN / "i-pi", "input.xml"]
            process = subprocess.Popen(command, cwd=self.folder, env=ENVIRONMENT, stdout=log, stderr=log)
            try:
                yield process
            finally:
                if process.poll() is None:
                    process.kill()
                process.wait()

    def run(self, *clients, timeout=120):
        """To the end, with the clients given as lists of arguments; returns their exit codes and errors."""
        with self.running() as server:
            started = [client(self.folder, *arguments) for arguments in clients]
            try:
                ends = [finish(process, timeout) for process in started]
                errors = [error for code, error in ends if code == 1]
                assert not errors, errors
                assert server.wait(timeout) == 0, (self.folder / "ipi.log").read_text()
            finally:
                for process in started:
                    if process.poll() is None:
                        process.kill()
        return ends

    def properties(self):
        """Rows of the properties, atomic units, one a step."""
        return np.loadtxt(self.folder / "out.properties", ndmin=2)

    def forces(self, bead=0):
        """Forces of each step, Hartree/Bohr."""
        return read_xyz(next(self.folder.glob(f"out.forces_{bead}*")))


def read_xyz(path):
    """Three numbers of each atom of each frame."""
    lines = path.read_text().splitlines()
    count = int(lines[0])
    frames = [lines[i + 2 : i + 2 + count] for i in range(0, len(lines), count + 2)]
    return np.array([[[float(x) for x in row.split()[1:4]] for row in frame] for frame in frames])


def client(folder, model, *arguments, template="template.xyz"):
    """`tumble ipi` in the background."""
    command = [TUMBLE, "ipi", model, "--template", template, *map(str, arguments)]
    return subprocess.Popen(
        command, cwd=folder, env=ENVIRONMENT, text=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )


def finish(process, timeout=120):
    """Exit code and standard error."""
    _, error = process.communicate(timeout=timeout)
    return process.returncode, error


def wait_for(condition, timeout=30.0):
    """Until something is true."""
    end = time.monotonic() + timeout
    while not condition():
        assert time.monotonic() < end, "waited in vain"
        time.sleep(0.02)
