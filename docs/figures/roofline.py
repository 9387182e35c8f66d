"""Draw the roofline of one core, and below it the kinds of steps of two models, from benches/roofline/results.json.

    python docs/figures/roofline.py

Needs matplotlib.
"""

import json
import sys
from pathlib import Path

import matplotlib.pyplot as plt

HERE = Path(__file__).resolve().parent
BENCH = HERE.parents[1] / "benches/roofline"
sys.path.insert(0, str(BENCH))

from roof import Core  # noqa: E402

# The first word of a kind, the color, and the name in the legend.
KINDS = {
    "products with weights": ("product", "#1f5fa8"),
    "attention": ("attention", "#2e8b7a"),
    "RMSNorm": ("RMSNorm", "#ef6c00"),
    "LayerNorm": ("LayerNorm", "#8a6fb3"),
    "SiLU, GLU": ("SiLU GLU", "#c62828"),
    "elementwise": ("sum rows exp", "#6d6d6d"),
}
STYLES = {"L1": ":", "L2": "-", "L3": "--", "memory": "-."}
LEFT, RIGHT = 0.05, 200


def color(kind):
    """The color of a kind of step."""
    first = kind.split(",")[0].split()[0]
    return next(color for words, color in KINDS.values() if first in words.split())


def draw_roofs(axes, core):
    """The peak, and the bandwidth of each level up to it."""
    levels = core.levels()
    axes.plot([core.peak / max(levels.values()), RIGHT], [1e-9 * core.peak] * 2, color="black", linewidth=1.5)
    for name, bandwidth in levels.items():
        line = [1e-9 * LEFT * bandwidth, 1e-9 * core.peak]
        axes.plot([LEFT, core.peak / bandwidth], line, STYLES[name], color="black", linewidth=1)


def draw_steps(axes, found):
    """A point for each step with operations: a filled one forward, an open one its gradient."""
    for step in (step for step in found if step["operations"]):
        intensity, rate = step["operations"] / step["bytes"], 1e-9 * step["operations"] / step["seconds"]
        gradient = step["kind"].endswith((", gradient", ", transposed"))
        face = "white" if gradient else color(step["kind"])
        axes.plot(intensity, rate, "o", color=color(step["kind"]), markerfacecolor=face, markersize=5.5)


def draw_panel(axes, model, results):
    """One model."""
    draw_roofs(axes, Core.measured(results))
    draw_steps(axes, [step for step in results["steps"] if step["model"] == model])
    axes.set(xscale="log", yscale="log", xlim=(LEFT, RIGHT), title=model, xlabel="floating-point operations per byte")
    axes.set_ylim(bottom=1)
    axes.title.set_fontsize(10)
    axes.grid(alpha=0.25)


def draw_evaluation(axes, evaluation):
    """The rate of products in a whole evaluation."""
    rate = 1e-9 * evaluation["products"] / evaluation["seconds"]
    axes.axhline(rate, color="#9e9e9e", linewidth=1)
    axes.annotate(f"evaluation of {evaluation['name']}", (RIGHT, rate), (-3, 3), textcoords="offset points", fontsize=7,
                  ha="right", color="#6d6d6d")  # fmt: skip


def legend(figure):
    """Colors of the kinds, and lines of the levels."""
    point = dict(linestyle="", marker="o")
    marks = [plt.Line2D([], [], **point, color=color, label=name) for name, (_, color) in KINDS.items()]
    marks += [plt.Line2D([], [], linestyle=style, color="black", label=name) for name, style in STYLES.items()]
    figure.legend(handles=marks, loc="lower center", ncols=5, fontsize=8, frameon=False)


def main():
    """Draws roofline.svg beside this script."""
    results = json.loads((BENCH / "results.json").read_text())
    models = list(dict.fromkeys(step["model"] for step in results["steps"]))
    figure, panels = plt.subplots(1, len(models), figsize=(8, 4.2), sharey=True, facecolor="white")
    for axes, model in zip(panels, models):
        draw_panel(axes, model, results)
    # Only the first model is evaluated.
    draw_evaluation(panels[0], results["evaluations"][0])
    panels[0].set_ylabel("GFLOP/s")
    legend(figure)
    figure.subplots_adjust(left=0.08, right=0.98, top=0.93, bottom=0.24, wspace=0.06)
    plt.rcParams["svg.hashsalt"] = "tumble"
    figure.savefig(HERE / "roofline.svg", metadata={"Date": None})


if __name__ == "__main__":
    main()
