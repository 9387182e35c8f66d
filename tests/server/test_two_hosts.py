"""A force server on one host and simulations on another: two network namespaces with a cable between them."""

import json
import os
import secrets
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from ase import Atoms
from ase.io import read

ROOT = Path(__file__).resolve().parents[2]
TUMBLE = ROOT / os.environ.get("CARGO_TARGET_DIR", "target") / "release/tumble"
MODEL = ROOT / "examples/models/water-pet-f64.onnx"
EXAMPLE = ROOT / "examples/two-hosts"
TOKEN = "open-sesame-open-sesame"
ENVIRONMENT = {
    **{key: value for key, value in os.environ.items() if key != "TUMBLE_TOKEN"},
    "ORT_DISABLE_TELEMETRY": "1",
    "PYTHONPATH": str(ROOT / "python/tumble-md"),
    "TUMBLE": str(TUMBLE),
    "VIRTUAL_ENV": str(Path(sys.executable).parents[1]),
}
WITH_TOKEN = {**ENVIRONMENT, "TUMBLE_TOKEN": TOKEN}

# Prints energy and forces of the molecule in water.xyz, or the class and the message of the error.
CLIENT = """
import json, os, sys
from ase.io import read
from tumble.ase import TumbleClient
atoms = read("water.xyz")
try:
    with TumbleClient(sys.argv[1], rotate="octahedral", token=os.environ.get("TUMBLE_TOKEN"), timeout=30) as atoms.calc:
        print(json.dumps({"energy": atoms.get_potential_energy(), "forces": atoms.get_forces().tolist()}))
except (RuntimeError, OSError) as error:
    print(json.dumps({"error": type(error).__name__, "text": str(error)}))
"""


class Hosts:
    """Two network namespaces: `near` has the address 10.X.Y.1, `far` has 10.X.Y.2."""

    def __init__(self):
        unique = secrets.token_hex(4)
        self.near, self.far = f"tumble-{unique}-near", f"tumble-{unique}-far"
        self._cable = f"tm{unique}n", f"tm{unique}f"
        self._net = f"10.{secrets.randbelow(256)}.{secrets.randbelow(256)}"
        self.address = f"{self._net}.1"

    def lay(self):
        """Creates both namespaces and the cable; CalledProcessError or OSError if that is not permitted."""
        (near, far), (here, there) = (self.near, self.far), self._cable
        ip("netns", "add", near)
        ip("netns", "add", far)
        ip("-n", near, "link", "add", here, "type", "veth", "peer", "name", there, "netns", far)
        for host, cable, number in [(near, here, 1), (far, there, 2)]:
            ip("-n", host, "address", "add", f"{self._net}.{number}/24", "dev", cable)
            ip("-n", host, "link", "set", cable, "up")
            ip("-n", host, "link", "set", "lo", "up")
            ip("netns", "exec", host, "true")

    def remove(self):
        """Removes the namespaces; the cable goes with them."""
        for host in [self.near, self.far]:
            subprocess.run(["ip", "netns", "del", host], capture_output=True)


def ip(*arguments):
    subprocess.run(["ip", *arguments], check=True, capture_output=True, text=True)


@pytest.fixture(scope="module")
def hosts():
    made = Hosts()
    try:
        made.lay()
        yield made
    except FileNotFoundError:
        pytest.skip("there is no program ip here")
    except subprocess.CalledProcessError as error:
        pytest.skip(f"network namespaces are not permitted here: {error.stderr.strip()}")
    finally:
        made.remove()


class Served:
    """A running server on one of the hosts, on a free port."""

    def __init__(self, host, log, command, environment):
        self._log = log
        with open(log, "w") as out:
            command = ["ip", "netns", "exec", host, *map(str, command)]
            self._process = subprocess.Popen(command, env=environment, stderr=out)

    def __enter__(self):
        deadline = time.monotonic() + 60
        while "listening" not in self._log.read_text():
            assert self._process.poll() is None and time.monotonic() < deadline, self._log.read_text()
            time.sleep(0.02)
        self.port = int(self._log.read_text().split(": listening")[0].rpartition(":")[2])
        return self

    def __exit__(self, *_):
        self._process.terminate()
        assert self._process.wait(30) == 0, self._log.read_text()


def serve(host, folder, place, *options, environment=WITH_TOKEN):
    return Served(host, folder / "serve.log", [TUMBLE, "serve", MODEL, "--listen", place, *options], environment)


def run(host, folder, *command, environment=WITH_TOKEN):
    command = ["ip", "netns", "exec", host, *map(str, command)]
    return subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, timeout=120)


