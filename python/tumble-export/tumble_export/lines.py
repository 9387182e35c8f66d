"""The lines of the user's file where the operators of a traced model come from, those of its gradient too."""

import contextlib
import re
import sys
import sysconfig
import warnings
from pathlib import Path

import torch
from torch.fx.experimental.proxy_tensor import get_proxy_mode
from torch.utils._python_dispatch import TorchDispatchMode

FRAME = re.compile(r'File "(?P<file>[^"]+)", line (?P<line>\d+)')
# not the user's: Python, its packages, and this one
OTHERS = (sysconfig.get_path("stdlib"), sysconfig.get_path("purelib"), str(Path(__file__).parent), "<")


def is_own(file):
    """Whether a file is the user's."""
    return not file.startswith(OTHERS)


def here():
    """The innermost line of the user's in this call, as `FILE:LINE`; "" without one."""
    frame = sys._getframe(1)
    while frame is not None and frame.f_code is not Recorder.run.__code__:
        if is_own(frame.f_code.co_filename):
            return place(frame.f_code.co_filename, frame.f_lineno)
        frame = frame.f_back
    return ""


def of_gradient():
    """The line whose gradient autograd is computing, as `FILE:LINE`; "" outside of a gradient."""
    node = torch._C._current_autograd_node()
    stack = "".join(node.metadata.get("traceback_", ())) if node is not None else ""
    inside = stack.rpartition(f'File "{__file__}", line {RUN}')[2]
    frames = [(found["file"], found["line"]) for found in FRAME.finditer(inside) if is_own(found["file"])]
    return place(*frames[-1]) if frames else ""


def operation(operator):
    """The name of an operator such as index_add, or of that whose gradient autograd is computing."""
    node = torch._C._current_autograd_node()
    if node is None:
        return operator._opname
    name = re.sub(r"Backward\d*$", "", node.name())
    return "the gradient of " + re.sub(r"(?<=[a-z])(?=[A-Z])", "_", name).lower()


def place(file, line):
    """A line as in error messages."""
    return f"{Path(file).name}:{line}"


def of_error(error):
    """The innermost line of the user's that an exception went through, or the exceptions that caused it."""
    while error is not None:
        trace, found, inside = error.__traceback__, "", False
        while trace is not None:
            code = trace.tb_frame.f_code
            inside = inside or code is Recorder.run.__code__
            found = place(code.co_filename, trace.tb_lineno) if inside and is_own(code.co_filename) else found
            trace = trace.tb_next
        if found:
            return found
        error = error.__cause__ or error.__context__
    return ""


class Recorder(TorchDispatchMode):
    """Notes each operator and its line in `calls`, and the line and the operation on the nodes of the traced graph."""

    def __init__(self):
        super().__init__()
        self.calls, self.constant, self.complex = [], "", ""

    def run(self, module, inputs):
        """Run a module while its operators are noted: only lines that this call leads to are the user's."""
        with self:
            return module(*inputs)

    def __torch_dispatch__(self, operator, types, args=(), kwargs=None):
        line, root = of_gradient() or here(), get_proxy_mode().tracer.graph._root
        self.calls.append((operator, line))
        self.note_constant(line)
        last, found = root.prev, operator(*args, **(kwargs or {}))
        self.complex = self.complex or (line if isinstance(found, torch.Tensor) and found.is_complex() else "")
        node = root.prev
        while line and node is not last:
            node.stack_trace, node = f"{line} {operation(operator)}", node.prev
        return found

    def note_constant(self, line):
        """Note the first line at which a free size has become a constant."""
        mode = torch._guards.detect_fake_mode()
        sizes = mode.shape_env.replacements.values() if mode is not None and mode.shape_env is not None else ()
        if not self.constant and any(size.is_Integer for size in sizes):
            self.constant = line

    def line(self, name):
        """The first line with an operator, by its name such as `index_add`; "" if there is none."""
        return next((line for operator, line in self.calls if line and operator._opname == name), "")

    def in_place(self):
        """The lines with operators that change a tensor."""
        return [line for operator, line in self.calls if line and operator._schema.is_mutable]


RUN = Recorder.run.__code__.co_firstlineno + 3  # the line of the call in `run`


@contextlib.contextmanager
def kept():
    """Let autograd keep the lines of its operators inside this context."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        with torch.autograd.set_detect_anomaly(True, check_nan=False):
            yield
