"""The picture of the demo: the course of the run, and one snapshot's energy in every orientation."""

WIDTH, HEIGHT = 820, 400
STYLE = """
  text { font: 13px system-ui, sans-serif; fill: #333 }
  .title { font-weight: 600 } .small { font-size: 11px; fill: #666 }
  .back { fill: #fff } .axis { stroke: #999; fill: none } .grid { stroke: #e4e4e4 }
  .line { stroke: #1f6fb4; stroke-width: 1.7; fill: none; stroke-linejoin: round } .dot { fill: #1f6fb4 }
  .band { fill: #1f6fb4; opacity: 0.13 } .target { stroke: #d9722e; stroke-dasharray: 5 4 }
  @media (prefers-color-scheme: dark) {
    text { fill: #ddd } .small { fill: #aaa } .back { fill: #16181c } .axis { stroke: #777 } .grid { stroke: #33363c }
    .line { stroke: #6fb7f0 } .dot, .band { fill: #6fb7f0 } .target { stroke: #f09a5e }
  }
"""


class Panel:
    """Axes in the pixels `box` = (left, top, width, height), for data from x[0] to x[1] and from y[0] to y[1]."""

    def __init__(self, box, x, y):
        self.left, self.top, self.width, self.height = box
        self.x, self.y = x, y

    def at(self, x, y):
        """Pixels of a point."""
        (x0, x1), (y0, y1) = self.x, self.y
        across, up = (x - x0) / (x1 - x0), (y - y0) / (y1 - y0)
        return self.left + self.width * across, self.top + self.height * (1 - up)

    def path(self, points):
        """The points as SVG wants them."""
        return " ".join("{:.1f},{:.1f}".format(*self.at(x, y)) for x, y in points)

    def axes(self, y_label, x_label=""):
        """Grid, axes, numbers and labels; without a label, the x axis has no numbers."""
        middle, center, bottom = self.left + self.width / 2, self.top + self.height / 2, self.top + self.height
        parts = []
        for value in ticks(*self.y):
            _, y = self.at(self.x[0], value)
            parts.append(f'<path class="grid" d="M{self.left} {y:.1f}h{self.width}"/>')
            parts.append(text(self.left - 6, y + 4, number(value), "end", "small"))
        parts.append(f'<path class="axis" d="M{self.left} {self.top}v{self.height}h{self.width}"/>')
        for value in ticks(*self.x) if x_label else []:
            parts.append(text(self.at(value, 0)[0], bottom + 16, number(value), "middle", "small"))
        parts.append(text(middle, bottom + 36, x_label))
        turned = f'transform="rotate(-90 {self.left - 44} {center})"'
        return [*parts, text(self.left - 44, center, y_label, extra=turned)]


def text(x, y, content, anchor="middle", style="", extra=""):
    """One text element."""
    return f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}" class="{style}" {extra}>{content}</text>'


def number(value):
    """A number with a true minus sign."""
    return f"{value:g}".replace("-", "−")


def ticks(low, high):
    """Three to six round numbers in a range."""
    power = 10.0
    while power > (high - low) / 3:
        power /= 10
    step = next(power * k for k in (1, 2, 5, 10) if (high - low) / (power * k) < 6)
    first = int(low / step) - 1
    return [round(k * step, 9) for k in range(first, first + 50) if low <= k * step <= high]


def course(rows):
    """Temperature with the thermostat's target, and potential energy relative to its mean, against time."""
    times, temperatures, energies = ([row[name] for row in rows] for name in ("Time", "Temp", "PotEng"))
    mean = sum(energies) / len(energies)
    energies = [energy - mean for energy in energies]
    span, bound = (times[0], times[-1]), 1.1 * max(map(abs, energies))
    upper = Panel((70, 50, 410, 125), span, (min(*temperatures, 290) - 10, max(*temperatures, 310) + 10))
    lower = Panel((70, 205, 410, 125), span, (-bound, bound))
    return [
        text(70, 30, "64 H₂O, turned at random at every step", "start", "title"),
        *upper.axes("temperature / K"),
        f'<polyline class="target" points="{upper.path([(times[0], 300), (times[-1], 300)])}"/>',
        f'<polyline class="line" points="{upper.path(zip(times, temperatures))}"/>',
        *lower.axes("energy − mean / eV", "time / ps"),
        f'<polyline class="line" points="{lower.path(zip(times, energies))}"/>',
    ]


def orientations(frame):
    """Energy of a snapshot in each orientation, relative to the mean, sorted; the band is one spread wide each way."""
    energies = sorted(1e3 * (energy - frame["energy"]) for energy in frame["replica_energies"])
    spread = 1e3 * frame["spread"]["energy"]
    bound = 1.15 * max(map(abs, energies))
    panel = Panel((590, 50, 205, 280), (0, len(energies) + 1), (-bound, bound))
    (left, high), (right, low) = panel.at(0, spread), panel.at(len(energies) + 1, -spread)
    dots = [panel.at(place, energy) for place, energy in enumerate(energies, 1)]
    return [
        text(590, 30, "The last snapshot, turned", "start", "title"),
        f'<rect class="band" x="{left:.1f}" y="{high:.1f}" width="{right - left:.1f}" height="{low - high:.1f}"/>',
        *panel.axes("energy − mean / meV", f"{len(energies)} orientations, sorted"),
        *(f'<circle class="dot" r="2.8" cx="{x:.1f}" cy="{y:.1f}"/>' for x, y in dots),
        text(right - 4, low - 6, f"spread ±{spread:.1f} meV", "end", "small"),
    ]


def draw(rows, frame):
    """The SVG file, from thermo rows and a frame of `tumble eval --json`."""
    head = f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" width="{WIDTH}" height="{HEIGHT}">'
    back = f'<rect class="back" width="{WIDTH}" height="{HEIGHT}"/>'
    body = "\n".join([*course(rows), *orientations(frame)])
    return f"{head}\n<style>{STYLE}</style>\n{back}\n{body}\n</svg>\n"
