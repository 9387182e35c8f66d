"""Structure and dynamics of known liquids, and one short run of each input."""

import subprocess
import sys

import numpy as np
import pytest
from loading import BUILD, ENVIRONMENT, EXAMPLES, MODEL, VENV, load, simulate

from analysis import liquid, orientation, programs, trajectories  # isort: skip
from analysis.blocks import block_error, chi_square, compare, cut  # isort: skip

observables = load("liquid-nvt", "observables")
sys.modules["observables"] = observables  # reweight.py imports it from its own folder
sys.modules["reweight"] = reweight = load("liquid-nvt", "reweight")
tables = load("liquid-nvt", "tables")
MOLECULE = np.array([[0.0, 0, 0], [0.7572, 0.5863, 0], [-0.7572, 0.5863, 0]])


def directions(rng, *shape):
    """Uniform unit vectors [..., 3]."""
    v = rng.standard_normal((*shape, 3))
    return v / np.linalg.norm(v, axis=-1, keepdims=True)


def test_an_ideal_gas_has_no_structure():
    """g(r) is 1 and the dipole correlation 0, within their errors, as is the mean of g(r) over all bins."""
    rng, side = np.random.default_rng(1), 12.0
    frames = [liquid.correlations(side * rng.random((64, 3)), directions(rng, 64), side) for _ in range(300)]
    mean, error = block_error(np.array(frames), 10)
    for row, expected in enumerate((1.0, 0.0)):
        known = error[row] > 0
        off = (mean[row, known] - expected) / error[row, known]
        assert np.mean(off[5:] ** 2) < 2.0
        assert abs(mean[row, 20:].mean() - expected) < 0.02


def test_shells_of_a_simple_cubic_lattice():
    """6, 12, 8, 6, 24, 24 neighbors at the square roots of 1 to 6 lattice constants, counted from g(r)."""
    spacing, n = 2.03, 5
    lattice = spacing * np.stack(np.meshgrid(*3 * [np.arange(n)], indexing="ij"), axis=-1).reshape(-1, 3)
    side = spacing * n
    up = np.tile([0.0, 0, 1], (n**3, 1))
    g, cosine = liquid.correlations(lattice + 0.3, up, side)
    neighbors = g * liquid.ideal(n**3, side) * 2 / n**3
    expected = np.zeros(len(g))
    for square, count in ((1, 6), (2, 12), (3, 8), (4, 6), (5, 24), (6, 24)):
        expected[int(spacing * np.sqrt(square) / liquid.BIN)] = count
    assert neighbors == pytest.approx(expected)
    assert cosine == pytest.approx(g)


def test_dipoles_on_alternating_sites_are_opposite_to_their_first_neighbors():
    spacing, n = 2.05, 6
    places = np.stack(np.meshgrid(*3 * [np.arange(n)], indexing="ij"), axis=-1).reshape(-1, 3)
    dipoles = np.where(places.sum(axis=1) % 2, 1, -1)[:, None] * [0.0, 0.6, 0.8]
    g, cosine = liquid.correlations(spacing * places, dipoles, spacing * n)
    first, second = int(spacing / liquid.BIN), int(spacing * np.sqrt(2) / liquid.BIN)
    assert cosine[first] == pytest.approx(-g[first]) and cosine[second] == pytest.approx(g[second])


def test_displacement_of_a_random_walk_is_6_d_t():
    """Unwrapped positions: it grows beyond any box, and drift of the center does not count."""
    rng, particles, kick = np.random.default_rng(2), 500, 0.3
    steps = kick * rng.standard_normal((600, particles, 3))
    positions = np.cumsum(steps, axis=0) + np.arange(600)[:, None, None] * np.array([0.5, 0, 0])
    lags = np.array([0, 1, 5, 20, 40, 60])
    squares = liquid.displacements(positions, lags)
    assert squares.shape == (540, 6)
    mean = squares.mean(axis=0)
    assert mean == pytest.approx(3 * kick**2 * lags * (1 - 1 / particles), rel=0.05)
    coefficients = liquid.diffusion(cut(squares, 9), 0.01 * lags)
    error = coefficients.std(ddof=1) / 3
    assert abs(coefficients.mean() - kick**2 / (2 * 0.01)) < 4 * error < 0.2 * coefficients.mean()


