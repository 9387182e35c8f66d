"""The Python clients of the force server, against scripted servers."""

import socket
import threading

import numpy as np
import pytest
from fake_server import ANGSTROM, GREETED, error, greeting, harmonic, results, scripted, structure
from tumble import Client, ServerError

OPTIONS = "stream: 0, step: {step}"
HELLO = (greeting("species: O H2, " + OPTIONS.format(step=0)), GREETED)
WATER = np.array([[0.0, 0.0, 0.0], [1.0, 0.0, 0.0], [0.0, 2.0, -1.0]])
BOHR = (WATER * ANGSTROM).ravel().tolist()
UNIT = (np.eye(3) / ANGSTROM).ravel().tolist()
MOLECULE = structure([0.0] * 9, UNIT, BOHR)
FORCES = [0.5, 0.0, 0.0, 0.0, -0.25, 0.0, 0.0, 0.0, 2.0]
VIRIAL = [1.0, 2.0, 3.0, 2.0, 4.0, 5.0, 3.0, 5.0, 6.0]
ANSWER = results(-1.0, FORCES, VIRIAL, {"evaluations": 1})
# Diagonal, so that its inverse is exact; nonperiodic vectors are zero.
CELL = np.diag([2.0, 4.0, 8.0])
ROW = (CELL * ANGSTROM).ravel().tolist()
INVERSE = np.linalg.inv(CELL * ANGSTROM).ravel().tolist()


def water(**keywords):
    """H2O in ASE."""
    ase = pytest.importorskip("ase")
    return ase.Atoms("OH2", WATER, **keywords)


def calculator(server, **keywords):
    """ASE's calculator for a server."""
    pytest.importorskip("ase")
    from tumble.ase import TumbleClient

    return TumbleClient(server.address, **keywords)


def test_energy_forces_and_virial_come_in_ev_and_angstrom(tmp_path):
    server = scripted(tmp_path, [HELLO, (MOLECULE, ANSWER)])
    with Client(server.address, ["O", "H", "H"]) as client:
        answer = client.evaluate(WATER)
    assert answer.energy == pytest.approx(-27.211383, abs=1e-6)
    assert answer.forces[0, 0] == pytest.approx(0.5 * 51.422062, abs=1e-5)
    assert answer.forces[2, 2] == pytest.approx(2.0 * 51.422062, abs=1e-5)
    assert answer.forces.shape == (3, 3)
    np.testing.assert_allclose(answer.virial, np.reshape(VIRIAL, (3, 3)) * 27.211383, rtol=1e-7)
    assert answer.extras == {"evaluations": 1}
    server.done()


def test_rows_of_a_cell_travel_as_columns(tmp_path):
    cell = np.array([[2.0, 0.0, 0.0], [1.0, 4.0, 0.0], [0.0, 0.0, 5.0]])
    columns = [x * ANGSTROM for x in [2.0, 1.0, 0.0, 0.0, 4.0, 0.0, 0.0, 0.0, 5.0]]
    inverse = np.linalg.inv(np.reshape(columns, (3, 3))).ravel().tolist()
    assert inverse[1] == pytest.approx(-0.125 / ANGSTROM)
    answer = results(0.0, [0.0] * 9, [0.0] * 9)
    server = scripted(tmp_path, [HELLO, (structure(columns, inverse, BOHR), answer)])
    with Client(server.address, [8, 1, 1]) as client:
        assert client.evaluate(WATER, cell).extras == {}
    server.done()


def test_client_sends_all_options(tmp_path):
    text = (
        "species: O H2, rotate: octahedral+random, seed: 1, stream: 2, step: 3, inversion: yes, correction: yes, "
        "forces: direct, token: open sesame"
    )
    server = scripted(tmp_path, [(greeting(text), GREETED)])
    options = {"rotate": "octahedral+random", "inversion": True, "seed": 1, "stream": 2, "step": 3}
    Client(server.address, [8, 1, 1], **options, forces="direct", correction=np.True_, token="open sesame").close()
    server.done()


def test_wrong_arguments_are_refused_before_sending(tmp_path):
    server = scripted(tmp_path, [HELLO])
    with Client(server.address, ["O", "H", "H"]) as client:
        with pytest.raises(ValueError, match=r"positions have the shape \(2, 3\): give \(3, 3\), as for the species"):
            client.evaluate(WATER[:2])
        with pytest.raises(ValueError, match=r"the cell has the shape \(3,\): give \(3, 3\)"):
            client.evaluate(WATER, [1, 2, 3])
    server.done()


