"""Servers and clients that start late, end early, fail or disagree."""

import json
import signal
import socket
import time

import numpy as np
import pytest
from simulation import (
    TOY,
    TOYS,
    Simulation,
    assert_close,
    client,
    crystal,
    ffsocket,
    finish,
    free_port,
    unique,
    wait_for,
    water,
)

COMMITTEE = TOYS / "ensemble-padded-f64.onnx"


def lines(path):
    """Number of lines of a file so far."""
    return len(path.read_text().splitlines()) if path.exists() else 0


def interrupt(process):
    """Ctrl-C: exit code, standard error, and seconds until the end."""
    start = time.monotonic()
    process.send_signal(signal.SIGINT)
    code, error = finish(process, 30)
    return code, error, time.monotonic() - start


@pytest.fixture(scope="module")
def relay(tmp_path_factory):
    """One server, and successive clients: some wrong, one interrupted, the last one to the end."""
    folder, name = tmp_path_factory.mktemp("relay"), unique()
    simulation = Simulation(folder, crystal(), ffsocket(name), steps=400)
    water(1).write(tmp_path_factory.mktemp("other"))
    (folder / "other.xyz").write_text("3\n\nO 0 0 0\nH 1 0 0\nH 0 1 0\n")
    ends = {"name": name}
    with simulation.running() as server:
        ends["atoms"] = finish(client(folder, TOY, "--unix", name, template="other.xyz"))
        ends["shm"] = finish(client(folder, TOY, "--unix", name, "--shm"))
        third = client(folder, TOY, "--unix", name, "--log", "json", "--rotate", "tetrahedral")
        wait_for(lambda: lines(folder / "out.properties") > 40)
        ends["interrupted"] = interrupt(third)
        ends["steps"] = lines(folder / "out.properties")
        ends["last"] = finish(client(folder, TOY, "--unix", name, "--rotate", "tetrahedral"))
        ends["server"] = server.wait(60)
    return simulation, ends


REMEDY = "give the same structure on both sides, and shared memory to both or neither"


def test_another_number_of_atoms_is_refused(relay):
    _, ends = relay
    code, error = ends["atoms"]
    peer = f"unix:/tmp/ipi_{ends['name']}"
    sentence = f"the peer sent 8 atoms where 3 were expected: {REMEDY}"
    assert code == 1
    assert error.splitlines()[-1] == f"error: a request of {peer} was refused: {sentence}"
    assert f"{peer}: waiting for the server (No such file or directory (os error 2))" in error


def test_shared_memory_of_the_client_only(relay):
    code, error = relay[1]["shm"]
    assert code == 1 and error.endswith(f"where 8 were expected: {REMEDY}\n")


@pytest.mark.parametrize("batch", [1, 8])
def test_shared_memory_of_the_server_only(tmp_path, batch):
    """The names of its segments are shorter than a structure, so a wait for the rest would never end."""
    name, extra = unique(), f"<batch_size> {batch} </batch_size>"
    with Simulation(tmp_path, crystal(), ffsocket(name, "shm", extra=extra)).running():
        code, error = finish(client(tmp_path, TOY, "--unix", name))
    assert code == 1
    assert error.endswith("where one was expected: give shared memory to both sides or neither\n")


def test_an_interrupt_ends_it_at_once(relay):
    """Shells report 130 for Ctrl-C; the simulation would run far longer."""
    code, _, seconds = relay[1]["interrupted"]
    assert code == 130 and seconds < 30


def test_the_next_client_continues(relay):
    """The conserved quantity is continuous across the change of clients."""
    simulation, ends = relay
    assert (ends["last"][0], ends["server"]) == (0, 0)
    rows = simulation.properties()
    assert len(rows["step"]) == 401 and 40 < ends["steps"] < 401
    assert np.ptp(rows["conserved"]) < 0.03 * np.ptp(rows["kinetic_md"])


def test_the_log_is_json(relay):
    """Each line is a JSON document."""
    events = [json.loads(line) for line in relay[1]["interrupted"][1].splitlines()]
    assert [event["event"] for event in events if event["event"] != "progress"] == ["connected", "end"]
    assert events[-1]["ending"] == "interrupted"
    assert events[-1]["structures"] > 20 and events[-1]["evaluations"] == 12 * events[-1]["structures"]
    times = [event["time"] for event in events]
    assert times == sorted(times)


@pytest.fixture(scope="module")
def restart(tmp_path_factory):
    """A killed server that restarts from a checkpoint, with the same client."""
    folder, port = tmp_path_factory.mktemp("restart"), free_port()
    checkpoints = "<checkpoint filename='chk' stride='10' overwrite='false'/>"
    simulation = Simulation(folder, crystal(), ffsocket(port, "inet"), steps=200, outputs=checkpoints)
    process = client(folder, TOY, "--tcp", f"localhost:{port}", "--reconnect", "--retry", 60, "--log", "json")
    with simulation.running() as server:
        wait_for(lambda: (folder / "out.chk_2").exists())
        server.send_signal(signal.SIGKILL)
        server.wait()
    (folder / "out.properties").rename(folder / "before")
    with simulation.running("out.chk_1") as server:
        assert server.wait(60) == 0, simulation.log()
    return folder, simulation.properties(), interrupt(process)