def test_autocorrelation_of_rotating_dipoles_is_a_cosine():
    """The plane of rotation and the phase differ; the total of equal dipoles is N times one."""
    rng, omega = np.random.default_rng(3), 0.05
    first = directions(rng, 20)
    second = np.cross(first, directions(rng, 20))
    second /= np.linalg.norm(second, axis=-1, keepdims=True)
    angle = omega * np.arange(300)[:, None, None]
    vectors = np.cos(angle) * first + np.sin(angle) * second
    lags = np.arange(0, 130, 10)
    found = liquid.autocorrelations(vectors, lags)
    assert found == pytest.approx(np.broadcast_to(np.cos(omega * lags), found.shape))
    alike = np.repeat(vectors[:, :1], 20, axis=1).sum(axis=1, keepdims=True) / np.sqrt(20)
    assert liquid.autocorrelations(alike, lags)[0] == pytest.approx(20 * np.cos(omega * lags))


def test_free_energy_of_uniform_orientations_is_zero_within_its_errors():
    rng = np.random.default_rng(4)
    squares, off = [], []
    for _ in range(6):
        found = orientation.measure(directions(rng, 100, 64), 10, halves="time")
        squares.append(np.sign(found["deviation"]) * found["deviation"] ** 2)
        off.append(found["map"] / found["map_error"])
    # The mean square of the ratio is 9/7 with an error from 10 blocks.
    assert np.mean(np.square(off)) == pytest.approx(9 / 7, rel=0.4)
    assert abs(np.mean(squares)) < 3 * np.std(squares, ddof=1) / np.sqrt(6) + 1e-5


def test_a_preference_for_a_direction_is_found_by_the_halves_in_time():
    rng, strength = np.random.default_rng(5), 0.4
    z = np.log(np.exp(-strength) + rng.random((200, 64)) * 2 * np.sinh(strength)) / strength
    flat = directions(rng, 200, 64)
    flat *= np.sqrt((1 - z**2) / (flat[..., 0] ** 2 + flat[..., 1] ** 2))[..., None]
    found = orientation.measure(np.concatenate([flat[..., :2], z[..., None]], axis=-1), 10, halves="time")
    # F/kT is -strength cos(theta) and a constant: its deviation over six bins of cos(theta) is close to that of a line.
    assert found["deviation"] == pytest.approx(strength * np.sqrt(35 / 3) / 6, rel=0.1)


def correlated(rng, blocks, values=30):
    """Block means [blocks, values] with correlated neighbors."""
    noise = rng.standard_normal((blocks, values + 8))
    return np.stack([noise[:, k : k + values] for k in range(8)]).mean(axis=0)


def test_alike_runs_differ_as_often_as_by_chance():
    rng = np.random.default_rng(6)
    chances = [compare(correlated(rng, 10), correlated(rng, 12), shuffles=99)["chance"] for _ in range(80)]
    assert np.mean(chances) == pytest.approx(0.5, abs=0.13)
    assert np.mean(np.array(chances) < 0.2) == pytest.approx(0.2, abs=0.14)


def test_a_shift_of_three_errors_is_detected():
    rng = np.random.default_rng(7)
    first, second = correlated(rng, 10), correlated(rng, 10)
    error = second.std(axis=0, ddof=1) * np.sqrt(2 / 10)
    assert chi_square(first, first) == 0
    found = compare(first, second + 3 * error, shuffles=199)
    assert found["chance"] <= 0.01 and found["chi_square"] > 4


def test_empty_bins_do_not_count():
    """Differences 0 and 2; a variance of 2 in each, so an error of 1 of each mean, and a square of 4 / (1 + 1)."""
    assert chi_square(np.array([[0.0, 1], [0, 3]]), np.array([[0.0, 3], [0, 5]])) == pytest.approx(2.0)


def test_pieces_of_a_run_are_joined_without_repetitions():
    steps, values = trajectories.join([[0, 20, 40], [40, 60], [60, 80]], [[0.0, 1, 2], [12.0, 3], [13.0, 4]], settle=20)
    assert steps.tolist() == [40, 60, 80] and values.tolist() == [12.0, 13.0, 4.0]


