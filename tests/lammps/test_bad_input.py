"""Wrong input stops all ranks with a sentence about it, printed once, and without a hang."""

import os
import re
import subprocess

import pytest
from boxes import CORNER, REPORT, model, toy, triclinic, water
from lmp import BIN, LMP, MPIEXEC, PLUGIN, TOYS, WATER, run

TOY = TOYS / "twohop-padded-f64.onnx"


def refused(folder, script, ranks=1, environment=None):
    """The output of a run that must fail by itself."""
    result = run(folder, script, ranks, environment, timeout=60)
    assert result.code != 0
    assert "panicked" not in result.output and "terminate called" not in result.output
    return result.output


def assert_refused(folder, script, *sentences, ranks=(1, 2), environment=None):
    """Every rank count gives the sentences, each printed once."""
    for count in ranks:
        output = refused(folder, script, count, environment)
        for sentence in sentences:
            assert output.count(sentence) == 1, output


@pytest.mark.parametrize(
    "keywords, sentence",
    [
        ("rotate cubical", 'the mitigation "cubical"'),
        ("rotate none+random", 'the mitigation "none+random"'),
        ("rotate legendre:99", "there is no legendre grid of order 99"),
        ("rotate octahedral+inversion+random", "has its endings out of order: give octahedral+random+inversion"),
        ("inversion maybe", 'inversion is "maybe": give yes or no'),
        ("seed -1", 'seed is "-1": give a whole number from 0 to 18446744073709551615'),
        ("seed 1.5", 'seed is "1.5": give a whole number from 0 to 18446744073709551615'),
        ("threads 0", 'threads is "0": give a whole number from 1 to 1000000'),
        ("every 0", 'every is "0": give a whole number from 1 to 1000000'),
        (
            "rotate random every 4 correction yes",
            "every 4 contradicts correction yes, which leaves the time stepping",
        ),
        (
            "rotate octahedral+inversion inversion no",
            "inversion no contradicts rotate octahedral+inversion: leave one of them out",
        ),
        ("every 4", "every 4 changes nothing without rotations: all steps are bare"),
        ("correction yes", "correction yes is zero without rotations, as it is averaged minus bare"),
        ("rotate random inner direct", "inner direct changes nothing without every (2 or more) or correction yes"),
        ("threads 1000001", 'threads is "1000001": give a whole number from 1 to 1000000'),
        ("memory 9000000000000000000", 'memory is "9000000000000000000": give a whole number from 1 to 1000000'),
        ("inner newtonian", 'inner is "newtonian": give conservative or direct'),
        ("monitor -1", 'monitor is "-1": give a whole number from 0'),
        ("uncertainty 0", 'uncertainty is "0": give an energy above 0'),
        ("monitor often", 'monitor is "often": give a whole number from 0'),
        ("uncertainty low", 'uncertainty is "low": give an energy above 0'),
        ("memory 0", 'memory is "0": give a whole number from 1 to 1000000'),
        ("forces magic", 'forces is "magic": give conservative or direct'),
        ("tf32 yes", "tf32 yes is for products on a GPU, but the device is cpu: choose the device cuda"),
        ("device tpu", 'device is "tpu": give cpu or cuda'),
        (
            "rotation random",
            "unknown keyword rotation: did you mean rotate? the keywords are rotate, inversion, seed,",
        ),
        ("rotate", "keyword rotate has no value: give one after it"),
        ("seed 1 nthreads 2", "unknown keyword nthreads: did you mean threads? the keywords are"),
        ("lambda 2", "unknown keyword lambda: the keywords are"),
        (
            f"{TOY}",
            "is not a keyword: the model goes to pair_coeff, so write pair_style tumble and then pair_coeff * *",
        ),
        ("rotate random model.onnx", "model.onnx is not a keyword: the model goes to pair_coeff"),
    ],
)
def test_keywords(tmp_path, keywords, sentence):
    assert_refused(tmp_path, triclinic() + f"pair_style tumble {keywords}\n", sentence)


def written(folder, name, content):
    """A file in the folder of the run."""
    (folder / name).write_bytes(content)
    return folder / name


