"""The picture of the demo: temperature in the course of the run, and one snapshot's energy in every orientation."""

WIDTH, HEIGHT = 760, 320
STYLE = """
  text { font: 13px sans-serif; fill: #333 } .small { font-size: 11px }
  .axis { stroke: #888; fill: none } .grid { stroke: #ddd } .line { stroke: #1f77b4; stroke-width: 1.6; fill: none }
  .target { stroke: #d95f02; stroke-dasharray: 5 4 } .dot { fill: #1f77b4 } .back { fill: #fff }
  @media (prefers-color-scheme: dark) {
    text { fill: #ddd } .grid { stroke: #444 } .line { stroke: #6cb4ee } .dot { fill: #6cb4ee } .back { fill: #181818 }
  }
"""


class Panel:
    """A pair of axes at (left, top) of the given size; data range (x0, x1), (y0, y1)."""

    def __init__(self, left, size, x, y):
        self.left, self.top, (self.width, self.height) = left, 46, size
        self.x, self.y = x, y

    def at(self, x, y):
        """Pixels of a point."""
        (x0, x1), (y0, y1) = self.x, self.y
        return (
            self.left + self.width * (x - x0) / (x1 - x0),
            self.top + self.height * (y1 - y) / (y1 - y0),
        )

    def frame(self, title, x_label, y_label, x_ticks, y_ticks):
        """Axes, ticks and labels."""
        middle, bottom = self.left + self.width / 2, self.top + self.height
        parts = [text(self.left, 26, title)]
        for value in y_ticks:
            _, y = self.at(self.x[0], value)
            parts.append(f'<path class="grid" d="M{self.left} {y:.1f}h{self.width}"/>')
            parts.append(text(self.left - 6, y + 4, f"{value:g}", "end", "small"))
        for value in x_ticks:
            parts.append(text(self.at(value, self.y[0])[0], bottom + 17, f"{value:g}", "middle", "small"))
        parts.append(f'<path class="axis" d="M{self.left} {self.top}v{self.height}h{self.width}"/>')
        parts.append(text(middle, bottom + 38, x_label, "middle"))
        turned = f'transform="rotate(-90 {self.left - 42} {self.top + self.height / 2})"'
        parts.append(text(self.left - 42, self.top + self.height / 2, y_label, "middle", "", turned))
        return parts


def text(x, y, content, anchor="start", style="", extra=""):
    """One text element."""
    return f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}" class="{style}" {extra}>{content}</text>'


def ticks(low, high, count=4):
    """Round numbers in a range."""
    step = max((high - low) / count, 1e-9)
    power = 10.0
    while power > step:
        power /= 10
    step = min((power * k for k in (1, 2, 5, 10) if power * k >= step), default=step)
    first = int(low / step) - 1
    return [round(k * step, 9) for k in range(first, first + 50) if low <= k * step <= high]


def temperature(rows):
    """Temperature against time, with the thermostat's target."""
    times, values = [row["Time"] for row in rows], [row["Temp"] for row in rows]
    low, high = min(*values, 290) - 10, max(*values, 310) + 10
    panel = Panel(64, (390, 210), (times[0], times[-1]), (low, high))
    points = " ".join("{:.1f},{:.1f}".format(*panel.at(t, v)) for t, v in zip(times, values))
    (x0, y), (x1, _) = panel.at(times[0], 300), panel.at(times[-1], 300)
    labels = ("Temperature, turned at random at every step", "time / ps", "temperature / K")
    return [
        *panel.frame(*labels, ticks(times[0], times[-1]), ticks(low, high)),
        f'<path class="target" d="M{x0:.1f} {y:.1f}H{x1:.1f}"/>',
        f'<polyline class="line" points="{points}"/>',
    ]


def orientations(frame):
    """Energy of the last snapshot in each orientation, relative to the mean, sorted."""
    energies = sorted(1e3 * (e - frame["energy"]) for e in frame["replica_energies"])
    bound = 1.15 * max(abs(e) for e in energies) or 1.0
    panel = Panel(540, (196, 210), (0, len(energies) + 1), (-bound, bound))
    dots = ["<circle class='dot' r='2.6' cx='{:.1f}' cy='{:.1f}'/>".format(*panel.at(i + 1, e)) for i, e in enumerate(energies)]
    labels = ("One snapshot, turned", "orientation, sorted", "energy - mean / meV")
    return [*panel.frame(*labels, [1, len(energies)], ticks(-bound, bound)), *dots]


def draw(rows, frame):
    """The SVG file, from thermo rows and a frame of `tumble eval --json`."""
    head = f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" width="{WIDTH}" height="{HEIGHT}">'
    back = f'<rect class="back" width="{WIDTH}" height="{HEIGHT}"/>'
    body = "\n".join([*temperature(rows), *orientations(frame)])
    return f"{head}\n<style>{STYLE}</style>\n{back}\n{body}\n</svg>\n"
