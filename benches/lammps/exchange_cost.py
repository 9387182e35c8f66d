"""What each rank evaluates and sends, counted from the positions and the messages of the model.

Nothing runs here. The counts are exact for the positions, whatever the number of ranks: a rank's counts need the atoms
of its brick and around it only.
"""

import json
import subprocess
from dataclasses import dataclass, field
from pathlib import Path

import adaptive_cutoff
import bricks
import numpy as np
from liquid import pairs_within
from scipy.spatial import cKDTree

TUMBLE = Path(__file__).resolve().parents[2] / "target/release/tumble"
# Atom IDs of center and neighbor, and the edge vector.
BYTES_OF_AN_EDGE = 40
# Whether an edge is kept.
MARKS = ("edges", 1)
# Messages are sent in whole units.
UNIT = 8
# Working memory of a batch of rotations, bytes: crates/tumble-core/src/provider.rs.
BATCH_BYTES = 8 << 20


@dataclass(frozen=True)
class Model:
    """What the cost depends on, from `tumble info MODEL --json`."""

    cutoff: float
    hops: int
    # Stage, rows and numbers per row of each tensor that ranks exchange.
    messages: list = field(default_factory=list)
    bytes_per_number: int = 4
    bytes_per_edge: int = 0
    # Target of the adaptive cutoff; None without one.
    neighbors: float | None = None
    stages: int = 0

    @classmethod
    def read(cls, info):
        """From the output of `tumble info`."""
        messages = [(message["stage"], message["rows"], message["numbers"]) for message in info["rank_messages"]]
        neighbors = info["provenance"].get("hypers", {}).get("num_neighbors_adaptive")
        size = 8 if info["precision"] == "float64" else 4
        return cls(info["cutoff"], info["hops"], messages, size, info["bytes_per_edge"], neighbors, info["stages"])

    @classmethod
    def of_file(cls, path):
        """Of a model file."""
        command = [TUMBLE, "info", path, "--json"]
        return cls.read(json.loads(subprocess.run(command, check=True, capture_output=True).stdout))

    def rounds(self):
        """The messages of one evaluation, each a list of tensors: their rows, and bytes per row."""
        size, stages = self.bytes_per_number, {}
        for stage, rows, numbers in self.messages:
            if rows != "sum":
                stages.setdefault(stage, []).append((rows, size * numbers))
        rounds = list(stages.values())
        if self.neighbors:
            rounds.insert(self.first_pruned(rounds), [MARKS])
        return rounds

    @staticmethod
    def first_pruned(rounds):
        """Place of the first message with kept edges: just before it, ranks exchange which edges they keep."""
        return next(place for place, tensors in enumerate(rounds) if "kept edges" in dict(tensors))

    def sum_stages(self):
        """Number of stages before which tensors are summed over all ranks."""
        return len({stage for stage, rows, _ in self.messages if rows == "sum"})


@dataclass
class Counts:
    """Counts of a rank. Those of its border are dictionaries: partner -> number; all ranks with ghosts are partners."""

    own: int
    # Of own atoms; and the most kept edges of one.
    edges: int
    kept_edges: int
    widest: int
    # Ghosts that LAMMPS copies to the rank.
    ghosts: int
    # Edges to the partner's atoms, the kept ones among them, and their own centers.
    border_edges: dict
    border_kept_edges: dict
    border_centers: dict

    def rows(self, rows, partner):
        """Rows of a message to a partner."""
        kinds = {"edges": self.border_edges, "kept edges": self.border_kept_edges, "centers": self.border_centers}
        return kinds[rows].get(partner, 0)


class Cells:
    """Neighbors in the repeated cell, for counts of atoms that do not depend on the brick."""

    def __init__(self, liquid, model):
        first, second, distances = liquid.cell_edges(model.cutoff)
        self.edges = np.bincount(first, minlength=len(liquid.positions))
        self.cutoffs, keeps = None, np.ones(len(first), bool)
        if model.neighbors:
            self.cutoffs = adaptive_cutoff.adaptive_cutoffs(first, distances, model.cutoff, model.neighbors)
            keeps = adaptive_cutoff.kept(self.cutoffs, first, second, distances)
        self.kept_edges = np.bincount(first[keeps], minlength=len(liquid.positions))

    def keeps(self, first, second, distances):
        """Whether edges between atoms of the cell are kept."""
        if self.cutoffs is None:
            return np.ones(len(distances), bool)
        return adaptive_cutoff.kept(self.cutoffs, first, second, distances)


