"""Energies and virials of single atoms: their sums, their shares, and the heat flux that is made of them."""

from functools import cache
from itertools import product

import numpy as np
import pytest
from boxes import CORNER, toy, triclinic
from lmp import assert_close, dump, run, succeed
from pairs import Pairs

MITIGATIONS = ["none", "tetrahedral", "random seed 3"]
TOYS = ["pair-list-f64", "harmonic-list-f64", "twohop-padded-f64"]

# stress/atom and centroid/stress/atom are pressures times a volume, with the other sign.
COMPUTES = """
compute e all pe/atom
compute s all stress/atom NULL pair
compute c all centroid/stress/atom NULL pair
compute p all pressure NULL pair
compute esum all reduce sum c_e
compute ssum all reduce sum c_s[*]
compute csum all reduce sum c_c[*]
thermo_style custom step pe vol c_esum c_p[*] c_ssum[*] c_csum[*]
thermo_modify format float %20.15g
"""
POINT = """
dump 1 all custom 1 {file} id type x y z fx fy fz c_e c_s[*] c_c[*]
dump_modify 1 sort id format float %20.15g
run 0
undump 1
"""


def evaluate(folder, start, name, ranks, keywords=""):
    """For each mitigation the thermo row and the frame of a single point."""
    pairs = [toy(name, f"rotate {rotate} {keywords}") for rotate in MITIGATIONS]
    files = [f"{k}.dump" for k in range(len(pairs))]
    points = [pair + POINT.format(file=file) for pair, file in zip(pairs, files)]
    # Computes need a pair style.
    result = succeed(folder, start + pairs[0] + COMPUTES + "".join(points), ranks)
    frames = [dump(folder / file)[0] for file in files]
    return dict(zip(MITIGATIONS, zip(result.thermo(), frames, strict=True)))


@pytest.fixture(scope="module")
def points(tmp_path_factory):
    """Function of toy and number of ranks: `evaluate` in the triclinic box."""
    return cache(lambda *key: evaluate(tmp_path_factory.mktemp("points"), triclinic(), *key))


def columns(frame, *names):
    """Some columns of a frame [N, n]."""
    return np.array([frame[name] for name in names]).T


def tensors(frame, compute):
    """Those of a per-atom compute [N, 6 or 9]."""
    return columns(frame, *(name for name in frame if name.startswith(f"c_{compute}[")))


def matrix(nine):
    """From LAMMPS' order of nine: xx, yy, zz, xy, xz, yz, yx, zx, zy."""
    xx, yy, zz, xy, xz, yz, yx, zx, zy = nine
    return np.array([[xx, xy, xz], [yx, yy, yz], [zx, zy, zz]])


def six(tensor):
    """In LAMMPS' order: xx, yy, zz, xy, xz, yz."""
    return tensor[..., [0, 1, 2, 0, 0, 1], [0, 1, 2, 1, 2, 2]]


@pytest.mark.parametrize("name, ranks", [*product(TOYS, (1, 2)), ("twohop-padded-f64", 4)])
@pytest.mark.parametrize("rotate", MITIGATIONS)
def test_sums(points, name, rotate, ranks):
    row, _ = points(name, ranks)[rotate]
    assert_close(row["c_esum"], row["PotEng"], 1e-13)
    pressure = np.array([row[f"c_p[{k}]"] for k in range(1, 7)]) * row["Volume"]
    assert_close([row[f"c_ssum[{k}]"] for k in range(1, 7)], -pressure, 1e-10)
    whole = matrix([row[f"c_csum[{k}]"] for k in range(1, 10)])
    assert_close(six(0.5 * (whole + whole.T)), -pressure, 1e-10)
    # Only what is not invariant exerts a torque.
    skew = np.abs(whole - whole.T).max() / np.abs(whole).max()
    assert skew < 1e-11 if name.startswith("pair") else skew > 1e-6


