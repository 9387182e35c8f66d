"""Parts without a simulation: evaluations, averages, neighbor lists, growth."""

import jobs
from runner import Plan, measure

# Grids of tumble and i-PI, with the number of rotations including inversion.
GRIDS = {"tetrahedral": 24, "octahedral": 48, "icosahedral": 120, "legendre:2": 36, "legendre:3": 150}


def plans(options):
    """The plan for each number of atoms; above 1,536 atoms the processes do not fit into the memory together."""
    if options.quick:
        return {3: Plan(3, 0.05), 192: Plan(3, 0.05)}
    return {3: Plan(15), 192: Plan(15), 1536: Plan(5), 12288: Plan(3, fresh=True)}


def evaluations(options, skip):
    """One evaluation of energy and forces, by all programs."""
    for threads in options.threads:
        for atoms, plan in plans(options).items():
            who = [jobs.tumble("tumble", atoms, threads)]
            who += [*jobs.onnx_runtime(atoms, threads), *jobs.torch(atoms, threads)]
            yield dict(atoms=atoms, threads=threads, **measure(who, plan, skip))


def averages(options, skip):
    """tumble's averages over rotations, beside one evaluation, on one thread and on two."""
    rounds = 3 if options.quick else 7
    for atoms in (3, 192):
        for grid, count in GRIDS.items():
            if options.quick and grid != "octahedral":
                continue
            who = [jobs.tumble("one evaluation", atoms, 1)]
            who += [jobs.tumble(f"{threads} threads", atoms, threads, grid, True) for threads in options.threads]
            plan = Plan(rounds, 0.05 if options.quick else 0.5)
            yield dict(atoms=atoms, grid=grid, evaluations=count, **measure(who, plan, skip))


def neighbors(options, skip):
    """Neighbor lists of large water and of a small skewed cell."""
    from prepare import metadata

    plan = Plan(3, 0.05) if options.quick else Plan(15)
    for atoms in (8, 192) if options.quick else (8, 192, 12288):
        cutoff = metadata()["cutoff"]
        yield dict(atoms=atoms, cutoff=cutoff, **measure(list(jobs.pairs(atoms, cutoff)), plan, skip))


def growth(options, skip):
    """tumble from 192 to 98,304 atoms, at its default memory budget and at a larger one; all sizes take turns."""
    sizes = [(192, 2048), (1536, 2048)]
    if not options.quick:
        sizes += [(12288, 2048), (98304, 2048), (98304, 16384)]
    who = [jobs.tumble(f"tumble, {atoms} atoms, {memory} MiB", atoms, 1, memory=memory) for atoms, memory in sizes]
    found = measure(who, Plan(3, 0.1) if options.quick else Plan(5, 2.0), skip)
    for (atoms, memory), one in zip(sizes, who):
        of = {key: {"tumble": values[one.name]} if one.name in values else {} for key, values in found.items()}
        yield dict(atoms=atoms, memory=memory, **of)
