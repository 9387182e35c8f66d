"""Single points of ranks that exchange messages between the layers of a model equal those of one rank."""

from functools import cache

import numpy as np
import pytest
from altered_models import ensemble, stating
from boxes import CORNER, model, toy, triclinic, water
from lmp import TOYS, WATER_F64, assert_close
from points import assert_same_points, points
from test_general_triclinic import TURN, read
from test_ranks import assert_same, evaluate

PET = "exported-pet-f64"
# All kinds of partitioned models: messages of edges and of centers, and the nearest neighbors only.
MODELS = ["exchange-neighbors-f64", "exchange-nearest-f64", PET, "exported-adaptive-f64", "exported-residual-f64"]
# Their sums over the structure are known to several ranks by exchange only.
WHOLE = ["exchange-pooled-f64", "exported-orb-f64", "exported-orb-20-f64"]
ALL = MODELS + WHOLE

MITIGATIONS = [
    "none",
    "none monitor 1",
    "random seed 3",
    "random:3 seed 2 monitor 1",
    "octahedral",
    "octahedral+random",
]
MITIGATIONS += ["degree:4", "octahedral inversion yes", "octahedral every 4", "octahedral correction yes"]
MITIGATIONS += ["octahedral threads 2", "tetrahedral monitor 1 memory 20"]


@pytest.fixture(scope="module")
def alone(tmp_path_factory):
    """Function of scripts: their points on one rank."""
    return cache(lambda *scripts: points(tmp_path_factory.mktemp("alone"), scripts))


def boxed(name, keywords, box=None):
    """A model in the skewed box of 22 atoms, which holds several images of each neighbor."""
    return (box or triclinic()) + toy(name, f"rotate {keywords}")


@pytest.mark.parametrize("ranks, names", [(2, ALL), (3, ALL), (4, [PET, *WHOLE]), (8, [PET])])
def test_models(tmp_path, alone, ranks, names):
    scripts = [boxed(name, "random seed 3") for name in names]
    assert_same_points(points(tmp_path, scripts, ranks), alone(*scripts), names)


def test_evaluating_ghosts_again_gives_the_same(tmp_path, alone):
    expected = alone(*(boxed(name, "random seed 3") for name in MODELS))
    assert_same_points(
        points(tmp_path, [boxed(name, "random seed 3 exchange no") for name in MODELS], 2), expected, MODELS
    )


def test_a_file_that_states_too_few_hops(tmp_path):
    """Ghosts one hop deep would be too few, but messages need no hops."""
    scripts = [triclinic() + model(stating(tmp_path, hops=1))]
    assert_same_points(points(tmp_path, scripts, 3), points(tmp_path, scripts), ["one hop"])


@pytest.mark.parametrize("ranks, rotations", [(2, MITIGATIONS), (3, MITIGATIONS[:4])])
def test_mitigations(tmp_path, alone, ranks, rotations):
    scripts = [boxed(PET, rotate) for rotate in rotations]
    assert_same_points(points(tmp_path, scripts, ranks), alone(*scripts), rotations)


@pytest.mark.parametrize("name", [PET, "exported-adaptive-f64"])
def test_processor_grids(tmp_path, alone, name):
    grids = ["1 1 4", "2 2 1", "4 1 1"]
    scripts = [boxed(name, "random seed 3", triclinic(extra=f"processors {grid}")) for grid in grids]
    assert_same_points(points(tmp_path, scripts, 4), 3 * alone(boxed(name, "random seed 3")), grids)


def test_tiles_of_unequal_sizes(tmp_path):
    """Recursive bisection, which gives half of the atoms to each half of the ranks."""
    corner = "group few id > 50\ndelete_atoms group few\n"
    scripts = [water(tmp_path, 3) + extra + model(WATER_F64, "rotate random") for extra in ("", corner)]
    tiled = ["comm_style tiled\n" + script.replace("pair_style", "balance 1.0 rcb\npair_style") for script in scripts]
    assert_same_points(points(tmp_path, tiled, 3), points(tmp_path, scripts), ["all", "corner"])


