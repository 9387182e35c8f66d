"""Predicts the time of a force call on many ranks from counts, measured times per atom, and a network.

A prediction is no measurement. The rank with most atoms sets the time: it evaluates its atoms, and waits for each
message as for a latency per partner and the bytes over the bandwidth. Nothing overlaps.
"""

import json
import math
from dataclasses import dataclass
from pathlib import Path

import bricks
import exchange_cost
from exchange_cost import Cells
from imbalance import fullest
from liquid import Liquid

HERE = Path(__file__).resolve().parent
NETWORKS = json.loads((HERE / "networks.json").read_text())
MODELS = {name: exchange_cost.Model.read(info) for name, info in json.loads((HERE / "models.json").read_text()).items()}
# The measurement that gives the time per stage: model, atoms, ranks.
FEW = ("water-pet", 192, 2)
# Bytes of a ghost in a step of LAMMPS, forward or backward, and its messages: one for each side of the brick.
BYTES_OF_A_GHOST, SIDES = 24, 6
# Bricks of a liquid that are counted: all kinds, or as many as this, evenly chosen.
MOST_KINDS = 8


@dataclass(frozen=True)
class Network:
    """Latency in seconds and bandwidth in bytes per second, of a node; its ranks share the bandwidth."""

    latency: float
    bandwidth: float
    ranks_per_node: int = 1

    @classmethod
    def named(cls, name, ranks_per_node=1):
        """A network of networks.json."""
        return cls(NETWORKS[name]["latency"], NETWORKS[name]["bandwidth"], ranks_per_node)

    def message(self, partners, size):
        """Seconds until messages to all partners have arrived, `size` bytes in all."""
        return self.latency * partners + size * self.ranks_per_node / self.bandwidth

    def all_reduce(self, ranks):
        """Seconds of an all-reduce of a few numbers."""
        return self.latency * math.ceil(math.log2(ranks))

    def step_of_lammps(self, n_ghosts):
        """Seconds in which LAMMPS copies positions to ghosts and adds their forces."""
        return 2 * self.message(SIDES, BYTES_OF_A_GHOST * n_ghosts)


class Work:
    """Time of an evaluation: a time per atom, measured on one rank, and a time per stage on each of several ranks."""

    def __init__(self, per_atom, per_stage=0.0, stages=0):
        self.per_atom, self.fixed = per_atom, per_stage * stages

    @classmethod
    def measured(cls, name, rows):
        """Of a model, from measurements."""
        bare = [row for row in rows if (row["rotate"], row["exchange"]) == ("none", "yes")]
        return cls(per_atom(bare, name), per_stage(bare), MODELS[name].stages)

    def seconds(self, atoms, alone=False):
        """Seconds of an evaluation of these atoms."""
        return atoms * self.per_atom + (0.0 if alone else self.fixed)


def per_atom(rows, name):
    """Least time per atom of one rank."""
    return min(row["work"] / row["atoms"] for row in rows if (row["model"], row["ranks"]) == (name, 1))


def per_stage(rows):
    """Time that a stage takes besides its atoms, from two ranks with few atoms."""
    name, atoms, ranks = FEW
    work = min(row["work"] for row in rows if (row["model"], row["atoms"], row["ranks"]) == FEW)
    return (work - atoms * per_atom(rows, name)) / ranks / MODELS[name].stages


def chosen_bricks(repeats, numbers):
    """Bricks to count."""
    kinds = [brick for brick, _ in bricks.kinds(repeats, numbers)]
    return kinds[:: max(1, len(kinds) // MOST_KINDS)]


class System:
    """Liquid water on a number of ranks: the counts of its bricks for a model."""

    def __init__(self, model, repeats, ranks, skin=1.0):
        self.model, self.ranks, liquid = model, ranks, Liquid(repeats)
        self.atoms, numbers, cells = liquid.n_atoms, bricks.grid(ranks), Cells(liquid, model)
        places = chosen_bricks(repeats, numbers)
        self.counts = [exchange_cost.count(liquid, numbers, place, model, skin, cells) for place in places]
        self.centers = [exchange_cost.ghost_centers(liquid, numbers, place, model) for place in places]
        reach = model.hops * model.cutoff + skin
        self.far_ghosts = max(exchange_cost.ghosts(liquid, numbers, place, reach) for place in places)

    def busiest(self):
        """Atoms of the busiest rank."""
        return max(counts.own for counts in self.counts)

    def excess(self):
        """Ratio of the fullest brick of a liquid to the busiest of the copies, at least 1."""
        return max(1.0, fullest(self.atoms / self.ranks, self.ranks) / self.busiest())

    def with_exchange(self, work, network, rotations=1, excess=1.0):
        """Seconds of a force call, by part."""
        widest = max(counts.widest for counts in self.counts)
        batches = exchange_cost.batches(self.busiest(), widest, self.model, rotations)
        messages = max(self.messages(counts, network, batches) for counts in self.counts)
        agreements = exchange_cost.all_reduces(self.model, len(batches)) * network.all_reduce(self.ranks)
        parts = dict(work=rotations * work.seconds(self.busiest() * excess), messages=messages, all_reduces=agreements)
        return parts | dict(lammps=network.step_of_lammps(max(counts.ghosts for counts in self.counts)))

    def messages(self, counts, network, batches):
        """Seconds of all messages of a rank."""
        sent = exchange_cost.sent(counts, self.model, batches)
        return sum(network.message(len(message), sum(message.values())) for message in sent)

    def without_exchange(self, work, network, rotations=1, excess=1.0):
        """Seconds of a force call with ghost centers, by part."""
        centers = max(own + ghosts for own, ghosts in self.centers)
        parts = dict(work=rotations * work.seconds(centers * excess), messages=0.0, all_reduces=0.0)
        return parts | dict(lammps=network.step_of_lammps(self.far_ghosts))

    def bound(self):
        """Bound of the efficiency with ghost centers."""
        return self.atoms / (self.ranks * max(own + ghosts for own, ghosts in self.centers))
