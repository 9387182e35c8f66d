"""Fused operators and exchanges of rows: single nodes for tumble, many nodes for ONNX Runtime by itself.

While a model is traced for export (`wanted`), `functions.py` calls these. They have shapes only: the computation is
defined there, and in `custom_ops_onnx.py` for the file.
"""

import contextlib

import torch

LIBRARY = torch.library.Library("tumble", "DEF")
SHARED = "Tensor rows, Tensor bias, Tensor source, Tensor target, Tensor filled"
_state = dict(wanted=False)


def wanted():
    """Whether to trace fused operators."""
    return _state["wanted"]


@contextlib.contextmanager
def traced():
    """Trace fused operators inside this context."""
    _state["wanted"] = True
    try:
        yield
    finally:
        _state["wanted"] = False


def define(signature, fake):
    """Define an operator `name(arguments) -> results`, with a function for the shapes of its results."""
    LIBRARY.define(signature)
    name = signature.split("(")[0]
    torch.library.register_fake(f"tumble::{name}", fake, lib=LIBRARY)
    return getattr(torch.ops.tumble, name).default


attention = define(
    f"attention({SHARED}, int heads) -> Tensor",
    lambda rows, bias, source, target, filled, heads: rows.new_empty(rows.shape[0], rows.shape[1] // 3),
)
attention_gradient = define(
    f"attention_gradient({SHARED}, Tensor gradient, int heads) -> (Tensor, Tensor)",
    lambda rows, bias, *_: (torch.empty_like(rows), torch.empty_like(bias)),
)
silu = define("silu(Tensor rows) -> Tensor", torch.empty_like)
silu_gradient = define("silu_gradient(Tensor rows, Tensor gradient) -> Tensor", lambda rows, _: torch.empty_like(rows))
glu = define("glu(Tensor rows) -> Tensor", lambda rows: rows.new_empty(rows.shape[0], rows.shape[1] // 2))
glu_gradient = define("glu_gradient(Tensor rows, Tensor gradient) -> Tensor", lambda rows, _: torch.empty_like(rows))
rms_norm = define("rms_norm(Tensor rows, float epsilon) -> Tensor", lambda rows, _: torch.empty_like(rows))
rms_norm_gradient = define(
    "rms_norm_gradient(Tensor rows, Tensor gradient, float epsilon) -> Tensor", lambda rows, *_: torch.empty_like(rows)
)
layer_norm = define("layer_norm(Tensor rows, float epsilon) -> Tensor", lambda rows, _: torch.empty_like(rows))
layer_norm_gradient = define(
    "layer_norm_gradient(Tensor rows, Tensor gradient, float epsilon) -> Tensor",
    lambda rows, *_: torch.empty_like(rows),
)
adaptive_cutoff = define(
    "adaptive_cutoff(Tensor distances, Tensor mask, Tensor count, Tensor cutoff, Tensor width) -> (Tensor, Tensor)",
    lambda distances, *_: (distances.new_empty(distances.shape[0]), distances.new_empty(distances.shape[0])),
)
reverse_edges = define("reverse_edges(Tensor rows, Tensor order) -> Tensor", lambda rows, _: torch.empty_like(rows))
prune_edges = define(
    "prune_edges(Tensor rows, Tensor keep, Tensor neighbors, Tensor reverse, Tensor mask) -> Tensor",
    lambda rows, keep, neighbors, reverse, mask: rows.new_empty(*mask.shape, rows.shape[2]),
)
restore_edges = define(
    "restore_edges(Tensor rows, Tensor keep, Tensor reverse) -> Tensor",
    lambda rows, keep, reverse: rows.new_empty(*keep.shape, rows.shape[2]),
)
neighbor_rows = define(
    "neighbor_rows(Tensor rows, Tensor neighbors, Tensor centers) -> Tensor",
    lambda rows, neighbors, _: rows.new_empty(neighbors.shape[0], rows.shape[1]),
)
sum_over_structure = define(
    "sum_over_structure(Tensor rows, Tensor replica) -> Tensor", lambda rows, _: torch.empty_like(rows)
)