@pytest.mark.parametrize(
    "address, species, options, sentence",
    [
        ("water", ["O"], {}, 'the address "water" is neither unix:PATH nor tcp:HOST:PORT'),
        ("tcp:31415", ["O"], {}, 'the address "tcp:31415" is neither unix:PATH nor tcp:HOST:PORT'),
        ("unix:/s", ["Q"], {}, "'Q' is no element: give a symbol such as O, or an atomic number from 1 to 118"),
        ("unix:/s", [0], {}, "0 is no element: give a symbol such as O, or an atomic number from 1 to 118"),
        (
            "unix:/s",
            ["O"],
            {"token": "a, seed: 1"},
            "token is empty, or has a comma, a line break or spaces around it: leave these out",
        ),
    ],
)
def test_bad_arguments_are_refused(address, species, options, sentence):
    with pytest.raises(ValueError) as caught:
        Client(address, species, **options)
    assert str(caught.value) == sentence


def test_a_refusal_is_a_server_error_with_its_sentence(tmp_path):
    server = scripted(tmp_path, [HELLO, (MOLECULE, error("atoms 1 and 2 coincide"))], rest=None)
    client = Client(server.address, ["O", "H", "H"])
    with pytest.raises(ServerError) as caught:
        client.evaluate(WATER)
    where = "(in Python: atoms[0] is O, 1.00 Å from atoms[1], H; atoms[1] is H, 1.00 Å from atoms[0], O)"
    assert str(caught.value) == f"atoms 1 and 2 coincide {where}"
    assert client.closed
    with pytest.raises(ConnectionError, match=f"the connection to the server at {server.address} is closed: connect"):
        client.evaluate(WATER)
    server.done()


def test_a_refusal_of_the_options_is_a_server_error(tmp_path):
    server = scripted(tmp_path, [(HELLO[0], b"NEEDINIT    " + error("the token is wrong"))], rest=None)
    with pytest.raises(ServerError, match="^the token is wrong$"):
        Client(server.address, ["O", "H", "H"])
    server.done()


def test_a_refusal_is_shown_even_if_it_comes_before_the_request(tmp_path):
    server = scripted(tmp_path, [(HELLO[0], GREETED + error("the server is going down"))], rest=None)
    client = Client(server.address, ["O", "H", "H"])
    server.done()
    with pytest.raises(ServerError, match="^the server is going down$"):
        client.evaluate(WATER)


def test_a_closed_connection_is_an_error(tmp_path):
    server = scripted(tmp_path, [HELLO, (MOLECULE, ANSWER[:50])], rest=None)
    client = Client(server.address, ["O", "H", "H"])
    with pytest.raises(ConnectionError) as caught:
        client.evaluate(WATER)
    assert str(caught.value) == f"the connection to the server at {server.address} broke: the server has closed it"
    server.done()


def test_a_missing_server_is_an_error():
    with pytest.raises(
        ConnectionError, match="^cannot connect to unix:/nonexistent/s: .*: is the server running there"
    ):
        Client("unix:/nonexistent/s", ["O"])


def test_a_server_of_another_protocol_is_an_error(tmp_path):
    server = scripted(tmp_path, [(HELLO[0], b"HTTP/1.1 400 Bad Request")], rest=None)
    with pytest.raises(ConnectionError, match="b'HTTP/1.1 400' came where NEEDINIT was due: check that it is a force"):
        Client(server.address, ["O", "H", "H"])
    server.done()


def test_a_wrong_number_of_forces_is_an_error(tmp_path):
    server = scripted(tmp_path, [HELLO, (MOLECULE, results(0.0, [0.0] * 6, [0.0] * 9))], rest=None)
    with pytest.raises(ConnectionError, match="2 atoms came where 3 were sent: check that it is a force server"):
        Client(server.address, ["O", "H", "H"]).evaluate(WATER)
    server.done()


def test_a_timeout_ends_the_wait_for_an_answer(tmp_path):
    server = scripted(tmp_path, [HELLO, (MOLECULE, b"")], rest=b"")
    client = Client(server.address, ["O", "H", "H"], timeout=0.05)
    with pytest.raises(TimeoutError, match=f"^no answer from the server at {server.address} within 0.05 s$"):
        client.evaluate(WATER)
    server.done()


def test_ports_work_as_files_do():
    with socket.create_server(("127.0.0.1", 0)) as listener:
        thread = threading.Thread(target=lambda: greet(listener))
        thread.start()
        port = listener.getsockname()[1]
        Client(f"tcp:127.0.0.1:{port}", ["O", "H", "H"]).close()
        thread.join(10)
        assert not thread.is_alive()


