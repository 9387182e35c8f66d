"""<ffdirect> with `tumble.ipi`: the same runs as with `tumble ipi` over a socket, and parameters that are refused."""

import subprocess
import sys

import numpy as np
import pytest
from simulation import (
    ENVIRONMENT,
    ROOT,
    TOYS,
    TUMBLE,
    Simulation,
    Structure,
    assert_close,
    at_once,
    crystal,
    ffsocket,
    unique,
    water,
)

PACKAGE = ROOT / "python/tumble-md"
PES = PACKAGE / "tumble/ipi_pes.py"
BEADS = 4
TOY = TOYS / "harmonic-padded-f64.onnx"
OUTPUTS = "".join(
    f"<trajectory filename='{name}' stride='1' extra_type='{name}'> extras </trajectory>"
    for name in ("evaluations", "torque")
)
# Further outputs, if there is more than one rotation.
SPREADS = "".join(
    f"<trajectory filename='{name}' stride='1' extra_type='{name}'> extras </trajectory>"
    for name in ("energy_spread", "o3grid_pots", "o3grid_weights")
)
# Name: options of `tumble ipi`; outputs; batch size.
RUNS = {
    "bare": ({}, "", 4),
    "grid": ({"rotate": "octahedral", "inversion": True, "threads": 2}, SPREADS, 4),
    "one by one": ({"rotate": "tetrahedral"}, SPREADS, 1),
    "random": ({"rotate": "random", "seed": 7}, "", 4),
    "later": ({"rotate": "tetrahedral+random", "seed": 7, "step": 3}, SPREADS, 4),
    "half batches": ({"rotate": "random:3", "seed": 7, "beads": 4}, SPREADS, 2),
    "shared": ({"rotate": "random", "seed": 7, "beads": 4, "streams": "shared"}, "", 2),
    "correction": ({"rotate": "octahedral", "correction": True}, "", 4),
    "slab": ({"pbc": "TTF", "memory": 64, "forces": "conservative"}, "", 4),
}


@pytest.fixture(autouse=True, scope="module")
def library():
    """i-PI's Python finds the package of the repository, and the library of `make library`."""
    ENVIRONMENT["PYTHONPATH"] = str(PACKAGE)
    ENVIRONMENT["TUMBLE_LIBRARY"] = str(TUMBLE.with_name("libtumble.so"))
    yield
    del ENVIRONMENT["PYTHONPATH"], ENVIRONMENT["TUMBLE_LIBRARY"]


def ffdirect(batch=1, pes=PES, **parameters):
    """A force field in the process of i-PI."""
    given = ", ".join(f"{name}: {value}" for name, value in parameters.items())
    return (
        f"<ffdirect name='tumble' pbc='false'><pes> custom </pes><pes_path> {pes} </pes_path>"
        f"<batch_size> {batch} </batch_size><parameters> {{ {given} }} </parameters></ffdirect>"
    )


def arguments(options):
    """The options of the command line."""
    for name, value in options.items():
        yield from [f"--{name}"] if value is True else [f"--{name}", value]


def direct(folder, options, outputs, batch, model=TOY, structure=None):
    """A run in one process."""
    field = ffdirect(batch, model=model, template="template.xyz", **options)
    simulation = Simulation(
        folder, structure or crystal(), field, beads=BEADS, outputs=OUTPUTS + outputs, timestep=0.25
    )
    simulation.run()
    return simulation


def socket(folder, options, outputs, batch, model=TOY, structure=None):
    """The same run with a socket."""
    address, extra = unique(), f"<batch_size> {batch} </batch_size>"
    simulation = Simulation(
        folder,
        structure or crystal(),
        ffsocket(address, extra=extra),
        beads=BEADS,
        outputs=OUTPUTS + outputs,
        timestep=0.25,
    )
    simulation.run([model, "--unix", address, *arguments(options)])
    return simulation


def equal(found, expected, outputs):
    """Both runs agree in all that i-PI writes, to rounding."""
    for column in ("potential", "conserved", "bead_potentials"):
        assert_close(found.properties()[column], expected.properties()[column], 1e-11)
    assert_close(found.virials(), expected.virials(), 1e-8)
    for bead in range(BEADS):
        assert_close(found.forces(bead), expected.forces(bead), 1e-9)
        assert_close(found.positions(bead), expected.positions(bead), 1e-11)
        for name in ["torque", *([] if not outputs else ["energy_spread", "o3grid_pots", "o3grid_weights"])]:
            scale = np.abs(expected.extras(name, bead)).max() or 1.0
            assert np.abs(found.extras(name, bead) - expected.extras(name, bead)).max() <= 1e-8 * scale
        # At the start all beads are equal, which the client of the socket notices where they share their rotations.
        evaluations = [run.extras("evaluations", bead)[1:] for run in (found, expected)]
        assert (evaluations[0] == evaluations[1]).all()


@pytest.fixture(scope="module")
def runs(tmp_path_factory):
    """Both runs of each name."""
    folder = tmp_path_factory.mktemp("ffdirect")
    jobs = [(way, name) for name in RUNS for way in (direct, socket)]
    done = at_once(lambda job: job[0](folder / f"{job[0].__name__}-{job[1].replace(' ', '-')}", *RUNS[job[1]]), jobs)
    return dict(zip(jobs, done, strict=True))


