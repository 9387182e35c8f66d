"""Forked processes as in multiprocessing, numbers of threads, and Ctrl-C during an evaluation."""

import json
import os
import subprocess
import sys

import pytest
import test_calculator

TOY = str(test_calculator.TOYS / "harmonic-padded-f64.onnx")
WATER = str(test_calculator.WATER)
PATH = os.pathsep.join(sys.path)

STRUCTURES = """
import json, multiprocessing, os, signal, sys, threading, time
from ase import Atoms
from tumble.ase import Tumble

def crowd(count):
    grid = [[4.0 * (i % 14), 4.0 * (i // 14 % 14), 4.0 * (i // 196)] for i in range(count)]
    return Atoms("H%d" % count, positions=grid)

def tasks():
    return len(os.listdir("/proc/self/task"))

model, threads, count = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
atoms = crowd(count)
# NumPy's own threads are not ours.
before = tasks()
atoms.calc = Tumble(model, threads=threads, rotate=sys.argv[4] if len(sys.argv) > 4 else "none")
"""


def run(script, *arguments, limit=60, model=TOY):
    """Output of a fresh Python, as JSON."""
    command = [sys.executable, "-c", STRUCTURES + script, model, *map(str, arguments)]
    environment = {**os.environ, "PYTHONPATH": PATH, "ORT_DISABLE_TELEMETRY": "1"}
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=limit)
    assert done.returncode == 0, done.stderr
    return [json.loads(line) for line in done.stdout.splitlines()]


FORK = """
parent = atoms.get_potential_energy()
child = os.fork()
if child == 0:
    atoms.calc.reset()
    print(json.dumps(atoms.get_potential_energy()), flush=True)
    atoms.rattle(0.01, seed=1)
    atoms.get_potential_energy()
    atoms.calc.close()
    os._exit(0)
_, status = os.waitpid(child, 0)
atoms.calc.reset()
print(json.dumps([parent, atoms.get_potential_energy(), status]))
"""


@pytest.mark.parametrize("threads", [1, 2])
@pytest.mark.parametrize("count", [3, 2500])
def test_a_forked_child_evaluates_like_its_parent(threads, count):
    child, (parent, again, status) = run(FORK, threads, count)
    assert (child, again, status) == (pytest.approx(parent, rel=1e-12), parent, 0)


POOL = """
def energy(shift):
    mine = crowd(count)
    mine.positions += shift
    mine.calc = atoms.calc
    return mine.get_potential_energy()

if __name__ == "__main__":
    parent = energy(0.0)
    with multiprocessing.get_context("fork").Pool(2) as pool:
        found = pool.map(energy, [0.0, 1.0, 2.0, 3.0])
    print(json.dumps([parent, *found]))
"""


@pytest.mark.parametrize("threads", [1, 2])
@pytest.mark.parametrize("count", [3, 2500])
def test_a_pool_of_multiprocessing_evaluates(threads, count):
    ((parent, *found),) = run(POOL, threads, count)
    assert found == pytest.approx([parent] * 4, rel=1e-9)


def test_a_spawned_child_evaluates(tmp_path):
    script = tmp_path / "spawn.py"
    script.write_text(
        "import multiprocessing, sys\n"
        "from tumble import Model\n\n"
        "def energy(model):\n"
        "    return model.evaluate(['O', 'H', 'H'], [[0, 0, 0], [0.9, 0.6, 0], [-0.9, 0.6, 0]]).energy\n\n"
        "if __name__ == '__main__':\n"
        "    model = Model(sys.argv[1], threads=2)\n"
        "    with multiprocessing.get_context('spawn').Pool(2) as pool:\n"
        "        print([energy(model), *pool.map(energy, [model, model])])\n"
    )
    environment = {**os.environ, "PYTHONPATH": PATH, "ORT_DISABLE_TELEMETRY": "1"}
    done = subprocess.run(
        [sys.executable, script, TOY], env=environment, capture_output=True, text=True, timeout=120, check=True
    )
    parent, *found = json.loads(done.stdout)
    assert found == [parent, parent]


BUSY = """
atoms.get_potential_energy()
other = crowd(count)
other.calc = atoms.calc

def forever():
    while True:
        other.rattle(0.01)
        other.get_potential_energy()

threading.Thread(target=forever, daemon=True).start()
for attempt in range(4):
    time.sleep(0.1)
    child = os.fork()
    if child == 0:
        mine = crowd(3)
        mine.calc = atoms.calc
        mine.get_potential_energy()
        os._exit(0)
    _, status = os.waitpid(child, 0)
    print(json.dumps(status), flush=True)
os._exit(0)
"""


@pytest.mark.parametrize("threads", [1, 2])
def test_a_fork_while_another_thread_evaluates_leaves_no_lock_behind(threads):
    assert run(BUSY, threads, 2500) == [0, 0, 0, 0]


COUNT = """
seen = 0
def look():
    global seen
    while looking:
        seen = max(seen, tasks())
        time.sleep(0.002)
looking = True
looker = threading.Thread(target=look)
looker.start()
atoms.get_potential_energy()
looking = False
looker.join()
# A thread that Python has joined may still be listed for a moment.
deadline = time.monotonic() + 5
while tasks() > before and time.monotonic() < deadline:
    time.sleep(0.002)
print(json.dumps([before, seen - 1, tasks()]))
"""


@pytest.mark.parametrize("count", [3, 2500])
def test_evaluation_on_one_thread_starts_no_other(count):
    """From before the loading of the model to after its evaluation, without the observing thread."""
    ((before, most, after),) = run(COUNT, 1, count, "octahedral", limit=300)
    assert (most, after) == (before, before)


def test_evaluation_on_more_threads_starts_that_many():
    ((before, most, _),) = run(COUNT, 3, 2500, "octahedral", limit=300)
    assert before < most


CTRL_C = """
%s
threading.Timer(0.7, lambda: (print(json.dumps(time.time()), flush=True), os.kill(os.getpid(), signal.SIGINT))).start()
try:
    atoms.get_potential_energy()
    print(json.dumps("whole"))
except KeyboardInterrupt:
    print(json.dumps(time.time()))
    atoms.calc = Tumble(model)
    print(json.dumps(len(atoms.get_forces())))
"""


def test_ctrl_c_ends_an_evaluation():
    pressed, ended, forces = run(CTRL_C % "", 1, 2500, "random:20000", limit=120, model=WATER)
    assert (ended - pressed < 10, forces) == (True, 2500)


def test_ctrl_c_with_a_custom_handler_ends_nothing():
    own = "signal.signal(signal.SIGINT, lambda *_: print(json.dumps('seen'), flush=True))"
    said = run(CTRL_C % own, 1, 2500, "random:12", limit=300, model=WATER)
    assert sorted(word for word in said if isinstance(word, str)) == ["seen", "whole"]
