"""Molecular dynamics in i-PI, with its own driver for metatomic or with `tumble ipi`; an evaluation is a step.

i-PI runs in this process, and the driver in another; they communicate through a unix socket.
"""

import os
import subprocess
import sys
import tempfile
import threading
import time
import uuid
from pathlib import Path

import ase
import ase.io

BOX = 20.0  # Å, for a free molecule, since i-PI knows periodic structures only

INPUT = """
<simulation verbosity='quiet' safe_stride='1000000'>
  <output prefix='out'> </output>
  <prng><seed> 1 </seed></prng>
  {field}
  <system>
    <initialize nbeads='{beads}'>
      <file mode='xyz' units='angstrom'> start.xyz </file>
      <velocities mode='thermal' units='kelvin'> 300 </velocities>
    </initialize>
    <forces> <force forcefield='{forcefield}'/> </forces>
    <ensemble> <temperature units='kelvin'> 300 </temperature> </ensemble>
    <motion mode='dynamics'>
      <dynamics mode='nvt'>
        <timestep units='femtosecond'> 0.25 </timestep>
        <thermostat mode='pile_l'> <tau units='femtosecond'> 100 </tau> </thermostat>
      </dynamics>
    </motion>
  </system>
</simulation>
"""

SOCKET = """<ffsocket name='driver' mode='unix' pbc='false'>
  <address>{address}</address> <latency> 1e-4 </latency> <batch_size> {batch} </batch_size>
</ffsocket>"""

ROTATIONS = """<ffrotations name='rotations' pbc='false'>
  <grid_mode> {mode} </grid_mode> <grid_order> {order} </grid_order> <inversion> {inversion} </inversion>
  <latency> 1e-4 </latency> {socket}
</ffrotations>"""


def describe(job, address):
    """i-PI's input."""
    field, name = SOCKET.format(address=address, batch=job["batch"]), "driver"
    if "grid" in job:
        mode, order = job["grid"].split(":")
        field = ROTATIONS.format(mode=mode, order=order, inversion=job["inversion"], socket=field)
        name = "rotations"
    return INPUT.format(field=field, forcefield=name, beads=job["beads"])


def write(structure):
    """`start.xyz` as i-PI reads it, and `template.xyz` for the drivers."""
    atoms = ase.io.read(structure)
    if not atoms.pbc.any():
        atoms.set_cell([BOX] * 3)
        atoms.center()
    lengths = " ".join(f"{number:.12f}" for number in atoms.cell.cellpar())
    rows = [f"{a.symbol} {a.x:.12f} {a.y:.12f} {a.z:.12f}" for a in atoms]
    comment = f"# CELL(abcABC): {lengths}  positions{{angstrom}} cell{{angstrom}}"
    Path("start.xyz").write_text("\n".join([str(len(rows)), comment, *rows]) + "\n")
    atoms.pbc = True
    ase.io.write("template.xyz", atoms, format="extxyz")


def driver(job, address):
    """The program that evaluates."""
    if job["driver"] == "metatomic":
        options = f"template=template.xyz,model={job['torchscript']}"
        program = Path(sys.executable).parent / "i-pi-driver-py"
        return [program, "-u", "-a", address, "-m", "metatomic", "-o", options]
    rotate = ["--rotate", job["rotate"]] if "rotate" in job else []
    inversion = ["--inversion"] if "rotate" in job and job["inversion"] else []
    ours = [job["program"], "ipi", job["model"], "--template", "template.xyz", "--unix", address]
    return [*ours, "--threads", str(job["threads"]), *rotate, *inversion]


def make(job):
    from ipi.scripting import InteractiveSimulation

    os.chdir(tempfile.mkdtemp())
    write(job["structure"])
    address = f"tumble-peers-{uuid.uuid4().hex[:12]}"
    # i-PI must listen first: its own driver gives up without a listener.
    simulation = InteractiveSimulation(describe(job, address))
    process = subprocess.Popen(driver(job, address), stdin=subprocess.DEVNULL)
    # End with the driver: i-PI would wait for ever.
    threading.Thread(target=lambda: os._exit(process.wait() or 1), daemon=True).start()

    def evaluate():
        start = time.perf_counter()
        simulation.run(job["steps"], write_outputs=False)
        return (time.perf_counter() - start) / job["steps"]

    evaluate()
    return evaluate, simulation.properties("potential")