@pytest.mark.parametrize("name", RUNS)
def test_runs_are_those_over_the_socket(runs, name):
    """Also the random rotations of each bead and step."""
    equal(runs[direct, name], runs[socket, name], RUNS[name][1])


def test_random_rotations_of_beads_differ_unless_shared(runs):
    energies = runs[direct, "random"].properties()["bead_potentials"]
    assert np.diff(np.sort(energies[0])).min() > 1e-9
    shared = runs[direct, "shared"].properties()["bead_potentials"]
    assert np.ptp(shared[0]) < 1e-10


class Ion(Structure):
    """A structure whose template gives conditions."""

    def write(self, folder):
        super().write(folder)
        path = folder / "template.xyz"
        count, _, *rows = path.read_text().splitlines()
        path.write_text("\n".join([count, "Charge=1 spin=2", *rows]) + "\n")


def test_conditions_of_the_template_count(tmp_path):
    """As over the socket: before those of the parameters."""
    model, molecule = TOYS / "conditions-padded-f64.onnx", water()
    ion, options = Ion(molecule.symbols, molecule.positions, molecule.cell), {"charge": 0, "field": "0 0 0.1"}
    jobs = [(way, structure) for structure in (ion, molecule) for way in (direct, socket)]
    folders = iter(tmp_path / str(number) for number in range(4))
    options_of = {id(ion): options, id(molecule): {**options, "spin": 1}}
    runs = [way(next(folders), options_of[id(of)], "", 4, model, of) for way, of in jobs]
    equal(runs[0], runs[1], "")
    equal(runs[2], runs[3], "")
    assert abs(runs[0].properties()["potential"][0] - runs[2].properties()["potential"][0]) > 1e-6


def test_outputs_and_committees_are_extras(tmp_path):
    """The extras of the socket, in atomic units."""
    models = [TOYS / f"{name}.onnx" for name in ("harmonic-padded-f64", "pair-list-f64")]
    names = ("committee_pot", "max_force_deviation")
    outputs = "".join(f"<trajectory filename='{n}' stride='1' extra_type='{n}'> extras </trajectory>" for n in names)
    field = ffdirect(4, model=" ".join(map(str, models)), template="template.xyz", rotate="tetrahedral")
    simulation = Simulation(tmp_path / "direct", crystal(), field, beads=4, outputs=outputs)
    simulation.run()
    address = unique()
    other = Simulation(tmp_path / "socket", crystal(), ffsocket(address), beads=4, outputs=outputs)
    other.run([models[0], "--model", models[1], "--unix", address, "--rotate", "tetrahedral"])
    for name in names:
        assert_close(simulation.extras(name), other.extras(name), 1e-9)


def refusal(folder, pes=PES, structure=None, **parameters):
    """The last line of i-PI's output."""
    simulation = Simulation(folder, structure or crystal(), ffdirect(pes=pes, **parameters), beads=1)
    with simulation.running() as server:
        assert server.wait(60) != 0
    return simulation.log().strip().splitlines()[-1]


GOOD = {"model": TOY, "template": "template.xyz"}


@pytest.mark.parametrize(
    ("parameters", "sentence"),
    [
        ({"template": "template.xyz"}, "<parameters> has no model: write { model: FILE.onnx, template: start.xyz }"),
        ({"model": TOY}, "<parameters> has no template: write { model: FILE.onnx, template: start.xyz }"),
        (
            {**GOOD, "rotation": "random"},
            "<parameters> has 'rotation', which tumble does not know: give some of model, ",
        ),
        ({**GOOD, "pbc": "TT"}, "pbc is 'TT': give T or F for each cell vector, as in TTF"),
        ({**GOOD, "streams": "one"}, "streams is 'one': give independent or shared"),
        ({**GOOD, "beads": 0}, "the argument n_beads is 0: give a number from 1 to 65535"),
        ({**GOOD, "rotate": "cubic"}, 'the mitigation "cubic" is unknown: give '),
        ({**GOOD, "template": "no.xyz"}, "cannot read the template no.xyz: [Errno 2] No such file or directory"),
        (
            {**GOOD, "template": "input.xml"},
            "input.xml holds no structure in XYZ format: give the number of atoms in its ",
        ),
        ({**GOOD, "model": "no.onnx"}, "cannot read no.onnx: No such file or directory"),
    ],
)
def test_wrong_parameters_are_sentences(tmp_path, parameters, sentence):
    assert sentence in refusal(tmp_path, **parameters)


def test_a_template_of_another_structure_is_refused(tmp_path):
    (tmp_path / "two.xyz").write_text("2\n\nO 0 0 0\nH 0 0 1\n")
    said = refusal(tmp_path, model=TOY, template="two.xyz")
    assert said.endswith("i-PI has 8 atoms, but the template has 2: give the start file of the simulation as template")


def test_the_wrong_file_is_told(tmp_path):
    """i-PI would put it in place of its own package."""
    said = refusal(tmp_path, pes=PES.with_name("ipi.py"), **GOOD)
    assert said.endswith("give <pes_path> the file that `python -m tumble.ipi` prints, not ipi.py")


def test_python_prints_the_file_for_i_pi():
    said = subprocess.run([sys.executable, "-m", "tumble.ipi"], env=ENVIRONMENT, capture_output=True, text=True)
    assert said.stdout == f"{PES}\n" and said.stderr == ""