def test_files_other_than_models(tmp_path):
    data = TOY.read_bytes()
    cases = [
        (tmp_path / "no.onnx", "cannot read"),
        (written(tmp_path, "text.onnx", b"energy = 42\n"), "is not an ONNX model"),
        (written(tmp_path, "empty.onnx", b""), "is not an ONNX model"),
        (written(tmp_path, "short.onnx", data[: len(data) // 2]), "is not an ONNX model"),
    ]
    for path, sentence in cases:
        assert_refused(tmp_path, triclinic() + model(path), sentence, ranks=(2,))


@pytest.mark.parametrize(
    "name, sentence",
    [
        ("bad-no-metadata", 'has no metadata under the key "tumble"'),
        ("bad-version", "of the model contract, but this program knows versions up to 2"),
        ("bad-missing-cutoff", "breaks the model contract"),
        ("bad-input", "breaks the model contract"),
    ],
)
def test_models_breaking_the_contract(tmp_path, name, sentence):
    assert_refused(tmp_path, triclinic() + model(TOYS / f"{name}.onnx"), sentence, ranks=(2,))


def test_a_model_that_returns_nan(tmp_path):
    assert_refused(tmp_path, triclinic() + toy("bad-nan") + REPORT, "gave NaN in")


COINCIDENT = """
variable x equal x[15]
variable y equal y[15]
variable z equal z[15]
create_atoms 2 single ${x} ${y} ${z} units box
"""


@pytest.mark.parametrize("name", ["bad-close-list", "bad-close-padded"])
@pytest.mark.parametrize("keywords", ["", "rotate octahedral", "rotate tetrahedral memory 1"])
def test_the_atom_at_which_a_model_fails(tmp_path, name, keywords):
    """Two coinciding atoms are named by their IDs, for any domain decomposition and replica."""
    atom = r"atom (\d+) \((\w)\)"
    pattern = rf"gave NaN in atomic_energies for {atom} at \(.*, .*, .*\), nearest neighbors {atom} at 0.0000 Å, atom"
    script = triclinic() + COINCIDENT + toy(name, keywords) + REPORT
    for ranks in (1, 2, 4):
        output = refused(tmp_path, script, ranks)
        found = re.findall(pattern, output)
        assert len(found) == 1, output
        one, two = found[0][:2], found[0][2:]
        assert {one, two} == {("15", "O"), ("23", "H")}


def test_a_position_of_nan(tmp_path):
    """LAMMPS checks positions only when it builds neighbor lists: until then such an atom would have no neighbors."""
    script = triclinic() + toy() + "neigh_modify every 100 delay 100\nfix 1 all nve\nrun 1\n"
    script += "variable bad atom id*1e308*1e10-id*1e308*1e10\ngroup one id 7\n"
    script += "velocity one set v_bad 0 0 units box\nrun 2 pre no\n"
    for ranks in (1, 2):
        output = refused(tmp_path, script, ranks)
        assert output.count("the position of atom 7 is not finite (NaN)") == 1, output


def test_a_failure_on_one_rank_stops_all(tmp_path):
    """Ranks without atoms run no model: they wait for the others, and must be told of the failure."""
    assert_refused(tmp_path, CORNER + toy("bad-nan") + REPORT, "gave NaN in", ranks=(4,))


def test_memory_that_one_rank_does_not_get(tmp_path):
    """The other rank would wait for ever if it were not told."""
    (tmp_path / "in.test").write_text(f"plugin load {PLUGIN}\n" + water(tmp_path, 12) + model(WATER) + "run 0\n")
    lmp = [LMP, "-in", "in.test", "-log", "none"]
    command = [MPIEXEC, "-n", "1", *lmp, ":", "-n", "1", "prlimit", "--as=340000000", *lmp]
    environment = {**os.environ, "VIRTUAL_ENV": str(BIN.parent)}
    done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=60)
    assert done.returncode != 0
    assert (done.stdout + done.stderr).count("ONNX Runtime failed to run the model") == 1
    # Either tumble or ONNX Runtime fails first.
    causes = "bytes of memory left|Failed to allocate memory|bad_alloc"
    assert len(re.findall(causes, done.stdout + done.stderr)) == 1


@pytest.mark.parametrize(
    "coefficients, sentence",
    [
        (f"* * {TOY} O", "pair_coeff names 1 element(s) but there are 2 atom type(s)"),
        (f"* * {TOY} O H H", "pair_coeff names 3 element(s) but there are 2 atom type(s)"),
        (
            "* *",
            "pair_coeff names no model: give the model and the element of each atom type, as in pair_coeff * * model",
        ),
        ("* * O H", "pair_coeff names the element O where the model is expected: write pair_coeff * * model.onnx O"),
        (f"* * 8 1 {TOY}", "pair_coeff names the element 8 where the model is expected"),
        (f"* * {TOY}", "pair_coeff names 0 element(s) but there are 2 atom type(s)"),
        (f"* * {TOY} 8 26", 'the model "twohop" does not know element Fe: it knows H, O'),
        (f"* * {TOY} 8 0", 'the model "twohop" does not know element 0: it knows H, O'),
        (f"1 1 {TOY} O H", "Pair_coeff must start with * * for pair style tumble"),
        (f"* * {TOY} O Fe", 'the model "twohop" does not know element Fe: it knows H, O'),
        (f"* * {TOY} O NULL", 'the model "twohop" does not know element NULL: it knows H, O'),
        (f"* * {TOY} O Qq", 'the model "twohop" does not know element Qq: it knows H, O'),
    ],
)
def test_coefficients(tmp_path, coefficients, sentence):
    assert_refused(tmp_path, triclinic() + f"pair_style tumble\npair_coeff {coefficients}\n", sentence)


def test_a_pair_style_without_its_coefficients(tmp_path):
    script = triclinic() + toy() + "run 0\npair_style tumble rotate octahedral\nrun 0\n"
    assert_refused(tmp_path, script, "pair_style tumble has no model: write pair_coeff")


def test_missing_onnx_runtime_is_named(tmp_path):
    (tmp_path / "nothing").mkdir()
    environment = {"ORT_DYLIB_PATH": str(tmp_path / "nothing")}
    sentence = "but there is no ONNX Runtime library there"
    assert_refused(tmp_path, triclinic() + toy(), sentence, environment=environment)


def test_a_missing_device(tmp_path):
    assert_refused(tmp_path, triclinic() + toy(keywords="device cuda"), "cannot run on cuda")


def test_forces_not_offered_by_the_model(tmp_path):
    assert_refused(tmp_path, triclinic() + toy(keywords="forces direct"), "offers no direct forces")


def test_an_unknown_pressure_is_nan(tmp_path):
    script = triclinic() + toy("direct-padded-f64", "forces direct") + REPORT
    result = run(tmp_path, script, 2)
    assert result.code == 0, result.output
    assert result.output.count("direct forces have no virial in this run, so the pressure is nan") == 1
    assert str(result.thermo()[0]["Pxx"]) == "nan"


def test_units_without_a_scale(tmp_path):
    script = triclinic().replace("units metal", "units lj") + toy() + "run 0\n"
    assert_refused(
        tmp_path, script, "units lj have no scale in eV and Å: use units metal, real, electron, si, cgs, micro"
    )


def test_a_memory_that_is_too_small(tmp_path):
    def script(memory):
        large = model(WATER.with_name("water-mtt-pet.onnx"), f"memory {memory} exchange no")
        return water(tmp_path, 4) + large + "run 0\n"

    sentence = "memory is limited to 1 MB, too little even for a small part of the structure: raise memory to at least "
    assert_refused(tmp_path, script(1), sentence)
    named = re.search(rf"{re.escape(sentence)}(\d+) MB", refused(tmp_path, script(1)))
    assert run(tmp_path, script(named[1])).code == 0


DENSE = """
units metal
boundary f f f
region b block 0 40 0 40 0 40
region ball sphere 20 20 20 3.49
region hole sphere 20 20 20 3.3 side out
region shell intersect 2 ball hole
create_box 2 b
create_atoms 1 single 20 20 20
create_atoms 2 random {neighbors} 12345 shell
mass * 1.0
neighbor 0.3 bin
neigh_modify one 3000 page 30000
"""


def test_more_neighbors_than_an_atom_may_have(tmp_path):
    """An atom inside a shell of others: at most 2,000 neighbors are evaluated."""
    dense = toy("pair-padded-f64") + "run 0\n"
    sentence = "some of 2002 atoms have 2001 or more neighbors within 3.500 Å, but at most 2000 are supported"
    assert_refused(tmp_path, DENSE.format(neighbors=2001) + dense, sentence)
    assert run(tmp_path, DENSE.format(neighbors=2000) + dense).code == 0


@pytest.mark.parametrize(
    "extra, late, sentence",
    [
        ("newton off", "", "needs newton on"),
        ("", "pair_write 1 2 10 r 1.0 3.0 table.txt toy\n", "does not support pair_write"),
    ],
)
def test_settings_with_wrong_results_are_refused(tmp_path, extra, late, sentence):
    script = triclinic().replace("newton on", extra or "newton on") + toy() + late + "run 0\n"
    assert_refused(tmp_path, script, sentence)
