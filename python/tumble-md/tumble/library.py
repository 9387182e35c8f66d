"""Finds tumble's library, loads it once, and declares its functions as in `include/tumble.h`."""

from __future__ import annotations

import ctypes
import os
from ctypes import POINTER, c_char_p, c_double, c_int, c_longlong, c_void_p
from functools import lru_cache
from importlib.util import find_spec
from pathlib import Path

HERE = Path(__file__).parent
DOUBLES = POINTER(c_double)
INTS = POINTER(c_int)
TEXTS = POINTER(c_char_p)

# Result and argument types, as in include/tumble.h.
FUNCTIONS = {
    "tumble_load": (c_void_p, [c_char_p, c_char_p]),
    "tumble_load_committee": (c_void_p, [c_int, TEXTS, c_char_p]),
    "tumble_set_step": (c_int, [c_void_p, c_longlong]),
    "tumble_set_beads": (c_int, [c_void_p, c_int, c_int]),
    "tumble_watch": (c_int, [c_void_p, c_void_p]),
    "tumble_set_conditions": (c_int, [c_void_p, c_int, DOUBLES, DOUBLES, DOUBLES]),
    "tumble_compute": (c_int, [c_void_p, c_int, INTS, DOUBLES, DOUBLES, DOUBLES, DOUBLES, DOUBLES]),
    "tumble_compute_many": (c_int, [c_void_p, c_int, INTS, INTS, DOUBLES, DOUBLES, DOUBLES, DOUBLES, DOUBLES]),
    "tumble_select": (c_int, [c_void_p, c_int]),
    "tumble_spread": (c_int, [c_void_p, DOUBLES, DOUBLES]),
    "tumble_per_atom": (c_int, [c_void_p, c_int, DOUBLES, DOUBLES, DOUBLES]),
    "tumble_force_deviations": (c_int, [c_void_p, c_int, DOUBLES]),
    "tumble_details": (c_char_p, [c_void_p]),
    "tumble_ipi_extras": (c_char_p, [c_void_p]),
    "tumble_about": (c_char_p, [c_void_p]),
    "tumble_free": (None, [c_void_p]),
    "tumble_error": (c_char_p, []),
    "tumble_version": (c_char_p, []),
}


# Tells tumble_watch whether Ctrl-C was pressed. This C function needs no interpreter lock and runs no Python code, in
# which a KeyboardInterrupt would be lost.
INTERRUPTED = ctypes.CFUNCTYPE(c_int)(ctypes.pythonapi.PyOS_InterruptOccurred)

# Returned by tumble_compute if the function of tumble_watch has ended it.
ENDED = -2


@lru_cache(maxsize=1)
def library() -> ctypes.CDLL:
    """The library at TUMBLE_LIBRARY, or the one in the wheel. Raises ImportError if there is none."""
    path = os.environ.get("TUMBLE_LIBRARY") or str(HERE / "libtumble.so")
    try:
        loaded = ctypes.CDLL(path)
        for name, (result, arguments) in FUNCTIONS.items():
            function = getattr(loaded, name)
            function.restype, function.argtypes = result, arguments
    except (OSError, AttributeError) as error:
        raise ImportError(
            f"cannot load tumble's library: {error}: install the wheel of tumble-md, or run `make library` and set "
            "TUMBLE_LIBRARY to its target/release/libtumble.so"
        ) from None
    return loaded


def onnx_runtime() -> str | None:
    """The folder of ONNX Runtime's library in this Python, without importing it. None if ORT_DYLIB_PATH is set."""
    spec = None if os.environ.get("ORT_DYLIB_PATH") else find_spec("onnxruntime")
    folders = (Path(folder, "capi") for folder in (spec.submodule_search_locations or [] if spec else []))
    return next((str(folder) for folder in folders if any(folder.glob("libonnxruntime.so*"))), None)
