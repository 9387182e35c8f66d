"""i-PI with 32 beads of one H2O: the model in i-PI's process (<ffdirect>), and over sockets, in turns.

Every way is an i-PI of its own that waits between its rounds; `gas` has no forces, and shows what i-PI itself takes.
Prints the median time of a step, elapsed and (in parentheses) of the processors, and the ratio within each round.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
import uuid
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
TARGET = ROOT / os.environ.get("CARGO_TARGET_DIR", "target") / "release"
BEADS = 32
ATOMS = ("O 6.000 6.000 6.000", "H 6.757 6.587 6.000", "H 5.243 6.587 6.000")
INPUT = """\
<simulation verbosity='quiet'>
  <output prefix='out'/>
  <prng><seed> 1 </seed></prng>
  {field}
  <system>
    <initialize nbeads='{beads}'>
      <file mode='xyz'> start.xyz </file>
      <velocities mode='thermal' units='kelvin'> 300 </velocities>
    </initialize>
    <forces><force forcefield='tumble'/></forces>
    <ensemble><temperature units='kelvin'> 300 </temperature></ensemble>
    <motion mode='dynamics'>
      <dynamics mode='nvt'>
        <timestep units='femtosecond'> 0.25 </timestep>
        <thermostat mode='pile_l'><tau units='femtosecond'> 100 </tau></thermostat>
      </dynamics>
    </motion>
  </system>
</simulation>
"""
DIRECT = "<ffdirect name='tumble'>{pes}<batch_size> {beads} </batch_size></ffdirect>"
SOCKET = (
    "<ffsocket name='tumble' mode='{mode}' pbc='false'><address> {address} </address><latency> 1e-4 </latency>"
    "<batch_size> {beads} </batch_size></ffsocket>"
)
PES = (
    "<pes> custom </pes><pes_path> {file} </pes_path>"
    "<parameters> {{ model: {model}, template: start.xyz, rotate: {rotate} }} </parameters>"
)


def fields(model, rotate, address):
    """The force field of each way."""
    pes = PES.format(file=ROOT / "python/tumble-md/tumble/ipi_pes.py", model=model, rotate=rotate)
    return {
        "direct": DIRECT.format(pes=pes, beads=BEADS),
        "unix": SOCKET.format(mode="unix", address=address("unix"), beads=BEADS),
        "shm": SOCKET.format(mode="shm", address=address("shm"), beads=BEADS),
        "gas": DIRECT.format(pes="<pes> gas </pes>", beads=BEADS),
    }


class Way:
    """An i-PI, with its client if it needs one."""

    def __init__(self, name, field, folder, client):
        self.name, self.folder = name, folder / name
        self.folder.mkdir()
        (self.folder / "start.xyz").write_text(
            "\n".join(["3", "# CELL(abcABC): 12 12 12 90 90 90 positions{angstrom} cell{angstrom}", *ATOMS]) + "\n"
        )
        (self.folder / "input.xml").write_text(INPUT.format(field=field, beads=BEADS))
        environment = {
            **os.environ,
            "ORT_DISABLE_TELEMETRY": "1",
            "OMP_NUM_THREADS": "1",
            "PYTHONPATH": str(ROOT / "python/tumble-md"),
            "TUMBLE_LIBRARY": str(TARGET / "libtumble.so"),
            "VIRTUAL_ENV": sys.prefix,
        }
        command = [sys.executable, __file__, "--child"]
        pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
        self.server = subprocess.Popen(command, cwd=self.folder, env=environment, **pipes)
        quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
        self.client = subprocess.Popen(client, cwd=self.folder, env=environment, **quiet) if client else None

    def run(self, steps):
        """Milliseconds per step: elapsed, and of the processors, i-PI and its client together."""
        before = self.processor_seconds()
        self.server.stdin.write(f"{steps}\n")
        self.server.stdin.flush()
        line = self.server.stdout.readline()
        assert line.startswith("seconds "), f"{self.name}: {line}{self.server.stdout.read()}"
        return float(line.split()[1]) / steps * 1e3, (self.processor_seconds() - before) / steps * 1e3

    def processor_seconds(self):
        """User and system time of both programs."""
        fields = (Path(f"/proc/{process.pid}/stat").read_text().rsplit(")", 1)[1].split() for process in self.both())
        return sum(int(words[11]) + int(words[12]) for words in fields) / os.sysconf("SC_CLK_TCK")

    def both(self):
        """The processes."""
        return [process for process in (self.server, self.client) if process]

    def close(self):
        """Ends both programs."""
        for process in self.both():
            process.kill()
            process.wait()


def child():
    """Runs as many steps as each line of the standard input says, and answers how many seconds they took."""
    from ipi.scripting import InteractiveSimulation

    simulation = InteractiveSimulation(open("input.xml"))
    for line in sys.stdin:
        start = time.perf_counter()
        simulation.run(int(line), write_outputs=False)
        print("seconds", time.perf_counter() - start, flush=True)


def measure(model, rotate, steps, rounds):
    """Milliseconds per step of each way and round, elapsed and of the processors."""
    unique = uuid.uuid4().hex[:8]

    def address(mode):
        return f"tumble-ffdirect-{mode}-{unique}"

    def client(name):
        if name not in ("unix", "shm"):
            return None
        extra = ["--shm"] if name == "shm" else []
        tumble = [TARGET / "tumble", "ipi", model, "--template", "start.xyz", "--rotate", rotate]
        return [*map(str, tumble), "--unix", address(name), *extra]

    with tempfile.TemporaryDirectory() as folder:
        ways = [Way(n, field, Path(folder), client(n)) for n, field in fields(model, rotate, address).items()]
        try:
            for way in ways:
                way.run(steps)
            found = [{way.name: way.run(steps) for way in ways} for _ in range(rounds)]
        finally:
            for way in ways:
                way.close()
            for name in ("unix", "shm"):
                Path(f"/tmp/ipi_{address(name)}").unlink(missing_ok=True)
    return found


def report(rotate, found):
    """A row of the table: median times and their ratios, elapsed and of the processors."""
    middle = {name: [statistics.median(row[name][kind] for row in found) for kind in (0, 1)] for name in found[0]}
    times = " | ".join(f"{middle[name][0]:.2f} ({middle[name][1]:.2f})" for name in ("direct", "unix", "shm", "gas"))
    ratio = [statistics.median(row["unix"][kind] / row["direct"][kind] for row in found) for kind in (0, 1)]
    print(f"| `{rotate}` | {times} | {ratio[0]:.2f} ({ratio[1]:.2f}) |", flush=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", type=Path, default=ROOT / "examples/models/water-pet.onnx")
    parser.add_argument("--rotate", nargs="+", default=["none", "octahedral"])
    parser.add_argument("--steps", type=int, default=50)
    parser.add_argument("--rounds", type=int, default=15)
    parser.add_argument("--json", type=Path, help="write all times to this file")
    parser.add_argument("--child", action="store_true", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.child:
        return child()
    print("| `rotate` | direct, ms | unix, ms | shm, ms | gas, ms | unix / direct |")
    print("|---|---|---|---|---|---|")
    found = {}
    for rotate in options.rotate:
        found[rotate] = measure(options.model.resolve(), rotate, options.steps, options.rounds)
        report(rotate, found[rotate])
    if options.json:
        options.json.write_text(json.dumps(found, indent=1) + "\n")
    return None


if __name__ == "__main__":
    main()