def ask(host, folder, address, environment=WITH_TOKEN):
    done = run(host, folder, sys.executable, "-c", CLIENT, address, environment=environment)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


@pytest.fixture
def molecule(tmp_path):
    """The folder with the molecule."""
    Atoms("OH2", [[0.0, 0.0, 0.1], [0.8, 0.6, 0.0], [-0.7, 0.6, 0.2]]).write(tmp_path / "water.xyz")
    return tmp_path


def evaluated(folder, path, *options):
    """Results of the command line on this host."""
    done = run_here(folder, "eval", MODEL, path, "--json", *options)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def run_here(folder, *arguments):
    command = [TUMBLE, *arguments]
    return subprocess.run(command, cwd=folder, env=ENVIRONMENT, capture_output=True, text=True, timeout=120)


def test_the_far_host_gets_the_results_of_the_near_host(hosts, molecule):
    with serve(hosts.near, molecule, f"tcp:{hosts.address}:0") as server:
        found = ask(hosts.far, molecule, f"tcp:{hosts.address}:{server.port}")
    expected = evaluated(molecule, "water.xyz", "--rotate", "octahedral")
    assert found["energy"] == pytest.approx(expected["energy"], abs=1e-9)
    np.testing.assert_allclose(found["forces"], expected["forces"], rtol=0, atol=1e-9)
    assert np.abs(found["forces"]).max() > 0.1


def test_clients_without_the_token_are_refused(hosts, molecule):
    sentence = "the token is wrong or missing: give the one that the server was started with"
    with serve(hosts.near, molecule, f"tcp:{hosts.address}:0") as server:
        for environment in [ENVIRONMENT, {**ENVIRONMENT, "TUMBLE_TOKEN": "guess"}]:
            found = ask(hosts.far, molecule, f"tcp:{hosts.address}:{server.port}", environment)
            assert found == {"error": "ServerError", "text": sentence}


def test_a_server_on_loopback_is_out_of_reach(hosts, molecule):
    with serve(hosts.near, molecule, "tcp:127.0.0.1:0", environment=ENVIRONMENT) as server:
        near = ask(hosts.near, molecule, f"tcp:127.0.0.1:{server.port}", ENVIRONMENT)
        assert "energy" in near, near
        for address in [hosts.address, "127.0.0.1"]:
            far = ask(hosts.far, molecule, f"tcp:{address}:{server.port}", ENVIRONMENT)
            assert far["error"] == "ConnectionError" and "Connection refused" in far["text"], far


def test_a_server_on_the_network_needs_a_token_or_the_option_open(hosts, molecule):
    place = f"tcp:{hosts.address}:0"
    done = run(hosts.near, molecule, TUMBLE, "serve", MODEL, "--listen", place, environment=ENVIRONMENT)
    assert done.returncode == 2
    assert done.stderr == (
        f"error: {place} can be reached from other machines: give a token (TUMBLE_TOKEN), listen on unix:PATH or "
        "tcp:localhost:PORT, or say --open if everybody may use it\n"
    )
    with serve(hosts.near, molecule, place, "--open", environment=ENVIRONMENT) as server:
        found = ask(hosts.far, molecule, f"tcp:{hosts.address}:{server.port}", ENVIRONMENT)
        assert "energy" in found, found


def test_the_example(hosts, tmp_path):
    command = [EXAMPLE / "serve.sh", f"{hosts.address}:0", MODEL]
    options = ["--steps", "2", "--every", "1", "--rotate", "tetrahedral"]
    with Served(hosts.near, tmp_path / "serve.log", command, WITH_TOKEN) as server:
        address = f"tcp:{hosts.address}:{server.port}"
        done = run(hosts.far, tmp_path, sys.executable, EXAMPLE / "simulate.py", address, *options)
    assert done.returncode == 0, done.stderr
    rows = [[float(x) for x in line.split()] for line in done.stdout.splitlines()[1:]]
    assert [row[0] for row in rows] == [0, 1, 2] and rows[0][1] != rows[1][1]
    start = read(ROOT / "examples/liquid/water-64.data", format="lammps-data", atom_style="atomic")
    Atoms(start.numbers, start.positions, cell=start.cell, pbc=True).write(tmp_path / "start.xyz")
    expected = evaluated(tmp_path, "start.xyz", "--rotate", "tetrahedral")
    # An XYZ file of ASE has eight digits.
    assert rows[0][1] == pytest.approx(expected["energy"], abs=1e-5)
    assert rows[0][3] == pytest.approx(1e3 * expected["spread"]["energy"], abs=0.01)
