"""The model of pair_coeff: pinned by its hash on request, with symbols or numbers, and the same on all ranks."""

import hashlib
import os
import shutil
import subprocess

import onnx
import pytest
from boxes import REPORT, toy, triclinic
from lmp import BIN, LMP, MPIEXEC, PLUGIN, TOYS, WATER, run, succeed

TOY = TOYS / "twohop-padded-f64.onnx"


def sha256(path):
    """SHA-256 of a file, hexadecimal."""
    return hashlib.sha256(path.read_bytes()).hexdigest()


def energy(folder, coefficients, ranks=1):
    """Energy of the skewed box."""
    script = triclinic() + f"pair_style tumble\npair_coeff * * {coefficients}\n" + REPORT
    return succeed(folder, script, ranks).thermo()[0]["PotEng"]


@pytest.mark.parametrize("elements", ["8 1", "o h", "O D", "O T", "8 D"])
def test_elements_by_number_and_isotopes(tmp_path, elements):
    assert energy(tmp_path, f"{TOY} {elements}") == energy(tmp_path, f"{TOY} O H")


@pytest.mark.parametrize("ranks", [1, 2])
def test_a_model_pinned_by_its_hash(tmp_path, ranks):
    digest = sha256(TOY)
    for given in (digest, digest.upper()):
        assert energy(tmp_path, f"{TOY} sha256 {given} O H", ranks) == energy(tmp_path, f"{TOY} O H", ranks)


@pytest.mark.parametrize("ranks", [1, 2])
def test_a_model_of_another_hash(tmp_path, ranks):
    wrong = sha256(WATER)
    script = triclinic() + f"pair_style tumble\npair_coeff * * {TOY} sha256 {wrong} O H\n"
    result = run(tmp_path, script, ranks, timeout=60)
    assert result.code != 0
    assert result.output.count(f"has the sha256 {sha256(TOY)}, but {wrong} was asked for") == 1, result.output


@pytest.mark.parametrize(
    "coefficients, sentence",
    [
        (f"{TOY} sha256 12ab O H", 'sha256 is "12ab": give the 64 hexadecimal digits'),
        (f"{TOY} sha256 {63 * 'a'}g O H", "give the 64 hexadecimal digits"),
        (
            f"{TOY} sha256",
            "sha256 and its 64 digits come right after the model: write pair_coeff * * model.onnx sha256",
        ),
        (f"{TOY} O H sha256 {64 * 'a'}", "sha256 and its 64 digits come right after the model"),
        (f"{TOY} sha256 {64 * 'a'} O", "pair_coeff names 1 element(s) but there are 2 atom type(s)"),
    ],
)
def test_malformed_hashes(tmp_path, coefficients, sentence):
    result = run(tmp_path, triclinic() + f"pair_style tumble\npair_coeff * * {coefficients}\n", timeout=60)
    assert result.code != 0
    assert result.output.count(sentence) == 1, result.output


def test_the_hash_holds_for_its_pair_coeff_only(tmp_path):
    first = f"pair_style tumble\npair_coeff * * {TOY} sha256 {sha256(TOY)} O H\nrun 0\n"
    succeed(tmp_path, triclinic() + first + toy("harmonic-padded-f64").splitlines()[1] + "\nrun 0\n")


def on_several_ranks(folder, script, changes):
    """Runs each rank in its own folder; `changes[rank]` may change the folder and return environment variables."""
    command = [MPIEXEC]
    for rank, change in enumerate(changes):
        place = folder / f"rank{rank}"
        place.mkdir()
        (place / "in.test").write_text(script)
        shutil.copy(TOY, place / "m.onnx")
        shutil.copy(PLUGIN, place / "tumble.so")
        pairs = [word for name, value in change(place).items() for word in ("-env", name, value)]
        lmp = ["-n", "1", "-wdir", place, *pairs, LMP, "-in", "in.test", "-log", "none"]
        command += lmp if rank == 0 else [":", *lmp]
    environment = {**os.environ, "VIRTUAL_ENV": str(BIN.parent), "ORT_DISABLE_TELEMETRY": "1"}
    streams = {"stdout": subprocess.PIPE, "stderr": subprocess.STDOUT}
    return subprocess.run(command, env=environment, timeout=120, text=True, **streams)


def patched(name, old, new):
    """Replaces all occurrences in a file."""

    def change(place):
        data = (place / name).read_bytes()
        assert old in data and len(old) == len(new)
        (place / name).write_bytes(data.replace(old, new))
        return {}

    return change


