"""The page of the roofline: shares by hand for a simple core, and the page of the recorded results."""

import importlib.util
import json
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
BENCH = ROOT / "benches/roofline"


def module(path):
    """A script of the benchmark by its path: benches/peers has a `write` of its own."""
    spec = importlib.util.spec_from_file_location(f"roofline_{path.stem}", path)
    found = importlib.util.module_from_spec(spec)
    sys.path[:0] = [str(BENCH), str(ROOT / "benches/peers")]
    spec.loader.exec_module(found)
    return found


write = module(BENCH / "write.py")
BANDWIDTHS = [(50, 40.0), (100, 20.0), (400, 5.0)]
BANDWIDTHS = [dict(bytes=size, gigabytes_per_second=bandwidth) for size, bandwidth in BANDWIDTHS]
PEAKS = [dict(name="a loop", gflops=10.0), dict(name="a product", gflops=8.0)]
MACHINE = dict(cpu="Abacus", tumble="v0", time=86400, load=0.1, caches=[100, 200, 350])
CORE = write.Core.measured(dict(peaks=PEAKS, bandwidths=BANDWIDTHS, machine=MACHINE))


def step(operations, size, seconds, kind="product"):
    """A step."""
    found = dict(model="toy", kind=kind, shape="2 rows", operations=operations, products=operations)
    return found | dict(bytes=size, seconds=seconds)


@pytest.mark.parametrize(
    "operations, size, limit, seconds",
    [(1000, 100, "peak", 1e-7), (10, 100, "data", 5e-9), (0, 200, "data", 2e-8), (10, 4000, "data", 8e-7)],
)
def test_the_roof_is_the_longer_of_arithmetic_and_data(operations, size, limit, seconds):
    one = step(operations, size, 2 * seconds)
    assert CORE.limit(one) == limit
    assert CORE.least(one) == pytest.approx(seconds)
    assert CORE.share(one) == pytest.approx(0.5)


def test_levels_are_data_of_half_of_a_cache():
    assert CORE.levels() == {"L1": 40e9, "L2": 20e9, "L3": 20e9, "memory": 5e9}


def evaluation(name, seconds):
    """An evaluation: a quarter of the time is products at the peak, a half attention at a fifth of it."""
    parts = [("products", 0.25, 10e9), ("attention", 0.5, 2e9), ("activations", 0.15, 0.0), ("between nodes", 0.1, 0.0)]
    parts = [dict(name=part, seconds=share * seconds, products=rate * share * seconds) for part, share, rate in parts]
    return dict(name=name, seconds=seconds, parts=parts, products=sum(part["products"] for part in parts))


def results():
    """Results in the format of the benchmark."""
    steps = [step(1000, 100, 2e-7), step(10, 100, 1e-8, "attention"), step(20, 100, 5e-9, "attention, gradient")]
    evaluations = [evaluation("192 atoms", 1e-2), evaluation("one H2O", 1e-4)]
    return dict(machine=MACHINE, rounds=3, peaks=PEAKS, bandwidths=BANDWIDTHS, steps=steps, evaluations=evaluations)


def test_page_has_rates_and_shares():
    page = "\n".join(write.page(results()))
    assert "with tumble v0 on 1970-01-02" in page and "3 rounds" in page
    assert "| a loop | 10 GFLOP/s |" in page
    assert "| data of 0 kB | 5 GB/s |" in page
    assert "| products | 2,500 | 25% | 10 | 100% | 25 | 25% | 10 | 100% |" in page
    assert "| between nodes | 1,000 | 10% |  |  | 10 | 10% |  |  |" in page
    assert "| product | 2 rows | 0.2 | 10 | 5 | 0.5 | peak | 50% |" in page


def test_page_warns_of_other_programs():
    assert "not quiet" not in "\n".join(write.page(results()))
    assert "not quiet: its load was 2.0" in "\n".join(write.page(results() | dict(machine=MACHINE | dict(load=2.0))))


def test_what_is_left_follows_from_the_numbers():
    sentences = list(write.left(results(), CORE))
    assert sentences[0] == (
        "With the compact PET, an evaluation of 192 atoms runs at 35% of the peak, that of one H2O at 35%."
    )
    assert "reach 100% of the peak" in sentences[1] and "products of attention 20%" in sentences[1]
    assert sentences[1].endswith("both would take 35% of the time in place of 75%.")
    assert sentences[2].endswith("25% have no products. The longest of them: activations (15%), between nodes (10%).")
    assert sentences[3].startswith("For one H2O, 10% of the time are beside our kernels")
    assert "furthest from their roofs: product (2 rows: 50%); attention (2 rows: 50%)" in sentences[4]
    assert "gradient run at 1 and 4 GFLOP/s" in sentences[5]


@pytest.fixture(scope="module")
def recorded():
    return json.loads((BENCH / "results.json").read_text())


def test_page_is_that_of_the_recorded_results(recorded):
    page = "\n".join(write.page(recorded)) + "\n"
    assert (ROOT / "docs/roofline.md").read_text() == page, "old: run the last two lines of `make bench-roofline`"


def test_parts_of_an_evaluation_add_up(recorded):
    for one in recorded["evaluations"]:
        assert sum(part["seconds"] for part in one["parts"]) == pytest.approx(one["seconds"])
        assert sum(part["products"] for part in one["parts"]) == pytest.approx(one["products"])


def test_figure_has_a_color_for_each_kind(recorded):
    figure = module(ROOT / "docs/figures/roofline.py")
    assert all(figure.color(step["kind"]) for step in recorded["steps"])
