"""Multiple time stepping, inside the pair style and by run_style respa."""

import pytest
from boxes import REPORT, model, toy, triclinic, water
from lmp import TOYS, WATER_F64, assert_close, dump, run, succeed

TWOHOP = TOYS / "twohop-padded-f64.onnx"
BOTH = TOYS / "both-padded-f64.onnx"
NVE = """
velocity all create 300 4928 mom yes rot yes
timestep {dt}
fix 1 all nve
compute w all pressure NULL virial
thermo_style custom step pe etotal c_w[1] c_w[2] c_w[3] c_w[4]
thermo_modify format float %20.15g
thermo 1
dump 1 all custom {each} steps.dump id x y z xu yu zu vx vy vz
dump_modify 1 sort id format float %20.17g
{style}
run {steps}
"""


def trajectory(folder, script, steps, ranks=1, dt=0.0005, each=1, style=""):
    """Thermo rows and frames of an NVE run."""
    result = succeed(folder, script + NVE.format(dt=dt, steps=steps, each=each, style=style), ranks)
    return result.thermo(), dump(folder / "steps.dump")


def overlay(path, outer, inner="", correction="correction yes"):
    """The bare model and the correction as two styles."""
    script = f"pair_style hybrid/overlay tumble {inner} tumble {outer} {correction}\n"
    return script + f"pair_coeff * * tumble 1 {path} O H\npair_coeff * * tumble 2 {path} O H\n"


@pytest.mark.parametrize("rotate", ["octahedral", "random", "octahedral+random inversion yes"])
def test_every_1_is_plain_averaging_to_the_bit(tmp_path, rotate):
    plain = trajectory(tmp_path, triclinic() + toy(keywords=f"rotate {rotate}"), 5)
    assert trajectory(tmp_path, triclinic() + toy(keywords=f"rotate {rotate} every 1"), 5) == plain


@pytest.mark.parametrize("ranks", [1, 2])
@pytest.mark.parametrize("box", ["toy", "water"])
def test_every_and_respa_give_the_same_trajectory(tmp_path, box, ranks):
    path = {"toy": TWOHOP, "water": WATER_F64}[box]
    start = triclinic() if box == "toy" else water(tmp_path, 2)
    every, cycles = 4, 3
    inside, frames = trajectory(
        tmp_path, start + model(path, f"rotate octahedral every {every}"), every * cycles, ranks, each=every
    )
    respa = f"run_style respa 2 {every} hybrid 1 2"
    outside, others = trajectory(
        tmp_path, start + overlay(path, "rotate octahedral"), cycles, ranks, every * 0.0005, style=respa
    )
    for one, other in zip(frames, others, strict=True):
        for name in ("xu", "yu", "zu", "vx", "vy", "vz"):
            assert_close(one[name], other[name], 1e-9)
    for one, other in zip(inside[::every], outside, strict=True):
        for name in ("PotEng", "TotEng"):
            assert abs(one[name] - other[name]) < 1e-9 * abs(one[name])
    assert_close(*[[row[f"c_w[{k}]"] for k in (1, 2, 3, 4)] for row in (inside[-1], outside[-1])], 1e-8)


def test_energies_are_averaged_at_each_step_and_the_virial_of_inner_ones_has_the_held_correction(tmp_path):
    rows, frames = trajectory(tmp_path, triclinic() + toy(keywords="rotate octahedral every 4"), 6)
    rerun = "fix 1 all nve\ncompute w all pressure NULL virial\n"
    rerun += "thermo_style custom step pe c_w[1]\nthermo_modify format float %20.15g\nthermo 1\n"
    rerun += "rerun steps.dump dump x y z\n"
    averaged, bare = (
        {row["Step"]: row for row in succeed(tmp_path, triclinic() + toy(keywords=rotate) + rerun).thermo()}
        for rotate in ("rotate octahedral", "rotate none")
    )
    for row in rows:
        step, outer = row["Step"], row["Step"] - row["Step"] % 4
        assert_close([row["PotEng"]], [averaged[step]["PotEng"]], 1e-13)
        held = bare[step]["c_w[1]"] + averaged[outer]["c_w[1]"] - bare[outer]["c_w[1]"]
        assert_close([row["c_w[1]"]], [held], 1e-8)
    assert frames


