"""The prediction of the time on many ranks in benches/lammps, with times and networks that are easy to compute."""

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "benches/lammps"))

import imbalance  # noqa: E402
import predict  # noqa: E402
from exchange_cost import Model  # noqa: E402
from predict import Network, System, Work  # noqa: E402

COMPACT = Model(3.7, 2, [(1, "edges", 32), (2, "edges", 32)], 4, 4111)
FREE = Network(0.0, 1e30)


WORK = Work(0.001)


def test_without_communication_the_speed_up_is_the_number_of_ranks():
    system, work = System(COMPACT, 2, 8), WORK
    assert sum(system.with_exchange(work, FREE).values()) == pytest.approx(1.536 / 8)
    assert sum(system.without_exchange(work, FREE).values()) == pytest.approx(1.536 / 8 / system.bound())


def test_messages_cost_latency_per_partner_and_bytes():
    system = System(COMPACT, 2, 2)
    parts = system.with_exchange(WORK, Network(1.0, 1.0))
    # One partner, three messages, of 1,776 edges; eleven all-reduces.
    assert parts["messages"] == 3 + 1776 * (40 + 2 * 128)
    assert parts["all_reduces"] == 11
    assert parts["lammps"] == 2 * (6 + 24 * system.counts[0].ghosts)


def test_ranks_of_a_node_share_its_bandwidth():
    assert Network(1.0, 8.0, 4).message(2, 16) == 2 + 16 * 4 / 8
    assert Network(1.0, 8.0).all_reduce(5) == 3


def test_stages_take_time_on_several_ranks_only():
    work = Work(0.001, per_stage=0.5, stages=3)
    assert work.seconds(10, alone=True) == pytest.approx(0.01)
    assert work.seconds(10) == pytest.approx(1.51)


def test_time_per_stage_is_what_few_atoms_take_besides_their_own():
    one = dict(model="water-pet", atoms=1536, ranks=1, rotate="none", exchange="yes", work=1.536)
    found = Work.measured("water-pet", [one, one | dict(atoms=192, ranks=2, work=0.192 + 6e-3)])
    assert found.per_atom == pytest.approx(0.001)
    assert found.fixed == pytest.approx(3e-3)


def test_rotations_share_messages_and_multiply_work_and_bytes():
    system, work = System(COMPACT, 1, 16), WORK
    one, many = (system.with_exchange(work, Network(1.0, 1e30), rotations) for rotations in (1, 24))
    assert many["work"] == pytest.approx(24 * one["work"])
    assert many["messages"] < 24 * one["messages"]


def test_fullest_brick_is_a_few_deviations_above_the_mean():
    assert imbalance.fullest(192, 1) == 192
    excess = (imbalance.fullest(192, 64) - 192) / imbalance.deviation(192)
    assert 2 < excess < 3


def test_few_bricks_stand_for_many():
    assert len(predict.chosen_bricks(4, (4, 4, 4))) == 1
    assert len(predict.chosen_bricks(17, (8, 8, 16))) == predict.MOST_KINDS