def test_a_run_continues_with_its_next_piece(tmp_path):
    """Two pieces are one run: positions, unwrapped, and the thermostat's conserved quantity."""
    given = {"start": "../liquid/water-64.data", "rotate": "random", "inversion": "no", "every": 1}
    for name, piece, steps in (("case-0", 0, 20), ("case-1", 1, 20), ("whole", 0, 40)):
        (tmp_path / name).mkdir()
        before = tmp_path / f"case-{piece - 1}"
        simulate("liquid-nvt", "in.nvt", tmp_path / name, piece=piece, before=before, steps=steps, **given)
        (tmp_path / f"{name}.done").touch()
    folders = observables.pieces(tmp_path, "case")
    assert [f.name for f in folders] == ["case-0", "case-1"]
    temperatures, steps, side, positions = observables.from_lammps(folders, settle=0)
    _, _, _, whole = observables.from_lammps([tmp_path / "whole"], settle=0)
    assert steps.tolist() == [20, 40] and side == pytest.approx(12.429569)
    # The restart changes the order of sums in single precision.
    assert positions == pytest.approx(whole, abs=2e-4)
    assert temperatures.shape == (2, 3) and (temperatures > 150).all()
    one, two = (programs.thermo(tmp_path / f"{name}/log.lammps") for name in ("whole", "case-1"))
    assert two["Econserve"][-1] == pytest.approx(one["Econserve"][-1], abs=5e-3)
    bonds = np.linalg.norm(positions.reshape(2, 64, 3, 3)[:, :, 1:] - positions.reshape(2, 64, 3, 3)[:, :, :1], axis=-1)
    assert 0.7 < bonds.min() and bonds.max() < 1.3
    light, heavy = (3 * n - 3 * m / 18.015 for n, m in ((128, 2.016), (64, 15.999)))
    assert temperatures[:, 0] * 573 == pytest.approx(temperatures[:, 1] * heavy + temperatures[:, 2] * light, rel=1e-6)