def same(_):
    """Changes nothing."""
    return {}


HERE = "plugin load ./tumble.so\n" + triclinic() + "pair_style tumble\npair_coeff * * m.onnx O H\nrun 0\n"


def test_ranks_with_the_same_files_agree(tmp_path):
    done = on_several_ranks(tmp_path, HERE, [same, same])
    assert done.returncode == 0, done.stdout


def other_layout(place):
    """The same toy in another file: the energies do not show the difference."""
    shutil.copy(TOYS / "twohop-list-f64.onnx", place / "m.onnx")
    return {}


def test_ranks_with_other_models(tmp_path):
    done = on_several_ranks(tmp_path, HERE, [same, same, other_layout, other_layout])
    hashes = [sha256(tmp_path / f"rank{rank}/m.onnx") for rank in (0, 2)]
    assert done.returncode != 0
    sentence = f"ranks 2-3 differ from rank 0 in the SHA-256 of the model: {hashes[0]} on rank 0, {hashes[1]} on rank 2"
    assert done.stdout.count(sentence) == 1, done.stdout


def in_two_files(place):
    """The toy with its weights in a second file."""
    model = onnx.load(place / "m.onnx")
    entries = [entry for entry in model.metadata_props if entry.key != "tumble_checksum"]
    del model.metadata_props[:]
    model.metadata_props.extend(entries)
    onnx.save(model, place / "m.onnx", save_as_external_data=True, location="m.onnx.data", size_threshold=0)
    return {}


def without_weights(place):
    """The same, but the second file is missing."""
    in_two_files(place)
    (place / "m.onnx.data").unlink()
    return {}


def with_shorter_weights(place):
    """The same, but the second file was cut short."""
    in_two_files(place)
    (place / "m.onnx.data").write_bytes((place / "m.onnx.data").read_bytes()[:-1])
    return {}


def with_other_weights(place):
    """The same, but the last byte of the second file differs."""
    in_two_files(place)
    data = (place / "m.onnx.data").read_bytes()
    (place / "m.onnx.data").write_bytes(data[:-1] + bytes([data[-1] ^ 1]))
    return {}


@pytest.mark.parametrize(
    "change, sentence",
    [
        (without_weights, 'keeps weights in "m.onnx.data", which cannot be read (No such file or directory'),
        (with_shorter_weights, 'keeps weights in "m.onnx.data", which has '),
        (with_other_weights, "rank 1 differs from rank 0 in the SHA-256 of the model: "),
    ],
)
def test_ranks_with_other_weights(tmp_path, change, sentence):
    done = on_several_ranks(tmp_path, HERE, [in_two_files, change])
    assert done.returncode != 0
    assert sentence in done.stdout, done.stdout


def test_ranks_with_weights_in_two_files(tmp_path):
    done = on_several_ranks(tmp_path, HERE, [in_two_files, in_two_files])
    assert done.returncode == 0, done.stdout


def test_ranks_with_other_versions(tmp_path):
    library = PLUGIN.with_name("libtumble_lammps.so")
    name = b"the version of tumble\t"
    data = library.read_bytes()
    version = data[data.index(name) + len(name) :].split(b"\n")[0]
    other = b"9" + version[1:]

    def with_other_library(place):
        shutil.copy(library, place)
        patched(library.name, name + version, name + other)(place)
        return {"LD_LIBRARY_PATH": str(place)}

    done = on_several_ranks(tmp_path, HERE, [same, with_other_library])
    assert done.returncode != 0
    sentence = "rank 1 differs from rank 0 in the version of tumble: "
    sentence += f"{version.decode()} on rank 0, {other.decode()} on rank 1: give all ranks the same"
    assert done.stdout.count(sentence) == 1, done.stdout


@pytest.mark.parametrize("keyword, values", [("seed", ("1", "2")), ("uncertainty", ("1.5", "2.5")), ("threads", "12")])
def test_ranks_with_other_settings(tmp_path, keyword, values):
    """Each rank reads a variable of the environment by itself."""
    script = HERE.replace("pair_style tumble\n", f"variable x getenv SETTING\npair_style tumble {keyword} ${{x}}\n")
    done = on_several_ranks(tmp_path, script, [lambda _, value=value: {"SETTING": value} for value in values])
    assert done.returncode != 0
    sentence = (
        f"rank 1 differs from rank 0 in the value of keyword {keyword}: {values[0]} on rank 0, {values[1]} on rank 1"
    )
    assert done.stdout.count(sentence) == 1, done.stdout
