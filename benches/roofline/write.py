"""Writes the page of the roofline: `write.py RESULTS PAGE`."""

import json
import sys
from datetime import UTC, datetime
from pathlib import Path

from roof import Core

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "peers"))

from tables import table, three_digits  # noqa: E402

MODEL = "compact PET"  # of the evaluations
HEAD = """# The roofline of one core

This page is for those who want to make tumble faster. For the number of ranks and threads see [memory and
scale](scaling.md#what-you-choose); where the time of your own model goes, `tumble bench --profile` tells you.

How much faster could tumble be on one core? This page compares what the core can do, what each kind of step of a model
does, and where the time of an evaluation goes. `make bench-roofline` measures it and writes the page
([how](../benches/roofline/README.md)), here with tumble {tumble} on {date}.

One thread of this processor: {cpu}.
Times are the least of {rounds} rounds, in each of which everything is measured, and of many evaluations. Rates and
shares follow from these times.{busy}

## What the core can do
"""
FIGURE = """
A step needs at least the time of its arithmetic at the peak, and the time to read its inputs once and to write its
outputs once. The longer of both is its *roof*. The bandwidth is that of a copy or of a + s b, whichever is faster, of
as many data as the step has: few data stay in a near cache.

![roofline of one core](figures/roofline.svg)

Lines are the peak, and the bandwidth of data that fill at most half of a cache. Each point is a kind of step by itself,
a filled one forward, an open one its gradient; the gray line is the rate of products in a whole evaluation. Steps that
only copy have no operations, and are in the table only.

## Where the time of an evaluation goes

Energy and forces with the compact PET of the examples (`water-pet.onnx`), from positions on, bare.
"""
PROGRAMS = """
*GFLOP/s* counts products only, of rows with weights and of attention. Products, activations, normalizations,
elementwise steps and moving rows are steps of [programs of rows](architecture.md), timed inside them.

## Each kind of step

192 atoms of water: a center has 21 tokens in the compact PET, and 14 in a uPET of the size XS. The numbers in weights
and rows are made up. Times are the least, as above. *flop/byte* is operations over the bytes of inputs and outputs;
*limit* is what the roof is, the peak of arithmetic or the bandwidth of data; *share* is the time at the roof over the
measured one. Steps that read much more than they write can exceed 100%.
"""
COUNTS = """
An exp counts 20 operations, as many as our polynomial has, and a multiply-add 2
([formulas](../benches/roofline/src/operations.rs)). Attention counts the softmax, too. Its gradient computes the
softmax again.

## What is left
"""


def page(results):
    """The lines of the page."""
    core, machine = Core.measured(results), results["machine"]
    date = datetime.fromtimestamp(machine["time"], UTC).date().isoformat()
    yield HEAD.format(**machine | dict(date=date), rounds=results["rounds"], busy=busy(machine["load"]))
    yield from abilities(results)
    yield FIGURE
    yield from parts(results["evaluations"], core)
    yield PROGRAMS.rstrip()
    for model in dict.fromkeys(step["model"] for step in results["steps"]):
        yield from steps(model, [step for step in results["steps"] if step["model"] == model], core)
    yield COUNTS
    yield from (f"- {sentence}" for sentence in left(results, core))


def busy(load):
    """A warning if other programs ran, by the load at the start."""
    if load is None or load < 0.5:
        return ""
    return f"\n**The machine was not quiet: its load was {load:.1f} at the start.**"


def abilities(results):
    """Table of peaks and bandwidths."""
    rows = [[peak["name"], f"{three_digits(peak['gflops'])} GFLOP/s"] for peak in results["peaks"]]
    rows += [
        [f"data of {size(found['bytes'])}", f"{three_digits(found['gigabytes_per_second'])} GB/s"]
        for found in results["bandwidths"]
    ]
    yield from table(["", "measured"], rows)
    first, second, third = map(size, results["machine"]["caches"])
    yield f"\nThe caches hold {first}, {second} and {third}; the last one is that of all cores."


def size(count):
    """Bytes in kB or MB, rounded: sizes of data are powers of two but for a few bytes."""
    return f"{round(count / 2**10):,} kB" if count < 2**20 - 2**10 else f"{round(count / 2**20):,} MB"