def test_a_client_outlives_its_server(restart):
    _, _, (code, error, seconds) = restart
    assert code == 130 and seconds < 2
    events = [json.loads(line)["event"] for line in error.splitlines()]
    # While a server goes it may take a connection that it never speaks to.
    assert events[0] == "waiting" and events[-2:] == ["waiting", "end"] and events.count("exit") == 1
    assert {"closed", "broken"} & set(events) and events.count("connected") >= 2


def test_the_trajectory_continues(restart):
    """Repeated steps agree to the digits of a checkpoint."""
    folder, rows, _ = restart
    assert rows["step"][-1] == 200
    text = (folder / "before").read_text()
    before = np.array([row.split() for row in text[: text.rindex("\n")].splitlines() if row[0] != "#"], float)
    again = np.isin(before[:, 0], rows["step"])
    assert again.sum() >= 5
    assert_close(rows["potential"][: again.sum()], before[again, 2], 1e-12)
    assert np.ptp(rows["conserved"]) < 0.03 * np.ptp(rows["kinetic_md"])


@pytest.fixture(scope="module")
def late(tmp_path_factory):
    """A client that starts after its server, with a socket elsewhere, and waits for another server at the end."""
    folder, name = tmp_path_factory.mktemp("late"), unique()
    pots = "<trajectory filename='committee_pot' extra_type='committee_pot'> extras </trajectory>"
    simulation = Simulation(folder, crystal(), ffsocket(name), outputs=pots)
    with simulation.running("--sockets_prefix", f"{folder}/at_", "input.xml") as server:
        wait_for((folder / f"at_{name}").is_socket)
        end = finish(client(folder, COMMITTEE, "--unix", folder / f"at_{name}", "--reconnect", "--retry", 1))
        assert server.wait(60) == 0, simulation.log()
    return simulation, end


def test_a_late_client_is_served_and_ends_without_a_next_server(late):
    code, error = late[1]
    assert code == 0
    assert "4 structures, 4 evaluations" in error and "EXIT" in error


def test_a_committee_sends_its_energies(late):
    """The members of the toy differ from its mean by multiples of one number, as in `tests/data/generate.py`."""
    members, mean = late[0].extras("committee_pot"), late[0].properties()["potential"]
    assert members.shape == (4, 4)
    assert_close(members.mean(axis=1), mean, 1e-13)
    unit = (members - mean[:, None]) / [-0.03, -0.01, 0.01, 0.03]
    assert_close(unit, np.repeat(unit[:, :1], 4, axis=1), 1e-9)


@pytest.mark.parametrize("door", ["unix", "tcp"])
def test_client_without_a_server_ends_with_a_sentence(tmp_path, door):
    crystal().write(tmp_path)
    address = unique() if door == "unix" else f"localhost:{free_port()}"
    start = time.monotonic()
    code, error = finish(client(tmp_path, TOY, f"--{door}", address, "--retry", 1))
    assert code == 1 and 1 <= time.monotonic() - start < 4
    place, reason = {
        "unix": (f"unix:/tmp/ipi_{address}", "No such file or directory (os error 2)"),
        "tcp": (f"tcp:{address}", "Connection refused (os error 111)"),
    }[door]
    assert error.splitlines()[-1] == f"error: cannot connect to {place}: {reason}: is the server running there?"


def test_a_server_that_closes_during_the_search(tmp_path):
    """It says EXIT and accepts one more connection, as i-PI may while it closes: this is not an error."""
    water(1).write(tmp_path)
    path = tmp_path / "door"
    with socket.socket(socket.AF_UNIX) as door:
        door.bind(str(path))
        door.listen()
        door.settimeout(20)
        process = client(tmp_path, TOY, "--unix", path, "--reconnect", "--retry", 1)
        with door.accept()[0] as first:
            first.sendall(b"INIT        " + bytes(8) + b"EXIT        ")
        door.accept()[0].close()
    path.unlink()
    code, error = finish(process)
    assert code == 0 and error.count(": connected\n") >= 2, error


def test_an_interrupt_ends_the_wait(tmp_path):
    crystal().write(tmp_path)
    process = client(tmp_path, TOY, "--unix", unique())
    assert "waiting" in process.stderr.readline()
    code, _, seconds = interrupt(process)
    assert code == 130 and seconds < 2


def test_an_unknown_element(tmp_path):
    (tmp_path / "template.xyz").write_text("1\n\nHe 0 0 0\n")
    code, error = finish(client(tmp_path, TOY, "--unix", unique()))
    assert code == 1 and error.startswith("error: ") and "He" in error