@pytest.mark.parametrize("name, ranks", [*product(TOYS, (2,)), ("twohop-padded-f64", 4)])
@pytest.mark.parametrize("rotate", MITIGATIONS)
def test_ranks(points, name, rotate, ranks):
    _, one = points(name, 1)[rotate]
    _, other = points(name, ranks)[rotate]
    assert_close(other["c_e"], one["c_e"], 1e-13)
    for compute in "sc":
        assert_close(tensors(other, compute), tensors(one, compute), 1e-10)


def test_a_rank_without_atoms(tmp_path):
    start = CORNER.replace("40 40 40", "20 20 20")
    one = evaluate(tmp_path, start, "harmonic-list-f64", 1)
    two = evaluate(tmp_path, "processors 2 1 1\n" + start, "harmonic-list-f64", 2)
    for rotate, compute in product(MITIGATIONS, "sc"):
        found, expected = (tensors(points[rotate][1], compute) for points in (two, one))
        assert_close(found, expected, 1e-10)
        # The lonely atom feels nothing.
        assert not found[3].any()


@pytest.mark.parametrize(
    "name, keywords", [("twohop-padded-f64", "random every 3"), ("both-list-f64", "octahedral every 3 inner direct")]
)
def test_sums_between_outer_steps(tmp_path, name, keywords):
    """In multiple time stepping energies and virials per atom are averages at every step, whatever the forces are."""
    script = triclinic() + toy(name, f"rotate {keywords}") + COMPUTES
    script += "velocity all create 300 12\ntimestep 0.0005\nfix 1 all nve\nthermo 1\n"
    script += "dump 1 all custom 1 run.dump id x y z\ndump_modify 1 sort id format float %20.17g\nrun 3\n"
    rows = succeed(tmp_path, script).thermo()
    averaged = toy(name, f"rotate {keywords.split(' every')[0]}")
    again = triclinic() + averaged + COMPUTES + "thermo 1\nrerun run.dump dump x y z\n"
    for row, other in zip(rows, succeed(tmp_path, again).thermo(), strict=True):
        assert_close([row["c_esum"], row["PotEng"]], 2 * [other["PotEng"]], 1e-12)
        sums, pressure = ([values[f"c_{of}[{k}]"] for k in range(1, 7)] for values, of in ((row, "ssum"), (other, "p")))
        assert_close(sums, -np.array(pressure) * row["Volume"], 1e-9)


def test_blocks(tmp_path):
    """Bytes for each of the 2200 edges are such that 1 MB does not do for all of them."""
    script = triclinic() + "replicate 2 2 1\n"
    whole, cut = (evaluate(tmp_path, script, "twohop-padded-f64", 1, keywords) for keywords in ("", "memory 1"))
    for rotate, compute in product(MITIGATIONS, "sc"):
        assert_close(tensors(cut[rotate][1], compute), tensors(whole[rotate][1], compute), 1e-10)


@pytest.mark.parametrize("rotate", MITIGATIONS)
def test_an_independent_sum_over_pairs(points, rotate):
    """Each atom has half of r ⊗ F of each of its pairs, also in the centroid virial, since the forces are central."""
    _, frame = points("pair-list-f64", 2)[rotate]
    pairs = Pairs(columns(frame, "x", "y", "z"), frame["type"])
    forces = pairs.forces()
    virials = pairs.sums(-0.5 * pairs.vectors[:, :, None] * forces[:, None, :])
    assert_close(columns(frame, "fx", "fy", "fz"), pairs.sums(forces), 1e-10)
    # LAMMPS' eV/Å^3 in bar, of units metal.
    expected = -1.6021765e6 * six(virials)
    assert_close(tensors(frame, "s"), expected, 1e-10)
    assert_close(tensors(frame, "c")[:, :6], expected, 1e-10)


