"""All that the pair style reports of single points, for comparisons between ranks."""

import numpy as np
from lmp import assert_close, dump, noted, succeed

# Entries 8 and 9 of `compute pair` are times.
POINT = """
compute e all pe/atom
compute s all stress/atom NULL pair
compute c all centroid/stress/atom NULL pair
compute v all pair tumble
fix u all pair 1 tumble {fix}
thermo_style custom step pe pxx pyy pzz pxy pxz pyz c_v[1] c_v[2] c_v[3] c_v[4] c_v[5] c_v[6] c_v[7]
thermo_modify format float %20.15g
dump 1 all custom 1 {k}.dump id fx fy fz f_u* c_e c_s[*] c_c[*]
dump_modify 1 sort id format float %20.15g
run 0
"""
PRESSURES = [f"P{axes}" for axes in ("xx", "yy", "zz", "xy", "xz", "yz")]
MEASURES = [f"c_v[{k}]" for k in range(1, 8)]
OF_ATOMS = {"forces": "f", "spreads": "f_u", "energies": "c_e", "virials": "c_s", "centroid virials": "c_c"}


def points(folder, scripts, ranks=1, fix="spread 1"):
    """For each script, evaluated in one process, its quantities as arrays; `fix`: what `fix pair` stores."""
    columns = "f_u[*]" if fix.count(" ") > 1 else "f_u"
    point = POINT.replace("f_u*", columns)
    script = "clear\n".join(script + point.format(k=k, fix=fix) for k, script in enumerate(scripts))
    rows = succeed(folder, script, ranks).thermo()
    frames = [dump(folder / f"{k}.dump")[0] for k in range(len(scripts))]
    return [quantities(row, frame) for row, frame in zip(rows, frames, strict=True)]


def quantities(row, frame):
    """Arrays by name: global ones, and those of all atoms."""

    def columns(start):
        return np.array([values for name, values in frame.items() if name.startswith(start)])

    whole = {"energy": np.array([row["PotEng"]]), "pressures": np.array([row[name] for name in PRESSURES])}
    measures = {f"measure {name}": np.array([row[name]]) for name in MEASURES}
    of_atoms = {name: columns(start) for name, start in OF_ATOMS.items()}
    return {**whole, **measures, **of_atoms, "forces": np.array([frame[name] for name in ("fx", "fy", "fz")])}


def assert_same_point(found, expected, tolerance=1e-10):
    """All quantities agree relative to the largest value of each; differences of replicas agree less closely."""
    for name, values in expected.items():
        assert np.isnan(found[name]).tolist() == np.isnan(values).tolist(), name
        one, other = np.nan_to_num(found[name]), np.nan_to_num(values)
        if not other.any():
            assert not one.any(), name
            continue
        with noted(name):
            assert_close(one, other, 1e3 * tolerance if name.startswith(("measure", "spread")) else tolerance)


def assert_same_points(found, expected, names, tolerance=1e-10):
    """Points agree one by one; a failure names the point."""
    for name, one, other in zip(names, found, expected, strict=True):
        with noted(f"differs for: {name}"):
            assert_same_point(one, other, tolerance)