def around(liquid, numbers, brick, reach):
    """Atoms and images within the reach of a brick along each axis, their ranks, and which are the brick's own."""
    low, high = (liquid.edge * (np.array(brick) + side) / numbers for side in (0, 1))
    images = liquid.images(low - reach, high + reach)
    ranks = bricks.rank_of(bricks.owners(images.wrapped, liquid.edge, numbers), numbers)
    return images, ranks, images.in_box & (ranks == bricks.rank_of(brick, numbers))


def count(liquid, numbers, brick, model, skin=1.0, cells=None):
    """Counts of a rank if ranks exchange messages."""
    cells = cells or Cells(liquid, model)
    images, ranks, own = around(liquid, numbers, brick, model.cutoff + skin)
    atoms, others = images[own], images[~own]
    foreign = ranks[~own] != bricks.rank_of(brick, numbers)
    border = Border(atoms, others[foreign], ranks[~own][foreign], model.cutoff, cells)
    return Counts(
        len(atoms.atoms),
        int(cells.edges[atoms.cell_atoms].sum()),
        int(cells.kept_edges[atoms.cell_atoms].sum()),
        int(cells.kept_edges[atoms.cell_atoms].max(initial=0)),
        len(others.atoms),
        border.edges(),
        border.kept_edges(),
        border.centers(),
    )


class Border:
    """Edges from own atoms to those of other ranks."""

    def __init__(self, own, others, ranks, cutoff, cells):
        self.partners = [int(rank) for rank in np.unique(ranks)]
        pairs = pairs_within(own.positions, others.positions, cutoff)
        self.pairs, self.ranks = pairs, ranks[pairs["j"]]
        self.kept = cells.keeps(own.cell_atoms[pairs["i"]], others.cell_atoms[pairs["j"]], pairs["v"])

    def by_partner(self, ranks):
        """Number of entries of each partner."""
        found = dict(zip(*np.unique(ranks, return_counts=True)))
        return {partner: int(found.get(partner, 0)) for partner in self.partners}

    def edges(self):
        """Edges to each partner."""
        return self.by_partner(self.ranks)

    def kept_edges(self):
        """Kept edges to each partner."""
        return self.by_partner(self.ranks[self.kept])

    def centers(self):
        """Own atoms with an edge to each partner."""
        return self.by_partner(np.unique(np.stack([self.ranks, self.pairs["i"]]), axis=1)[0])


def ghost_centers(liquid, numbers, brick, model):
    """Own atoms, and atoms of other ranks that a rank evaluates too if ranks exchange no messages.

    These are hops - 1 edges away or nearer; an atom counts once, whatever its images.
    """
    images, ranks, own = around(liquid, numbers, brick, (model.hops - 1) * model.cutoff)
    reached = own.copy()
    for _ in range(model.hops - 1):
        rest = np.flatnonzero(~reached)
        found, _ = cKDTree(images.positions[reached]).query(images.positions[rest], distance_upper_bound=model.cutoff)
        reached[rest[np.isfinite(found)]] = True
    mine = ranks == bricks.rank_of(brick, numbers)
    return int(own.sum()), len(np.unique(images.atoms[reached & ~mine]))


def ghosts(liquid, numbers, brick, reach):
    """Ghosts that LAMMPS copies to a rank within a reach."""
    images, _, own = around(liquid, numbers, brick, reach)
    return int((~own).sum())


def batches(own, widest, model, rotations):
    """Rotations of each batch; a batch shares messages. `own` and `widest` are the largest of all ranks."""
    one = max(own * widest * model.bytes_per_edge, 1)
    size = max(1, BATCH_BYTES // one)
    return [min(size, rotations - first) for first in range(0, rotations, size)]


def padded(size):
    """Bytes of a message in whole units."""
    return -(-size // UNIT) * UNIT


def sent(counts, model, rotations=(1,)):
    """Bytes of each message of a force call: partner -> bytes. `rotations` are those of each batch."""
    connect = {partner: BYTES_OF_AN_EDGE * edges for partner, edges in counts.border_edges.items()}
    return [connect] + [round_of(tensors, counts, share) for share in rotations for tensors in model.rounds()]


def round_of(tensors, counts, rotations):
    """Bytes to each partner in one exchange of rows."""
    return {
        partner: padded(rotations * sum(width * counts.rows(rows, partner) for rows, width in tensors))
        for partner in counts.border_edges
    }


def all_reduces(model, n_batches=1):
    """Number of all-reduces of a force call.

    One agrees that the ghosts are the same, two on failures, one on the end, and one before each other communication on
    its kind. The others are messages, the least size of a batch, per batch the least level, and sums.
    """
    messages = 1 + n_batches * len(model.rounds())
    reductions = 1 + n_batches * (1 + model.sum_stages())
    return 4 + messages + 2 * reductions