RESUME = """
units metal
newton on
read_restart at.6.restart
{pair}
neighbor 1.0 bin
fix 1 all nve
timestep 0.0005
dump 1 all custom 1 resumed.dump id x y z xu yu zu vx vy vz
dump_modify 1 sort id format float %20.17g
run 6
"""


def test_a_restart_between_outer_steps_continues_exactly(tmp_path):
    pair = toy(keywords="rotate octahedral+random every 4 seed 3")
    _, whole = trajectory(tmp_path, water(tmp_path, 2) + pair, 12, style="restart 6 at.*.restart")
    succeed(tmp_path, RESUME.format(pair=pair))
    for one, other in zip(whole[6:], dump(tmp_path / "resumed.dump"), strict=True):
        assert one == other


def test_single_points_and_minimizers_have_the_averaged_forces(tmp_path):
    succeed(tmp_path, triclinic() + toy(keywords="rotate octahedral every 4") + REPORT)
    found = dump(tmp_path / "forces.dump")[0]
    succeed(tmp_path, triclinic() + toy(keywords="rotate octahedral") + REPORT)
    assert found == dump(tmp_path / "forces.dump")[0]
    tail = "thermo_style custom step pe fnorm\nthermo_modify format float %.15g\nminimize 0 1e-6 20 40\n"
    rows = [
        succeed(tmp_path, triclinic() + toy(keywords=f"rotate octahedral {every}") + tail).thermo()
        for every in ("", "every 4")
    ]
    assert rows[0] == rows[1]


PER_ATOM = """
compute e all pe/atom
compute sum all reduce sum c_e
compute s all stress/atom NULL pair
compute w all reduce sum c_s[1]
variable w equal -c_w/vol
compute p all pressure NULL virial
fix 1 all nve
thermo 1
thermo_style custom step pe c_sum c_p[1] v_w
thermo_modify format float %20.15g
run 5
"""


def test_values_per_atom_add_up(tmp_path):
    """Energies at every step, virials at outer steps: in between, the pressure has the correction of the last outer
    step.
    """
    for row in succeed(tmp_path, triclinic() + toy(keywords="rotate octahedral every 4") + PER_ATOM, 2).thermo():
        assert_close([row["c_sum"]], [row["PotEng"]], 1e-13)
        assert_close([row["v_w"]], [row["c_p[1]"]], 1e-9 if row["Step"] % 4 == 0 else 1e-2)


NPT = """
velocity all create 300 12 mom yes rot yes
timestep 0.0002
fix 1 all npt temp 300 300 0.1 iso 50000 50000 0.1
thermo_style custom step etotal econserve vol
thermo_modify format float %20.15g
thermo 4
run 60
"""


def test_a_barostat_conserves_its_quantity_at_outer_steps(tmp_path):
    start = water(tmp_path, 2) + model(WATER_F64) + "minimize 0 0.1 40 80\nreset_timestep 0\n"
    rows = succeed(tmp_path, start + model(WATER_F64, "rotate tetrahedral every 4") + NPT, 2).thermo()
    rows = [row for row in rows if "Econserve" in row]
    conserved, total = [row["Econserve"] for row in rows], [row["TotEng"] for row in rows]
    assert abs(rows[-1]["Volume"] / rows[0]["Volume"] - 1) > 1e-4
    assert max(conserved) - min(conserved) < 0.1 * (max(total) - min(total))


def conserved(folder, keywords, steps=160):
    """Total energies, eV, of a vibrating toy at outer steps."""
    script = triclinic() + model(TOYS / "harmonic-padded-f64.onnx", "rotate tetrahedral")
    script += "minimize 0 1e-4 100 200\nreset_timestep 0\n" + model(TOYS / "harmonic-padded-f64.onnx", keywords)
    rows, _ = trajectory(folder, script, steps)
    return [row["TotEng"] for row in rows if "c_w[1]" in row and row["Step"] % 8 == 0]