def greet(listener):
    """Serves one connection without options."""
    connection = listener.accept()[0]
    with connection, connection.makefile("rb") as stream:
        assert stream.read(len(HELLO[0])) == HELLO[0]
        connection.sendall(GREETED)
        assert stream.read() == b"EXIT        "


def test_ase_gets_stress_of_a_crystal_in_its_order_and_sign(tmp_path):
    server = scripted(tmp_path, [HELLO, (structure(ROW, INVERSE, BOHR), ANSWER)])
    atoms = water(cell=CELL, pbc=True)
    with calculator(server) as atoms.calc:
        xx, yy, zz, yz, xz, xy = atoms.get_stress() / (-27.211383 / 64.0)
        assert (xx, yy, zz, yz, xz, xy) == pytest.approx((1.0, 4.0, 6.0, 5.0, 3.0, 2.0), rel=1e-6)
        assert atoms.get_potential_energy() == atoms.get_potential_energy(force_consistent=True)
        assert atoms.get_potential_energy() == pytest.approx(-27.211383, abs=1e-6)
        assert atoms.get_forces()[1, 1] == pytest.approx(-0.25 * 51.422062, abs=1e-5)
    server.done()


def test_ase_gets_the_measures_of_broken_symmetry(tmp_path):
    extras = {
        "evaluations": 2,
        "energy_spread": 0.25,
        "force_spread": 0.5,
        "torque": [1.0, 2.0, 3.0],
        "o3grid_pots": [-1.0, 1.0],
        "o3grid_weights": [0.5, 0.5],
        "committee_pot": [2.0, 3.0, 4.0],
    }
    server = scripted(tmp_path, [HELLO, (MOLECULE, results(0.0, FORCES, VIRIAL, extras))])
    atoms = water()
    with calculator(server) as calc:
        calc.calculate(atoms)
        assert calc.details["spread"] == {"energy": 0.25, "forces": 0.5}
        assert calc.details["evaluations"] == 2
        assert calc.details["torque"].tolist() == [1.0, 2.0, 3.0]
        assert calc.details["replica_energies"] == pytest.approx([-27.211383, 27.211383])
        assert calc.details["ensemble_energies"] == pytest.approx([54.422767, 81.634151, 108.845534])
        assert calc.details["replica_weights"].tolist() == [0.5, 0.5]
        assert set(calc.results) == {"energy", "free_energy", "forces"}
    server.done()


def test_extras_come_in_electron_volts(tmp_path):
    extras = {"evaluations": 2, "o3grid_pots": [-1.0, 1.0], "o3grid_weights": [0.25, 0.75], "committee_pot": [2.0, 3.0]}
    server = scripted(tmp_path, [HELLO, (MOLECULE, results(0.0, FORCES, VIRIAL, extras))])
    with Client(server.address, ["O", "H", "H"]) as client:
        found = client.evaluate(WATER).extras
    assert found.keys() == {"evaluations", "replica_energies", "replica_weights", "ensemble_energies"}
    assert found["replica_energies"] == pytest.approx([-27.211383, 27.211383])
    assert found["replica_weights"] == [0.25, 0.75]
    assert found["ensemble_energies"] == pytest.approx([54.422767, 81.634151])
    server.done()


