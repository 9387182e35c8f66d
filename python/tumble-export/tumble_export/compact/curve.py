"""Draw the learning curve: `python -m tumble_export.curve learning_curve.csv learning_curve.svg`."""

import csv
import sys


def main(table, figure):
    import matplotlib

    matplotlib.use("svg")
    matplotlib.rcParams["svg.hashsalt"] = "tumble"  # so that the same table gives the same file
    from matplotlib import pyplot

    with open(table) as file:
        rows = [{k: float(v) for k, v in row.items()} for row in csv.DictReader(file)]
    minutes = [row["minutes"] for row in rows]
    picture, axis = pyplot.subplots(figsize=(5, 3.4), layout="constrained")
    axis.plot(minutes, [row["train_force_rmse"] for row in rows], "o-", ms=3, label="training (weights in motion)")
    axis.plot(minutes, [row["valid_force_rmse"] for row in rows], "o-", ms=3, label="validation (averaged weights)")
    axis.set(xlabel="minutes", ylabel="force RMSE (meV/Å)", yscale="log")
    ticks = [30, 40, 50, 70, 100, 150, 200]
    axis.set_yticks(ticks, [str(t) for t in ticks])
    axis.minorticks_off()
    axis.legend(frameon=False)
    picture.savefig(figure, metadata={"Date": None})


if __name__ == "__main__":
    main(*sys.argv[1:])
