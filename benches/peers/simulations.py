"""Parts with a simulation: i-PI's averages over rotations, ring polymers, multiple time stepping in LAMMPS."""

import jobs
from runner import Plan, measure

# Grids of i-PI, with the number of rotations including inversion.
GRIDS = {"legendre:2": 36, "legendre:3": 150}
# Beads by number of atoms.
BEADS = {3: 32, 192: 8}
EVERY = 8


def rotations(options, skip):
    """A step of i-PI with an average: inside tumble, or by <ffrotations> with i-PI's driver or `tumble ipi`.

    <ffrotations> sends one rotation after the other (i-PI's default), or all at once.
    """
    for atoms in (3, 192):
        for grid, count in list(GRIDS.items())[: 1 if options.quick else None]:
            steps = 20 if atoms == 3 else 1
            ours = dict(rotate=grid, inversion=True)
            outside = dict(grid=grid, inversion=True)
            who = [jobs.ipi("tumble inside", "tumble", atoms, steps=steps, **ours)]
            for batch, how in ((1, "one by one"), (count, "at once")):
                who.append(jobs.ipi(f"ffrotations, i-PI's driver, {how}", "metatomic", atoms, 1, batch, 1, **outside))
                who.append(jobs.ipi(f"ffrotations, tumble ipi, {how}", "tumble", atoms, 1, batch, 1, **outside))
            plan = Plan(2, 0.1) if options.quick else Plan(5)
            yield dict(atoms=atoms, grid=grid, evaluations=count, **measure(who, plan, skip))


def beads(options, skip):
    """A step of a ring polymer."""
    for atoms, count in BEADS.items():
        steps = 10 if atoms == 3 else 1
        who = []
        for batch, how in ((count, "at once"), (1, "one by one")):
            who.append(jobs.ipi(f"tumble ipi, {how}", "tumble", atoms, count, batch, steps))
            who.append(jobs.ipi(f"i-PI's driver, {how}", "metatomic", atoms, count, batch, steps))
        plan = Plan(2, 0.1) if options.quick else Plan(7)
        yield dict(atoms=atoms, beads=count, **measure(who, plan, skip))


def stepping(options, skip):
    """Steps of LAMMPS: bare, and with the average over the octahedral group and inversion at every 8th step."""
    averaged = f"rotate octahedral inversion yes every {EVERY}"
    who = [jobs.lammps("bare", "rotate none", EVERY), jobs.lammps(f"every {EVERY}", averaged, EVERY)]
    plan = Plan(2, 0.1) if options.quick else Plan(9)
    yield dict(atoms=192, every=EVERY, evaluations=(EVERY - 1 + 48) / EVERY, **measure(who, plan, skip))
