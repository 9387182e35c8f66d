"""The real i-PI drives dynamics with our forces."""

from simulation import WATER, Simulation, ffsocket, unique, water


def test_nve(tmp_path):
    name = unique()
    simulation = Simulation(tmp_path, water(8), ffsocket(address=name), steps=20)
    [(code, error)] = simulation.run([WATER, "--unix", name])
    assert code == 0, error
    conserved = simulation.properties()[:, 2]
    assert len(conserved) == 21
    print(conserved, error)
