"""Common parts of the figures of the examples: readable on light and dark pages, reproducible byte by byte."""

import matplotlib

matplotlib.use("svg")
matplotlib.rcParams.update({"svg.hashsalt": "tumble", "font.size": 8, "axes.titlesize": 9, "legend.frameon": False})

import matplotlib.pyplot as plt  # noqa: E402

COLORS = {"none": "#1f77b4", "random": "#d95f02", "octahedral": "#2a8f5b", "icosahedral": "#7b4fb5"}


def panels(rows, columns, width=7.6, height=2.9):
    """A figure on a white ground and its axes [rows, columns], each row `height` inches high."""
    return plt.subplots(rows, columns, figsize=(width, height * rows), facecolor="white", squeeze=False)


def save(figure, path):
    """Write the figure as SVG."""
    figure.tight_layout()
    figure.savefig(path, metadata={"Date": None})
