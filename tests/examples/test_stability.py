"""Drift of conserved quantities: lines and walks with a known slope, and a short run of the input."""

import numpy as np
import pytest
from loading import load, simulate

drift = load("stability", "drift")
tables = load("stability", "tables")


def test_slope_of_a_line():
    times = np.linspace(0, 3, 200)
    assert drift.slope(times, 2 - 0.75 * times) == (pytest.approx(-0.75), pytest.approx(0, abs=1e-12))


def test_slope_of_a_noisy_line_lies_within_its_error():
    rng, times = np.random.default_rng(1), np.linspace(0, 3, 500)
    found, error = drift.slope(times, 0.4 * times + 0.1 * rng.standard_normal(500))
    assert abs(found - 0.4) < 3 * error and 0.005 < error < 0.2


def test_error_of_a_random_walk_with_drift():
    """The scatter of slopes over many walks equals their errors: 6/5 of the variance of the end over time squared."""
    rng, times = np.random.default_rng(2), np.arange(400) * 0.01
    found = [drift.slope(times, np.cumsum(0.01 + 0.1 * rng.standard_normal(400))) for _ in range(300)]
    slopes, errors = np.array(found).T
    assert slopes.mean() == pytest.approx(1.0, abs=4 * slopes.std() / np.sqrt(300))
    assert slopes.std() == pytest.approx(0.1 * np.sqrt(1.2 * 400) / 4, rel=0.15)
    assert np.sqrt(np.mean(errors**2)) == pytest.approx(slopes.std(), rel=0.15)


def test_too_short_a_run_has_no_error():
    with pytest.raises(
        ValueError, match="14 values in 5 blocks: a slope with an error needs 3 values in each; run longer"
    ):
        drift.slope(np.arange(14), np.arange(14))


def part(steps, conserved, heat, evaluations):
    """Thermo output of a piece."""
    steps = np.array(steps, float)
    columns = {"Step": steps, "Time": 0.0005 * steps, "Temp": 300 + steps, "Econserve": np.array(conserved, float)}
    return {**columns, "c_s[5]": np.full(len(steps), heat), "c_s[7]": np.array(evaluations, float)}


def test_pieces_are_joined_where_their_conserved_quantities_meet():
    """The second piece starts again from zero; both rise by 1 eV in 16 steps. Means are over steps."""
    parts = [part([0, 16, 32], [5, 6, 7], 1.0, [1, 17, 33]), part(range(32, 161, 16), range(9), 3.0, range(1, 130, 16))]
    joined = drift.join(parts)
    assert joined["Step"].tolist() == list(range(0, 161, 16))
    assert joined["Econserve"].tolist() == list(range(5, 16))
    assert drift.predicted(parts) == pytest.approx((32 * 1.0 + 128 * 3.0) / 160)
    parts += [part(range(160, 321, 16), range(11), 3.0, range(1, 162, 16))]
    found = drift.case(parts)
    assert found["evaluations"] == pytest.approx(1) and found["ps"] == pytest.approx(0.16)
    assert found["drift"] == (pytest.approx(1000 / 192 / 0.008), pytest.approx(0, abs=1e-9))
    assert found["heating"][0] == pytest.approx(2 * (1 / 192 / 0.008) / (3 * 8.617333262e-5))
    assert found["rise"][0] == pytest.approx(2000)


@pytest.mark.parametrize(
    ("rotate", "every", "langevin", "monitor"), [("random", 1, "yes", 16), ("tetrahedral", 4, "no", 0)]
)
def test_a_run_and_its_next_piece(tmp_path, rotate, every, langevin, monitor):
    """The heating is known, evaluations are counted, and energy is conserved on the scale of a fs."""
    given = {"rotate": rotate, "every": every, "langevin": langevin, "monitor": monitor}
    for piece in (0, 1):
        folder = tmp_path / f"case-{piece}"
        folder.mkdir()
        before = tmp_path / f"case-{piece - 1}"
        simulate("stability", "in.nve", folder, piece=piece, before=before, steps=16, **given)
        (tmp_path / f"case-{piece}.done").touch()
    parts = drift.pieces(tmp_path, "case")
    joined = drift.join(parts)
    assert joined["Step"].tolist() == [0, 16, 32]
    assert parts[1]["PotEng"][0] == pytest.approx(parts[0]["PotEng"][-1], abs=1e-2)
    assert np.ptp(joined["Econserve"]) < 0.15
    assert np.ptp(joined["PotEng"]) > 0.3
    if rotate == "random":
        assert 0.2 < drift.predicted(parts) < 10
    else:
        assert drift.predicted(parts) == 0
        assert parts[0]["c_s[7]"][-1] - parts[0]["c_s[7]"][0] == 12 + 4 * 12 == 60


def test_the_page_has_the_distance_of_measured_from_predicted():
    run = drift.case([part(range(0, 801, 16), [1e-4 * k + 1e-3 * (k % 2) for k in range(51)], 1.5, range(1, 802, 16))])
    text = tables.page({"none": run, "random": {**run, "heating": [1.9, 0.2], "predicted": 1.5}})
    assert "the shortest of 0.4 ps" in text
    assert "| `random`: heating is σ² dt/2m | +1.90 ± 0.20 K/ps measured, 1.50 predicted: 2.0 errors away |" in text