def test_threads_sharing_a_client_take_turns(tmp_path):
    places = np.zeros((3, 3))
    server = harmonic(tmp_path, places, 1.0)
    wrong = []
    with Client(server.address, ["O", "H", "H"]) as client:

        def work(shift):
            positions = WATER + shift
            expected = 0.5 * (positions**2).sum()
            wrong.extend(e for _ in range(50) if abs((e := client.evaluate(positions).energy) - expected) > 1e-6)

        threads = [threading.Thread(target=work, args=(0.1 * k,)) for k in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    server.done()
    assert wrong == []


def test_threads_sharing_a_calculator_see_their_own_results(tmp_path):
    pytest.importorskip("ase")
    server = harmonic(tmp_path, np.zeros((3, 3)), 1.0)
    wrong = []
    with calculator(server) as calc:

        def work(shift):
            atoms = water()
            atoms.calc = calc
            for k in range(25):
                atoms.positions = WATER + shift + 0.01 * k
                expected = 0.5 * (atoms.positions**2).sum()
                if abs(atoms.get_potential_energy() - expected) > 1e-6 or abs(calc.results["energy"] - expected) > 1e-6:
                    wrong.append(expected)
                if np.abs(atoms.get_forces() + atoms.positions).max() > 1e-6:
                    wrong.append(expected)

        threads = [threading.Thread(target=work, args=(0.1 * k,)) for k in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    server.done()
    assert wrong == []


def test_ase_refuses_an_address_at_once():
    pytest.importorskip("ase")
    from tumble.ase import TumbleClient

    with pytest.raises(ValueError, match='the address "water" is neither unix:PATH nor tcp:HOST:PORT'):
        TumbleClient("water")
    with pytest.raises(ValueError, match="rotate is empty, or has a comma"):
        TumbleClient("unix:/s", rotate="none, seed: 1")


def test_ase_sends_no_cell_vectors_along_nonperiodic_directions_and_then_has_no_stress(tmp_path):
    from_ase = pytest.importorskip("ase.calculators.calculator")
    slab = (np.diag([2.0, 4.0, 0.0]) * ANGSTROM).ravel().tolist()
    script = [HELLO, (structure(slab, UNIT, BOHR), ANSWER)]
    server = scripted(tmp_path, script)
    atoms = water(cell=CELL, pbc=[True, True, False])
    with calculator(server) as atoms.calc:
        atoms.get_forces()
        with pytest.raises(from_ase.PropertyNotImplementedError):
            atoms.get_stress()
    server.done()


def test_ase_has_no_stress_for_direct_forces(tmp_path):
    answer = results(0.0, FORCES, [float("nan")] * 9)
    server = scripted(tmp_path, [HELLO, (structure(ROW, INVERSE, BOHR), answer)])
    atoms = water(cell=CELL, pbc=True)
    with calculator(server) as atoms.calc:
        atoms.get_forces()
        assert "stress" not in atoms.calc.results
    server.done()


def test_ase_connects_again_for_other_atoms_and_directions_and_steps_count_on(tmp_path):
    server = harmonic(tmp_path, np.zeros((4, 3)), 1.0, connections=4)
    atoms = water(cell=CELL)
    with calculator(server) as atoms.calc:
        atoms.get_forces()
        atoms.rattle(0.1)
        atoms.get_forces()
        atoms.set_cell(2 * CELL)
        atoms.get_forces()
        atoms.numbers[0] = 16
        atoms.get_forces()
        atoms.pbc = True
        atoms.get_forces()
        atoms.append("H")
        assert atoms.get_forces().shape == (4, 3)
    server.done()
    expected = [("O H2", 0), ("S H2", 3), ("S H2", 4), ("S H3", 5)]
    assert server.texts == [f"species: {species}, " + OPTIONS.format(step=step) for species, step in expected]


def test_ase_connects_again_for_other_parameters_and_after_a_refusal(tmp_path):
    random = greeting("species: O H2, rotate: random, " + OPTIONS.format(step=1))
    again = greeting("species: O H2, rotate: random, " + OPTIONS.format(step=2))
    first, second, third = [HELLO, (MOLECULE, ANSWER)], [(random, GREETED), (MOLECULE, error("no"))], [(again, GREETED)]
    server = scripted(tmp_path, first, second, [*third, (MOLECULE, ANSWER)], rest=None)
    atoms = water()
    with calculator(server) as atoms.calc:
        atoms.get_forces()
        atoms.calc.set(rotate="random")
        with pytest.raises(ServerError, match="^no$"):
            atoms.get_forces()
        assert atoms.get_potential_energy() < 0.0
    server.done()


def test_ase_keeps_the_token_out_of_files(tmp_path):
    server = harmonic(tmp_path, WATER, 1.0, connections=0)
    calc = calculator(server, rotate="random", token="secret")
    assert calc.todict() == {"rotate": "random"}
    with pytest.raises(ValueError, match=r"unknown parameters \['rotation'\]: there are \['charge', 'correction',"):
        calc.set(rotation="random")
    server.done()


def test_ase_conserves_energy_in_dynamics(tmp_path):
    pytest.importorskip("ase")
    from ase import units
    from ase.md.verlet import VelocityVerlet

    server = harmonic(tmp_path, WATER, 5.0)
    atoms = water()
    atoms.positions += [[0.1, 0.0, 0.0], [0.0, 0.05, 0.0], [0.0, 0.0, -0.05]]
    with calculator(server) as atoms.calc:
        start = atoms.get_potential_energy()
        assert start == pytest.approx(0.5 * 5.0 * (0.01 + 0.0025 + 0.0025), rel=1e-9)
        totals, kinetic = [], []
        dynamics = VelocityVerlet(atoms, timestep=0.2 * units.fs)
        dynamics.attach(lambda: (totals.append(atoms.get_total_energy()), kinetic.append(atoms.get_kinetic_energy())))
        dynamics.run(300)
    server.done()
    # An oscillator of H and this spring has a period of 29 fs: two of them, and all energy was kinetic now and then.
    assert max(kinetic) > 0.3 * start
    assert np.ptp(totals) < 2e-4 * start
