"""What the program is doing: a bar in a terminal, lines elsewhere; its time and memory at the end."""

import ctypes
import gc
import resource
import sys
import time

WIDTH = 20  # characters of the bar
CLEAR = "\r\x1b[K"  # to the beginning of the line, and erase it


class Progress:
    """Steps of known number; `say` writes lines, `stream` shows the bar if it is a terminal."""

    def __init__(self, steps, say=print, stream=None):
        self.steps, self.done, self.write = steps, 0, say
        self.stream = sys.stderr if stream is None else stream
        self.bar = self.stream.isatty()
        self.start, self.together = time.monotonic(), 0

    def step(self, text):
        """Begin the next step."""
        self.done += 1
        self.show(text)

    def show(self, text):
        """Show the current step, or a part of it."""
        if self.bar:
            filled = WIDTH * (self.done - 1) // self.steps
            line = f"{CLEAR}[{'#' * filled}{'.' * (WIDTH - filled)}] {clock(self.seconds())}  {text}"
            self.stream.write(line)
            self.stream.flush()
        else:
            self.write(f"{clock(self.seconds())}  {text}")

    def say(self, text):
        """A line of the result; the bar comes back with the next step."""
        self.clear()
        self.write(text)

    def clear(self):
        """Remove the bar."""
        if self.bar:
            self.stream.write(CLEAR)
            self.stream.flush()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.clear()

    def seconds(self):
        """Time since the beginning, s."""
        return time.monotonic() - self.start

    def child(self, peak):
        """Note the peak memory of a child that has just ended, bytes: this process waited for it."""
        self.together = max(self.together, resident() + peak)

    def usage(self):
        """Wall time, and peak memory of this process and its children together."""
        return f"time {clock(self.seconds())} min, memory {max(own_peak(), self.together) / 1e9:.1f} GB at most"


def clock(seconds):
    """Minutes and seconds."""
    return f"{int(seconds) // 60}:{int(seconds) % 60:02d}"


def own_peak():
    """Peak memory of this process, bytes."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024)


def resident():
    """Memory that this process holds, bytes; 0 where /proc does not tell."""
    try:
        with open("/proc/self/statm") as file:
            return int(file.read().split()[1]) * resource.getpagesize()
    except OSError:
        return 0


def release():
    """Return freed memory to the system: glibc keeps it otherwise."""
    gc.collect()
    trim = getattr(ctypes.CDLL(None), "malloc_trim", None)
    if trim is not None:
        trim(0)
