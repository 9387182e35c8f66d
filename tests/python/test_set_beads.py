"""Structures as beads of ring polymers: the numbers of their steps, and their random rotations."""

import pickle
from pathlib import Path

import pytest
from tumble.model import Model, ModelError

MODEL = Path(__file__).resolve().parents[1] / "data/models/harmonic-padded-f64.onnx"
WATER = (["O", "H", "H"], [[0, 0, 0], [0.96, 0, 0], [-0.24, 0.93, 0]])


def energies(model, count):
    return [found.energy for found in model.evaluate([WATER] * count)]


def alone(step, stream):
    """Energy at a step of a stream."""
    with Model(MODEL, rotate="random", seed=3, stream=stream, step=step) as model:
        return model.evaluate(*WATER).energy


def test_beads_share_the_number_of_their_step():
    with Model(MODEL, rotate="random", seed=3, step=5) as model:
        model.set_beads(2)
        assert energies(model, 4) == pytest.approx([alone(5, 0), alone(5, 1), alone(6, 0), alone(6, 1)], rel=1e-12)
        assert model.step == 7
        model.set_beads(2, shared=True)
        assert energies(model, 3) == pytest.approx([alone(7, 0), alone(7, 0), alone(8, 0)], rel=1e-12)
        assert model.step == 8
        model.step = 7
        assert energies(model, 2) == pytest.approx([alone(7, 0)] * 2, rel=1e-12)


def test_copies_go_on_with_the_same_beads():
    with Model(MODEL, rotate="random", seed=3) as model:
        model.set_beads(2)
        energies(model, 2)
        with pickle.loads(pickle.dumps(model)) as copy:
            assert copy.step == 1
            assert energies(copy, 2) == energies(model, 2)


def test_no_beads_are_refused():
    with Model(MODEL) as model, pytest.raises(ModelError, match="n_beads is 0: give a number from 1 to 65535"):
        model.set_beads(0)