@pytest.mark.skipif(not (VENV / "bin/i-pi").exists(), reason="i-PI is not installed beside this Python")
@pytest.mark.parametrize(
    ("every", "steps", "options"), [(1, 40, ["--rotate", "random"]), (4, 20, ["--rotate", "tetrahedral"])]
)
def test_a_run_in_ipi(tmp_path, every, steps, options):
    variables = {**ENVIRONMENT, "VENV": str(VENV), "TUMBLE": str(BUILD / "tumble")}
    command = [EXAMPLES / "liquid-nvt/ipi.sh", tmp_path / "run", MODEL, str(steps), str(every), *options]
    done = subprocess.run(command, env=variables, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    temperatures, found, side, positions = observables.from_ipi(tmp_path / "run", settle=0)
    assert found.tolist() == list(range(20, steps + 1, 20))
    assert side == pytest.approx(12.429569, abs=1e-4) and positions.shape == (len(found), 192, 3)
    assert ((150 < temperatures) & (temperatures < 500)).all()


def test_too_short_a_run_is_refused():
    read = np.full((12, 3), 300.0), 20 * np.arange(12), 9.0, np.tile(np.concatenate(2 * [MOLECULE]), (12, 1, 1))
    with pytest.raises(ValueError, match="12 frames are too few: correlations need 16, 0.16 ps after settling"):
        observables.series(*read)


def results():
    """Results of three runs of molecules that rotate and walk at random, long enough for every observable."""
    rng, cases, compared = np.random.default_rng(8), {}, {}
    for name in ("none", "random", "ipi-none"):
        places = np.cumsum(0.05 * rng.standard_normal((120, 27, 1, 3)), axis=0) + 9 * rng.random((27, 1, 3))
        first, second = directions(rng, 120, 27), directions(rng, 120, 27)
        second -= (first * second).sum(axis=-1, keepdims=True) * first
        frame = np.stack([second / np.linalg.norm(second, axis=-1, keepdims=True), first], axis=-2)
        positions = places + MOLECULE[:, :2] @ frame
        temperatures = 300 + rng.standard_normal((120, 3))
        read = temperatures, 20 * np.arange(1, 121), 9.0, positions.reshape(120, 81, 3)
        cases[name], compared[name] = observables.case(*read)
    return cases, compared


def test_the_page_has_the_results():
    cases, compared = results()
    pairs = [("none", "random"), ("none", "ipi-none"), ("random", "ipi-none")]
    differences = {
        key: {f"{a}/{b}": observables.difference(compared[a][key], compared[b][key]) for a, b in pairs}
        for key in observables.OBSERVABLES
    }
    differences["pairs"]["none/random"] = {"chi_square": 7.25, "chance": 0.001}
    halves = {key: {n: observables.halves(c[key]) for n, c in compared.items()} for key in observables.OBSERVABLES}
    halves["pairs"] = {"none": 1.5, "random": 2.5, "ipi-none": 0.5}
    text = tables.page({"cases": cases, "differences": differences, "halves": halves})
    assert "**From runs of 1.2 ps. Those below 10 ps show" in text
    assert "| g_OO(r) | 7.25 (0.001) |" in text and "| 1.50, 2.50 | " in text and "; most `none` and `random` |" in text
    assert cases["none"]["total"][0] == pytest.approx(1, abs=0.3)
    assert cases["none"]["single"][0] == pytest.approx(1) and abs(cases["none"]["single"][3]) < 0.1
    assert "27 H2O" in text and "| i-PI, `none` | 1.20 |" in text
    assert "By reweighting" not in text


def test_the_page_has_the_results_of_reweighting():
    cases, compared = results()
    cases = {"none": cases["none"]}
    differences = {key: {} for key in observables.OBSERVABLES}
    halves = {key: {"none": 1.0} for key in observables.OBSERVABLES}
    weight = np.full(120, 1 / 120)
    found = {"rotate": "octahedral", "ps": 1.2, "frames": 120, "effective": 120.0, "deviation": 0.01}
    found |= {key: reweight.summary(weight, compared["none"][key]) for key in reweight.NAMES}
    found["pairs"] |= {"mean": 2.5, "change": -0.02, "error": 0.01}
    text = tables.page({"cases": cases, "differences": differences, "halves": halves}, found)
    assert "120 frames in 1.20 ps of `none`, worth 120 after reweighting" in text
    assert "| g_OO(r) | 2.500 | -0.020 ± 0.010 |" in text
    assert "by reweighting changes of at most -0.020 ± 0.010 of 2.500 and " in text


def test_much_shorter_runs_are_not_compared():
    lengths = {"none": 20.0, "random": 4.0, "grid": 3.9}
    cases = {name: {"ps": length} for name, length in lengths.items()}
    assert observables.comparable(cases) == ["none", "random"]


def test_reweighting_gives_the_mean_of_another_model():
    """Samples of x²/2, reweighted to (x - a)²/2: the mean moves from 0 to a, the mean of x² from 1 to 1 + a², and
    independent noise does not move; n exp(-a²) frames are left.
    """
    rng, a, count = np.random.default_rng(5), 0.4, 40000
    x, noise = rng.standard_normal((2, count))
    weight = reweight.weights(reweight.KT * ((x - a) ** 2 - x**2) / 2)
    assert weight.sum() == pytest.approx(1)
    assert reweight.effective(weight) == pytest.approx(count * np.exp(-(a**2)), rel=0.03)
    change, error = reweight.changed(weight, np.stack([x, x**2, noise], axis=1))
    assert np.all(np.abs(change - [a, a**2, 0.0]) < 4 * error) and np.all(error < 0.02)
    one = reweight.summary(weight, np.stack([x, noise], axis=1))
    assert one["change"] == pytest.approx(a, abs=0.05) and one["ratio"] > 10
    assert np.all(reweight.changed(np.full(count, 1 / count), x[:, None])[0] == pytest.approx(0))


def test_frames_for_reweighting_are_read_back(tmp_path):
    """The bare model against itself: no difference, and every frame counts."""
    positions = np.array([MOLECULE + 3.0, MOLECULE + 4.0])
    reweight.write(tmp_path / "frames.xyz", positions, 12.0)
    found = reweight.energies(tmp_path / "frames.xyz", "none", MODEL)
    assert len(found) == 2 and found[0] == pytest.approx(found[1], abs=1e-3) and found[0] < -400
    assert reweight.effective(reweight.weights(found - found)) == pytest.approx(2)