def test_energy_is_conserved_at_outer_steps(tmp_path):
    plain = conserved(tmp_path, "rotate tetrahedral")
    for every in (2, 4, 8):
        energies = conserved(tmp_path, f"rotate tetrahedral every {every}")
        assert max(energies) - min(energies) < 3 * (max(plain) - min(plain)) + 1e-4, every


HELD = """
fix 3 all store/force
fix 2 all setforce 0 0 0
timestep 0.0005
dump 1 all custom 1 held.dump id f_3[1] f_3[2] f_3[3]
dump_modify 1 sort id format float %20.15g
run {steps}
"""


def held(folder, keywords, steps):
    """Forces [steps + 1][3][atoms] of a model with both kinds, on fixed atoms."""
    succeed(folder, triclinic() + model(BOTH, keywords) + HELD.format(steps=steps))
    return [[frame[f"f_3[{k}]"] for k in (1, 2, 3)] for frame in dump(folder / "held.dump")]


def test_direct_forces_inside_a_conservative_correction(tmp_path):
    """The sum over a cycle without motion is the averaged conservative impulse."""
    cycle = held(tmp_path, "rotate octahedral every 4 forces conservative inner direct", 3)
    averaged = held(tmp_path, "rotate octahedral forces conservative", 0)[0]
    direct = held(tmp_path, "forces direct", 0)[0]
    for k in range(3):
        assert_close([sum(forces) for forces in zip(*(step[k] for step in cycle))], [4 * f for f in averaged[k]], 1e-9)
        assert_close(cycle[1][k], direct[k], 1e-14)


def test_respa_gives_the_same_trajectory(tmp_path):
    every, cycles = 4, 2
    start = triclinic()
    _, frames = trajectory(
        tmp_path,
        start + model(BOTH, f"rotate octahedral every {every} forces conservative inner direct"),
        every * cycles,
        each=every,
    )
    outer = "rotate octahedral forces conservative inner direct"
    script = start + overlay(BOTH, outer, "forces direct")
    _, others = trajectory(tmp_path, script, cycles, dt=every * 0.0005, style=f"run_style respa 2 {every} hybrid 1 2")
    for one, other in zip(frames, others, strict=True):
        assert_close(one["vx"], other["vx"], 1e-9)


def test_every_within_respa_is_refused(tmp_path):
    script = (
        triclinic() + toy(keywords="rotate octahedral every 4") + "fix 1 all nve\nrun_style respa 2 2 pair 2\nrun 1\n"
    )
    for ranks in (1, 2):
        refused = run(tmp_path, script, ranks)
        assert refused.code != 0
        sentence = "every 4 already uses multiple time stepping and cannot be combined with run_style respa"
        assert refused.output.count(sentence) == 1


def test_a_rerun_has_averaged_forces(tmp_path):
    """The frames of a dump are not steps, for any step numbers, and with or without a run before."""
    trajectory(tmp_path, triclinic() + toy(keywords="rotate octahedral every 4"), 5)
    again = "dump 1 all custom 1 again.dump id fx fy fz\ndump_modify 1 sort id format float %20.15g\n"
    again += "rerun steps.dump first 0 last 5 dump x y z\n"
    succeed(tmp_path, triclinic() + toy(keywords="rotate octahedral") + again)
    expected = dump(tmp_path / "again.dump")
    for before in ("", "fix 1 all nve\nrun 5\nunfix 1\n"):
        succeed(tmp_path, triclinic() + toy(keywords="rotate octahedral every 4") + before + again)
        found = dump(tmp_path / "again.dump")
        assert len(found) == 6
        for one, other in zip(found, expected, strict=True):
            for name in ("fx", "fy", "fz"):
                assert_close(one[name], other[name], 1e-12)