CLUSTER = """
units metal
atom_style atomic
atom_modify map array
newton on
boundary f f f
region b block -20 20 -20 20 -20 20
create_box 2 b
region c block -2 2 -2 2 -2 2
create_atoms 1 random 4 12345 c overlap 1.0 maxtry 500
create_atoms 2 random 6 777 c overlap 1.0 maxtry 500
mass 1 15.999
mass 2 1.008
reset_atoms id sort yes
neighbor 1.0 bin
velocity all create 3000 4928
"""
STEP = 1e-6  # ps
FLUX = f"""
timestep {STEP}
fix 1 all nve
compute k all ke/atom
compute e all pe/atom
compute c all centroid/stress/atom NULL virial
compute j all heat/flux k e c
thermo 1
thermo_style custom step etotal c_j[1] c_j[2] c_j[3]
thermo_modify format float %20.17g
dump 1 all custom 1 flux.dump id type x y z vx vy vz c_k c_e
dump_modify 1 sort id format float %20.17g
run 4
"""
REFERENCE = {1: -432.0, 2: -13.6}  # O and H of the toys, eV


def flux_and_its_meaning(folder, script, ranks):
    """Volume times heat flux at step 2, and d/dt Σ r E by central difference; both without the reference energies."""
    result = succeed(folder, script + FLUX, ranks)
    frames, row = dump(folder / "flux.dump"), result.thermo()[2]
    references = np.array([REFERENCE[int(kind)] for kind in frames[0]["type"]])

    def moment(frame):
        energies = np.array(frame["c_k"]) + np.array(frame["c_e"]) - references
        return energies @ columns(frame, "x", "y", "z")

    flux = np.array([row[f"c_j[{k}]"] for k in (1, 2, 3)]) - references @ columns(frames[2], "vx", "vy", "vz")
    return flux, (moment(frames[3]) - moment(frames[1])) / (2 * STEP), result.output


@pytest.mark.parametrize(
    "name, rotate, ranks",
    [("pair-list-f64", "none", 1), ("harmonic-list-f64", "none", 2), ("harmonic-list-f64", "tetrahedral", 1)],
)
def test_heat_flux_of_one_hop(tmp_path, name, rotate, ranks):
    flux, meaning, output = flux_and_its_meaning(tmp_path, CLUSTER + toy(name, f"rotate {rotate}"), ranks)
    assert_close(flux, meaning, 1e-6)
    assert "centroid virials" not in output


WARNING = "centroid virials of a model with several hops place the energy of distant edges at their centers"


def test_heat_flux_of_two_hops(tmp_path):
    """It is approximate, as a warning says once; ranks agree on it."""
    one, meaning, output = flux_and_its_meaning(tmp_path, CLUSTER + toy(), 1)
    two, _, _ = flux_and_its_meaning(tmp_path, CLUSTER + toy(), 2)
    assert_close(two, one, 1e-9)
    assert np.abs(one - meaning).max() > 1e-3 * np.abs(meaning).max()
    assert output.count(WARNING) == 1


def test_virial_of_either_kind_alone(tmp_path, points):
    """Only stress/atom is asked for, or only centroid/stress/atom; the first comes without a warning."""
    _, both = points("twohop-padded-f64", 1)["none"]
    for style, compute, warnings in (("stress/atom", "s", 0), ("centroid/stress/atom", "c", 1)):
        script = triclinic() + toy() + f"compute {compute} all {style} NULL pair\n"
        script += f"dump 1 all custom 1 one.dump id c_{compute}[*]\ndump_modify 1 format float %20.15g\nrun 0\nrun 0\n"
        output = succeed(tmp_path, script).output
        assert output.count(WARNING) == warnings
        assert_close(tensors(dump(tmp_path / "one.dump")[0], compute), tensors(both, compute), 1e-10)


@pytest.mark.parametrize("style, ranks", [("stress/atom", 2), ("centroid/stress/atom", 1)])
def test_direct_forces_are_refused(tmp_path, style, ranks):
    script = triclinic() + toy("direct-padded-f64", "forces direct")
    script += f"compute s all {style} NULL pair\ndump 1 all custom 1 s.dump id c_s[1]\nrun 0\n"
    result = run(tmp_path, script, ranks, timeout=60)
    assert result.code != 0
    sentence = "per-atom virials are computed from the gradients of the energy, which direct forces lack"
    assert result.output.count(sentence) == 1, result.output
