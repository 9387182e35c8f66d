"""Predicts strong and weak scaling, and compares the model of the cost with what was measured on one and two ranks.

    python3 benches/lammps/ranks.py             # writes ranks.json beside this file, prints tables; takes a minute

Draw it with docs/figures/ranks.py.
"""

import json
from pathlib import Path

from predict import MODELS, Network, System, Work
from scale import table

HERE = Path(__file__).resolve().parent
MEASURED = json.loads((HERE / "own_work.json").read_text())
NETWORK, RANKS_PER_NODE = "InfiniBand HDR", 64
STRONG, RANKS = 4, [1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1024]
# Boxes along each axis and ranks: 768 atoms per rank.
WEAK = [(2, 2), (4, 16), (8, 128), (16, 1024)]
# And the largest system, whose bricks all differ.
LARGEST = (17, 1024)
ROTATIONS = {"none": 1, "octahedral": 24}
NAMES = {"water-pet": "compact PET", "water-mtt-pet": "PET, 3 hops", "xs": "uPET XS", "s": "uPET S"}


def case(name, repeats, ranks, network, rotations=1):
    """Predicted seconds and efficiencies of a model on a system."""
    system, work = System(MODELS[name], repeats, ranks), Work.measured(name, MEASURED)
    alone = rotations * work.seconds(system.atoms, alone=True)
    found = dict(model=name, atoms=system.atoms, ranks=ranks, rotations=rotations, bound=system.bound())
    for kind, excess in (("copies", 1.0), ("liquid", system.excess())):
        ways = [way(work, network, rotations, excess) for way in (system.with_exchange, system.without_exchange)]
        found[kind] = dict(zip(("exchange", "ghosts"), (alone / (ranks * sum(parts.values())) for parts in ways)))
        found[kind] |= dict(parts=ways[0])
    return found


def predictions():
    """All cases: strong and weak scaling of each model."""
    network = Network.named(NETWORK, RANKS_PER_NODE)
    strong = [case(name, STRONG, ranks, network) for name in MODELS for ranks in RANKS[1:]]
    strong += [case(name, STRONG, ranks, network, 24) for name in MODELS for ranks in (64, 1024)]
    weak = [case(name, *places, network) for name in MODELS for places in [*WEAK, LARGEST]]
    return dict(network=NETWORK, ranks_per_node=RANKS_PER_NODE, strong=strong, weak=weak)


def show(cases):
    """Table of the predictions."""
    header = ["model", "atoms", "ranks", "rotations", "speed-up, ghost centers", "copies: exchange", "liquid: exchange"]
    rows = [
        [NAMES[c["model"]], f"{c['atoms']:,}", f"{c['ranks']:,}", str(c["rotations"])]
        + [f"{c['ranks'] * c['bound']:.3g}"]
        + [f"{c['ranks'] * c[kind]['exchange']:.3g} ({c[kind]['exchange']:.2f})" for kind in ("copies", "liquid")]
        for c in cases
    ]
    return table(header, rows)


def main():
    """Predicts, writes and prints."""
    found = predictions()
    (HERE / "ranks.json").write_text(json.dumps(found, indent=1) + "\n")
    print(show(found["strong"]), show(found["weak"]), sep="\n\n")


if __name__ == "__main__":
    main()
