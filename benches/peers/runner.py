"""Runs workers in turn, each in its own processes; all others are stopped.

So other load on the machine affects all alike. A ratio is taken in each round, then its median over rounds.
"""

import json
import os
import select
import signal
import subprocess
import sys
from dataclasses import dataclass, field

from paths import BUILD, HERE, VENV, WORK, program

RUST = ("tumble", "ort_c", "pairs")
TURN = 0.5  # s: short evaluations are repeated for about this long in one turn
MOST = 2000  # evaluations per turn
PATIENCE = 900  # s: longer than any turn


@dataclass
class Plan:
    """The extent of a measurement."""

    rounds: int
    turn: float = TURN
    # Each turn in a new process, if all together would not fit into the memory.
    fresh: bool = False
    # Evaluations before the turns: TorchScript optimizes during the first ones.
    warm: int = 0


class Lost(Exception):
    """A worker cannot do its job; the text gives the reason."""


@dataclass
class Worker:
    """A program to measure: name, job (main.rs, worker.py), and number of cores (0: one per thread)."""

    name: str
    job: dict
    cores: int = 0
    count: int = 1
    process: subprocess.Popen = field(default=None, repr=False)
    energy: float = 0.0

    def start(self):
        """Start the process; it evaluates once for the energy."""
        with open(self.log(), "w") as log:
            self.process = subprocess.Popen(
                command(self.job),
                env=environment(self.job),
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=log,
                text=True,
                start_new_session=True,
                preexec_fn=lambda: os.sched_setaffinity(0, cores(self.cores or self.job["threads"])),
            )
        self.energy = self.answer("energy")
        return self

    def calibrate(self, plan):
        """Find the number of evaluations per turn, one if a turn has no length; the turns for this are not counted."""
        turn = plan.turn
        if plan.warm:
            self.take(plan.warm)
        if not turn:
            return
        first = self.take(1)
        self.count = max(1, min(MOST, int(turn / first)))
        if self.count > 1:
            self.count = max(1, min(MOST, int(turn / self.take(min(self.count, 10)))))

    def take(self, count=None):
        """Mean seconds per evaluation in one turn; afterwards the process is stopped."""
        self.signal(signal.SIGCONT)
        try:
            self.process.stdin.write(f"{count or self.count}\n")
            self.process.stdin.flush()
        except BrokenPipeError:
            pass  # `answer` finds the reason
        return self.answer("seconds")

    def answer(self, key):
        if not select.select([self.process.stdout], [], [], PATIENCE)[0]:
            raise Lost(f"gave no answer in {PATIENCE} s")
        line = self.process.stdout.readline()
        if not line:
            raise Lost(self.reason())
        self.signal(signal.SIGSTOP)
        return json.loads(line)[key]

    def signal(self, number):
        """Send a signal to all processes of the worker."""
        try:
            os.killpg(self.process.pid, number)
        except ProcessLookupError:
            pass  # it ended by itself

    def reason(self):
        """The reason of its end: the last line of its output."""
        code = self.process.wait()
        if code == -signal.SIGKILL:
            return "was killed by the system, as when memory runs out"
        lines = [line.strip() for line in self.log().read_text().splitlines() if line.strip()]
        return f"ended with {code}: {lines[-1] if lines else 'no word'}"[:300]

    def log(self):
        (WORK / "logs").mkdir(parents=True, exist_ok=True)
        return WORK / "logs" / (self.name.replace(" ", "-").replace("/", "-") + ".log")

    def megabytes(self):
        """Peak memory of the computing process, without its children."""
        with open(f"/proc/{self.process.pid}/status") as file:
            return next(int(line.split()[1]) / 1000 for line in file if line.startswith("VmHWM"))

    def stop(self):
        if self.process:
            self.signal(signal.SIGKILL)
            self.process.wait()


def command(job):
    """The command that starts a worker."""
    text = json.dumps(job)
    if job["kind"] in RUST:
        return [program(), text]
    python = VENV / "bin/python" if job["kind"] == "with_lammps" else sys.executable
    return [str(python), str(HERE / "worker.py"), text]


def environment(job):
    """The environment of a job: all libraries use its number of threads, and none reports usage."""
    threads = str(job["threads"])
    pools = ("OMP", "OPENBLAS", "MKL", "RAYON")
    more = {f"{pool}_NUM_THREADS": threads for pool in pools} | dict(PYTHONWARNINGS="ignore")
    more["TUMBLE_LIBRARY"] = str(BUILD / "libtumble.so")
    if job["kind"] == "with_lammps":
        more |= dict(LD_LIBRARY_PATH=str(VENV / "lib"), LAMMPS_PLUGIN_PATH=str(BUILD))
    return os.environ | more | dict(ORT_DISABLE_TELEMETRY="1", VIRTUAL_ENV=str(VENV))


def cores(count):
    """The first `count` cores of this process."""
    return sorted(os.sched_getaffinity(0))[:count]


def measure(workers, plan, skip):
    """{times: {name: seconds of each round}, megabytes, energies}; calls `skip(name, why)` for failed workers."""
    found = dict(times={}, megabytes={}, energies={})
    turns = fresh_turns if plan.fresh else turns_in_place
    turns(workers, plan, skip, found)
    return found


def turns_in_place(workers, plan, skip, found):
    """All workers stay from the start to the end."""
    ready = []
    try:
        for one in workers:
            if attempt(one, skip, lambda one=one: (one.start(), note(one, found), one.calibrate(plan))):
                ready.append(one)
        for _ in range(plan.rounds):
            for one in list(ready):
                if not attempt(one, skip, lambda one=one: found["times"].setdefault(one.name, []).append(one.take())):
                    ready.remove(one)
                    found["times"].pop(one.name, None)
        for one in ready:
            note(one, found)
    finally:
        for one in workers:
            one.stop()


def fresh_turns(workers, plan, skip, found):
    """One worker at a time; the evaluation for the energy warms it up."""
    lost = set()
    for _ in range(plan.rounds):
        for one in workers:
            if one.name not in lost and not attempt(one, skip, lambda one=one: turn(one, found)):
                lost.add(one.name)
                found["times"].pop(one.name, None)


def turn(one, found):
    one.start()
    found["times"].setdefault(one.name, []).append(one.take(1))
    note(one, found)
    one.stop()


def attempt(one, skip, action):
    """Whether an action succeeds; a worker that fails is stopped and skipped."""
    try:
        action()
        return True
    except Lost as lost:
        one.stop()
        skip(one.name, str(lost))
        return False


def note(one, found):
    """Record memory and energy of a worker."""
    found["megabytes"][one.name] = one.megabytes()
    found["energies"][one.name] = one.energy
