"""The model's physics, with random weights: `pytest python/tumble-export/tests/test_model.py` (torch, no data)."""

import unittest

import numpy as np
import torch

from tumble_export import systems
from tumble_export.compact.objective import energy_and_forces, rotation
from tumble_export.compact.pet import Pet
from tumble_export.neighbors import edges, padded
from tumble_export.trace import WithGradient

CUTOFF = 3.0


def model(seed=0):
    torch.manual_seed(seed)
    pet = Pet(cutoff=CUTOFF, width=16, heads=2, hidden=24, gaussians=8)
    for parameter in pet.parameters():  # gains and biases too
        parameter.data += 0.1 * torch.randn_like(parameter)
    pet.pair.coefficients[:] = torch.tensor([[0.1], [0.2], [0.2], [-0.3]])
    return pet.double()


def energies(pet, positions, cell, species, **options):
    return pet(*systems.inputs(positions, cell, species, CUTOFF, torch.float64, **options)[:5]).detach().numpy()


def scatter(neighbors, gradients, mask, order):
    """Forces [N, 3] on all atoms from the edge gradients of the centers; `order` maps local to global atoms."""
    forces = np.zeros((order.max() + 1, 3))
    for c, k in zip(*np.nonzero(mask)):
        forces[order[c]] += gradients[c, k]
        forces[order[neighbors[c, k]]] -= gradients[c, k]
    return forces


class Neighbors(unittest.TestCase):
    def test_reversal_is_an_involution(self):
        positions, cell, _ = systems.water(8)
        i, j, v, reverse = edges(positions + 100.0, cell, 7.0)  # a cutoff beyond the cell: several images
        self.assertTrue((reverse[reverse] == np.arange(len(i))).all())
        self.assertTrue((i[reverse] == j).all() and np.allclose(v[reverse], -v))

    def test_padding_points_to_itself(self):
        positions, cell, _ = systems.water(8)
        _, neighbors, mask, reverse = padded(*edges(positions, cell, CUTOFF), 24, CUTOFF, slots=30, centers=10)
        slots = np.arange(mask.size).reshape(mask.shape)
        self.assertTrue((reverse[~mask] == slots[~mask]).all())
        self.assertTrue((reverse[neighbors >= 10] == slots[neighbors >= 10]).all())
        self.assertTrue((reverse.reshape(-1)[reverse.reshape(-1)] == np.arange(mask.size)).all())


class Energies(unittest.TestCase):
    def test_forces_are_the_slope_of_the_energy(self):
        pet, (positions, cell, species) = model(), systems.water(8)
        _, forces = energy_and_forces(pet, systems.inputs(positions, cell, species, CUTOFF, torch.float64)[:5])
        for atom, axis in ((0, 0), (4, 1), (23, 2)):
            step = np.zeros_like(positions)
            step[atom, axis] = 1e-5
            up, down = (energies(pet, positions + s * step, cell, species).sum() for s in (1, -1))
            self.assertAlmostEqual(float(forces[atom, axis]), -(up - down) / 2e-5, delta=1e-7)

    def test_energy_is_continuous_at_the_cutoff(self):
        pet, species = model(), [8, 1, 1]
        pair = np.array([[0, 0, 0], [0, 0, 0.9], [CUTOFF, 0, 0]])
        inside, outside = (pair + np.array([[0], [0], [1]]) * [s, 0, 0] for s in (-1e-6, 1e-6))
        apart = [energies(pet, p, np.eye(3), species, periodic=False) for p in (inside, outside)]
        self.assertLess(np.abs(apart[0] - apart[1]).max(), 1e-12)

    def test_order_and_translation_are_exact_and_rotation_is_not(self):
        pet, (positions, cell, species) = model(), systems.water(8)
        order = np.random.default_rng(0).permutation(24)
        before = energies(pet, positions, cell, species)
        self.assertLess(
            np.abs(energies(pet, positions[order] + 5.1, cell, species[order]) - before[order]).max(), 1e-12
        )
        turn = rotation(torch.Generator().manual_seed(0)).numpy()
        self.assertGreater(np.abs(energies(pet, positions @ turn, cell @ turn, species) - before).max(), 1e-6)

    def test_spare_slots_packing_and_folding_change_nothing(self):
        pet, (positions, cell, species) = model(), systems.water(8)
        before = energies(pet, positions, cell, species)
        self.assertLess(np.abs(energies(pet, positions, cell, species, slots=50) - before).max(), 1e-13)
        self.assertLess(np.abs(energies(pet.eval(), positions, cell, species, slots=50) - before).max(), 1e-13)
        self.assertLess(np.abs(energies(pet.fold(), positions, cell, species) - before).max(), 1e-13)

    def test_a_domain_gives_the_forces_of_the_whole(self):
        pet, (positions, _, species) = model(), systems.water(64)
        distance = positions[:, 0].clip(min=4.0) - 4.0  # own atoms: x < 4 Å
        order = np.argsort(distance, kind="stable")
        order = order[distance[order] < 2 * CUTOFF]
        own, centers = (distance[order] == 0).sum(), (distance[order] < CUTOFF).sum()
        self.assertTrue(own < centers < len(order) < len(species))
        whole, part = np.arange(len(species)), order
        results = []
        for atoms, size in ((whole, len(whole)), (part, int(centers))):
            found = padded(*edges(positions[atoms], None, CUTOFF, (False,) * 3), len(atoms), CUTOFF, None, size)
            weights = torch.from_numpy((positions[atoms[:size], 0] < 4.0).astype(float))
            arrays = [torch.from_numpy(a) for a in (*found, species[atoms])]
            e, g = (t.detach().numpy() for t in WithGradient(pet, torch.float64)(*arrays, weights))
            forces = np.zeros_like(positions)
            some = scatter(found[1], g, found[2], atoms)
            forces[: len(some)] = some
            results.append((e[weights.numpy() == 1][np.argsort(atoms[:size][weights.numpy() == 1])], forces))
        self.assertLess(np.abs(results[0][0] - results[1][0]).max(), 1e-13)
        self.assertLess(np.abs(results[0][1] - results[1][1]).max(), 1e-12)


if __name__ == "__main__":
    unittest.main()