@pytest.mark.parametrize("name", [PET, "exchange-pooled-f64"])
def test_mixed_periodicity(tmp_path, alone, name):
    boundaries = ["p p f", "s p p", "f f f", "p m f"]
    scripts = [boxed(name, "random seed 3", triclinic(extra=f"boundary {boundary}")) for boundary in boundaries]
    assert_same_points(points(tmp_path, scripts, 3), alone(*scripts), boundaries)


def test_ranks_without_atoms_and_an_isolated_atom(tmp_path, alone):
    scripts = [CORNER + toy(name, "rotate tetrahedral+random monitor 1") for name in ALL]
    assert_same_points(points(tmp_path, scripts, 4), alone(*scripts), ALL)


def test_uneven_ranks_with_little_memory(tmp_path):
    """The rank with most atoms evaluates fewer replicas at a time than the other one could, or recomputes more."""
    box = water(tmp_path, 3) + "region most block INF INF INF INF 5.5 INF\ndelete_atoms region most compress no\n"
    limits = [2048, 100, 30, 10, 6]
    scripts = [box + model(WATER_F64, f"rotate tetrahedral memory {memory}") for memory in limits]
    uneven = ["processors 1 1 2\n" + script for script in scripts]
    assert_same_points(points(tmp_path, uneven, 2), points(tmp_path, scripts[:1]) * len(limits), limits)


SETTINGS = [
    "neighbor 1.0 multi",
    "neighbor 1.0 nsq",
    "neighbor 0.0 bin",
    "comm_modify cutoff 8.0",
    "comm_modify vel yes",
]
SETTINGS += ["suffix omp"]


def test_settings_of_lammps(tmp_path, alone):
    script = boxed(PET, "random seed 3")
    scripts = [boxed(PET, "random seed 3", triclinic(extra="package omp 2 neigh yes\nsuffix omp"))]
    scripts = [script + setting + "\n" for setting in SETTINGS[:-1]] + scripts
    assert_same_points(points(tmp_path, scripts, 2), len(scripts) * alone(script), SETTINGS)


def test_a_general_triclinic_box(tmp_path):
    """The messages are those of edges in the axes of the user."""
    scripts = [read(tmp_path, TURN) + toy(name, "rotate none") for name in (PET, "exported-adaptive-f64")]
    assert_same_points(points(tmp_path, scripts, 3), points(tmp_path, scripts), ["pet", "adaptive"])


def test_two_models_of_one_simulation(tmp_path):
    """Each has its own messages."""
    script = triclinic() + "pair_style hybrid/overlay tumble rotate random seed 3 tumble rotate tetrahedral\n"
    script += f"pair_coeff * * tumble 1 {TOYS / PET}.onnx O H\npair_coeff * * tumble 2 {TOYS / WHOLE[0]}.onnx O H\n"
    assert_same(evaluate(tmp_path, script, 3), evaluate(tmp_path, script, 1), 1e-10)


def test_uncertainties(tmp_path):
    script = triclinic() + model(ensemble(tmp_path, [0.9, 1.0, 1.2]), "rotate random:3 seed 4")
    fix = "spread 1 uncertainty 1"
    (one,), (three,) = points(tmp_path, [script], fix=fix), points(tmp_path, [script], 3, fix)
    assert_same_points([three], [one], ["ensemble"])
    assert_close(one["spreads"][1], np.std([0.9, 1.0, 1.2], ddof=1) * np.abs(one["energies"]), 1e-10)


@pytest.mark.parametrize("keywords", ["forces direct", "rotate random forces direct", "rotate octahedral every 4"])
def test_direct_forces_in_single_precision(tmp_path, keywords):
    script = triclinic() + toy("exported-direct-f32", keywords)
    (energy, forces, pressures), expected = evaluate(tmp_path, script, 3), evaluate(tmp_path, script, 1)
    assert_same([energy, forces], expected, 1e-6)
    assert np.isnan(pressures).all() == ("direct" in keywords)
