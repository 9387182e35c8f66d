"""Several simulations in one LAMMPS process, compared by their last energy, pressures, positions, velocities and
forces.
"""

from dataclasses import dataclass

from boxes import triclinic
from lmp import assert_close, dump, noted, succeed

# A short trajectory at 600 K: atoms are moved, cross the faces of the box, and the neighbor list is rebuilt.
MOVE = """
velocity all create 600 4928 mom yes rot yes
timestep 0.0005
fix 1 all nve
thermo_style custom step pe pxx pyy pzz pxy pxz pyz
"""

SAVE = """
print "final $(step) $(pe:%.17g) $(pxx:%.17g) $(pyy:%.17g) $(pzz:%.17g) $(pxy:%.17g) $(pxz:%.17g) $(pyz:%.17g)"
write_dump all custom final.{k}.dump id xu yu zu vx vy vz fx fy fz modify sort id format float %20.17g
"""


@dataclass
class State:
    """The end of a simulation; lists run over the atoms of an axis, axis by axis."""

    step: int
    energy: float
    pressures: list
    positions: list
    velocities: list
    forces: list


def moving(pair, extra=""):
    """The skewed box of 22 atoms, with a pair style, about to move."""
    return triclinic(extra=extra) + pair + MOVE


def finals(folder, *scripts, ranks=1):
    """Last states of scripts ending in a run, executed in one process with `clear` between them."""
    script = "clear\n".join(script + SAVE.format(k=k) for k, script in enumerate(scripts))
    output = succeed(folder, script, ranks).output
    lines = [line.split()[1:] for line in output.splitlines() if line.startswith("final ")]
    assert len(lines) == len(scripts)
    return [state(words, dump(folder / f"final.{k}.dump")[0]) for k, words in enumerate(lines)]


def state(words, frame):
    """The state of a printed line and a dumped frame."""
    columns = [[x for axis in "xyz" for x in frame[name.format(axis)]] for name in ("{}u", "v{}", "f{}")]
    return State(int(words[0]), float(words[1]), list(map(float, words[2:])), *columns)


def assert_same(found, expected, tolerance):
    """Two states agree, each quantity relative to its largest value; energies of the toys are some 1000 eV."""
    assert found.step == expected.step
    assert_close([found.energy], [expected.energy], 1e-2 * tolerance)
    for name in ("pressures", "positions", "velocities", "forces"):
        one, other = getattr(found, name), getattr(expected, name)
        if any(one) or any(other):
            assert_close(one, other, tolerance)


def assert_all_same(found, expected, names, tolerance):
    """Several states agree with one, or with one each; a failure names the first deviating quantity."""
    expected = expected if isinstance(expected, list) else [expected] * len(found)
    for name, one, other in zip(names, found, expected, strict=True):
        with noted(f"differs after: {name}"):
            assert_same(one, other, tolerance)
