"""The roof above a step: the time that it takes at least, with the measured peak and bandwidth of one core."""

from dataclasses import dataclass
from itertools import pairwise
from math import log


@dataclass(frozen=True)
class Core:
    """Peak in floating-point operations per second; bandwidth in bytes per second by bytes of data; bytes of caches."""

    peak: float
    bandwidths: dict
    caches: list

    @staticmethod
    def measured(results):
        """The core of these results."""
        bandwidths = {found["bytes"]: 1e9 * found["gigabytes_per_second"] for found in results["bandwidths"]}
        return Core(1e9 * max(peak["gflops"] for peak in results["peaks"]), bandwidths, results["machine"]["caches"])

    def bandwidth(self, size):
        """Bytes per second of so many bytes of data, between the two nearest measured sizes."""
        sizes = sorted(self.bandwidths)
        size = min(max(size, sizes[0]), sizes[-1])
        below, above = next(pair for pair in pairwise(sizes) if size <= pair[1])
        share = log(size / below) / log(above / below)
        return self.bandwidths[below] ** (1 - share) * self.bandwidths[above] ** share

    def levels(self):
        """Bandwidth of each cache, of the largest measured data that fill half of it at most, and of memory."""
        largest = [max(size for size in self.bandwidths if size <= cache / 2) for cache in self.caches]
        names = [f"L{number}" for number in range(1, 1 + len(largest))]
        return {name: self.bandwidths[size] for name, size in zip([*names, "memory"], [*largest, max(self.bandwidths)])}

    def least(self, step):
        """The seconds of a step at the roof."""
        return max(step["operations"] / self.peak, step["bytes"] / self.bandwidth(step["bytes"]))

    def share(self, step):
        """How close a step is to the roof."""
        return self.least(step) / step["seconds"]

    def limit(self, step):
        """What the roof above a step is: arithmetic, or its data."""
        return "peak" if step["operations"] / self.peak >= self.least(step) else "data"