def parts(evaluations, core):
    """Table of the parts of evaluations."""
    header = [""]
    for evaluation in evaluations:
        header += [f"{MODEL}, {evaluation['name']}, least µs", "share", "GFLOP/s", "of the peak"]
    names = [part["name"] for part in evaluations[0]["parts"]]
    rows = [[name] for name in ["all", *names]]
    for evaluation in evaluations:
        whole = dict(seconds=evaluation["seconds"], products=evaluation["products"])
        for row, part in zip(rows, [whole, *evaluation["parts"]]):
            row += [three_digits(1e6 * part["seconds"]), percent(part["seconds"] / evaluation["seconds"])]
            row += rate(part, core) if part["products"] else ["", ""]
    yield from table(header, rows)


def rate(part, core):
    """Rate of the products of a part, and share of the peak."""
    return [three_digits(1e-9 * part["products"] / part["seconds"]), percent(of_peak(part, core))]


def of_peak(part, core):
    """How close the products of a part are to the peak."""
    return part["products"] / part["seconds"] / core.peak


def percent(share):
    """A share; below 10% with one decimal."""
    return f"{100 * share:.1f}%" if abs(share) < 0.0995 else f"{100 * share:.0f}%"


def steps(model, found, core):
    """Table of the kinds of steps of a model."""
    yield f"\n### {model}\n"
    yield from table(
        ["step", "shape", "least µs", "flop/byte", "GFLOP/s", "GB/s", "limit", "share"],
        [row(step, core) for step in found],
    )


def row(step, core):
    """The row of a step."""
    cells = [step["kind"], step["shape"], three_digits(1e6 * step["seconds"])]
    cells += [three_digits(step["operations"] / step["bytes"])]
    cells += [three_digits(1e-9 * step[what] / step["seconds"]) for what in ("operations", "bytes")]
    return [*cells, core.limit(step), percent(core.share(step))]


def left(results, core):
    """Sentences about what is left to gain."""
    box, molecule = results["evaluations"]
    yield (
        f"With the {MODEL}, an evaluation of {box['name']} runs at {percent(of_peak(box, core))} of the peak, "
        f"that of {molecule['name']} at {percent(of_peak(molecule, core))}."
    )
    yield from by_products(box, core)
    yield from by_other_parts(box)
    yield by_overhead(molecule)
    yield from by_steps(results["steps"], core)


def by_products(evaluation, core):
    """What products could gain."""
    named = {part["name"]: part for part in evaluation["parts"]}
    products, attention = named["products"], named["attention"]
    least = evaluation["products"] / core.peak
    yield (
        f"In it, products of rows with weights reach {percent(of_peak(products, core))} of the peak, and products of "
        f"attention {percent(of_peak(attention, core))}, with the softmax between them. At the peak, both would take "
        f"{percent(least / evaluation['seconds'])} of the time in place of "
        f"{percent((products['seconds'] + attention['seconds']) / evaluation['seconds'])}."
    )


def by_other_parts(evaluation):
    """The parts without products, from the longest on."""
    others = sorted((part for part in evaluation["parts"] if not part["products"]), key=lambda part: -part["seconds"])
    whole = sum(part["seconds"] for part in others) / evaluation["seconds"]
    longest = ", ".join(f"{part['name']} ({percent(part['seconds'] / evaluation['seconds'])})" for part in others[:3])
    yield f"Its other {percent(whole)} have no products. The longest of them: {longest}."


def by_overhead(evaluation):
    """The time beside kernels."""
    kernels = {"products", "attention", "activations", "normalizations", "elementwise", "moving rows"}
    beside = sum(part["seconds"] for part in evaluation["parts"] if part["name"] not in kernels)
    return (
        f"For {evaluation['name']}, {percent(beside / evaluation['seconds'])} of the time are beside our kernels: in "
        "nodes of ONNX Runtime, between nodes, and around the model. Fewer nodes shorten that, not faster arithmetic."
    )


def by_steps(found, core):
    """The kinds of step that are furthest from their roofs, model by model."""
    for model in dict.fromkeys(step["model"] for step in found):
        of_model = sorted((step for step in found if step["model"] == model), key=core.share)
        named = "; ".join(f"{step['kind']} ({step['shape']}: {percent(core.share(step))})" for step in of_model[:3])
        attention = [step for step in found if step["model"] == model and step["kind"].startswith("attention")]
        rates = " and ".join(three_digits(1e-9 * step["products"] / step["seconds"]) for step in attention)
        yield f"By themselves, these steps of the {model} are furthest from their roofs: {named}."
        yield f"The products of its attention and of the gradient run at {rates} GFLOP/s."


def main(results, target):
    Path(target).write_text("\n".join(page(json.loads(Path(results).read_text()))) + "\n")


if __name__ == "__main__":
    main(*sys.argv[1:])
