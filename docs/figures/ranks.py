"""Draw the efficiency of many MPI ranks: bounds and predictions of benches/lammps/ranks.py, measurements on two ranks.

    python docs/figures/ranks.py

Needs matplotlib.
"""

import json
from pathlib import Path

import matplotlib.pyplot as plt

HERE = Path(__file__).resolve().parent
BENCH = HERE.parents[1] / "benches/lammps"
MODELS = {
    "water-pet": ("compact PET, 2 hops of 3.7 Å", "#1f5fa8"),
    "water-mtt-pet": ("PET, 3 hops of 4 Å", "#2e8b7a"),
    "xs": ("uPET XS, 4 hops of 7.5 Å", "#c62828"),
}
PANELS = {"strong": "strong scaling: 12,288 atoms", "weak": "weak scaling: 768 atoms per rank"}


def draw_model(axes, cases, color):
    """Predictions with messages and with ghost centers, and the bound of the latter."""
    ranks = [case["ranks"] for case in cases]
    axes.plot(ranks, [case["copies"]["exchange"] for case in cases], color=color, linewidth=1.8)
    axes.plot(ranks, [case["liquid"]["exchange"] for case in cases], color=color, linewidth=1.2, linestyle="--")
    axes.plot(ranks, [case["bound"] for case in cases], color=color, linewidth=1, linestyle=":")


def draw_measured(axes, measured, atoms, name, color):
    """Efficiency on two ranks: the time of one rank beside a second run of one, over twice that of two ranks."""
    rows = [row for row in measured if (row["atoms"], row["model"], row["rotate"]) == (atoms, name, "none")]
    wall = {(row["ranks"], row["copies"]): row["wall"] for row in rows if row["exchange"] == "yes"}
    if {(1, 2), (2, 1)} <= wall.keys():
        axes.plot([2], [wall[1, 2] / 2 / wall[2, 1]], "o", color=color, markersize=5, clip_on=False)


def draw_panel(axes, kind, cases, measured):
    """One kind of scaling."""
    for name, (_, color) in MODELS.items():
        own = [case for case in cases if case["model"] == name and case["rotations"] == 1 and case["atoms"] != 943296]
        draw_model(axes, own, color)
        draw_measured(axes, measured, own[0]["atoms"], name, color)
    axes.set(xscale="log", xlim=(1.7, 1200), ylim=(0, 1.12), xlabel="MPI ranks", title=PANELS[kind])
    axes.set_xticks([2, 8, 32, 128, 1024], ["2", "8", "32", "128", "1024"])
    axes.minorticks_off()
    axes.grid(alpha=0.25)
    axes.title.set_fontsize(10)


def legend(figure):
    """Colors of the models, lines of the kinds."""
    lines = [plt.Line2D([], [], color=color, label=label) for label, color in MODELS.values()]
    styles = {
        "messages, predicted": dict(linestyle="-", linewidth=1.8),
        "the same, uneven density": dict(linestyle="--", linewidth=1.2),
        "exchange no, bound": dict(linestyle=":", linewidth=1),
        "messages, measured on two ranks": dict(linestyle="", marker="o", markersize=5),
    }
    lines += [plt.Line2D([], [], color="black", label=label, **style) for label, style in styles.items()]
    figure.legend(handles=lines, loc="lower center", ncols=4, fontsize=7.5, frameon=False)


def main():
    """Draws ranks.svg beside this script."""
    found, measured = (json.loads((BENCH / name).read_text()) for name in ("ranks.json", "own_work.json"))
    figure, panels = plt.subplots(1, 2, figsize=(8, 3.9), sharey=True, facecolor="white")
    for axes, kind in zip(panels, PANELS):
        draw_panel(axes, kind, found[kind], measured)
    panels[0].set_ylabel("efficiency")
    legend(figure)
    figure.subplots_adjust(left=0.08, right=0.98, top=0.92, bottom=0.29, wspace=0.06)
    plt.rcParams["svg.hashsalt"] = "tumble"
    figure.savefig(HERE / "ranks.svg", metadata={"Date": None})


if __name__ == "__main__":
    main()
