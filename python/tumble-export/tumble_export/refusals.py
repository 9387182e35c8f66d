"""Sentences for models that cannot be exported: the line in the user's file, the operation, and a remedy."""

import re

from . import lines

SUM = "sum over slots (layout padded), or by sum_over_edges of tumble_export.edge_list (layout list)"
GATHER = (
    "take rows of neighbors by neighbor_rows, those of centers by center_rows, and those of reversed edges by Reverse"
)
PART = "take parts by torch.split, chunk or unbind"
ASSIGN = "make a new tensor by torch.where or torch.cat"
SORT = "sort without gradients (x.detach()), and multiply by a mask that follows from it"
# the operations that become scatters: as users write them, and the remedy
SCATTERS = {
    **{name: (name, SUM) for name in ("index_add", "scatter_add", "scatter_reduce", "index_reduce", "scatter")},
    **{name: ("an assignment to a part of a tensor", ASSIGN) for name in ("index_put", "index_put_", "copy_", "fill_")},
    "copy_slices": ("an assignment to a part of a tensor", ASSIGN),
    "the gradient of index": ("the gradient of x[index]", f"for x[mask] multiply by the mask; else {GATHER}"),
    "the gradient of select": ("the gradient of x[..., i]", PART),
    "the gradient of slice": ("the gradient of x[a:b]", PART),
    **{f"the gradient of {name}": (f"the gradient of {name}", SORT) for name in ("sort", "topk", "max", "min")},
}
SIZES = {
    "C": "the number of centers",
    "K": "the number of slots",
    "N": "the number of atoms",
    "E": "the number of edges",
}
NOTE = "pkg.torch.onnx.stack_trace"  # of the exporter on a node: what `lines.Recorder` has written


def at(line):
    """A line as the beginning of a sentence."""
    return f"{line}: " if line else ""


def of_trace(error, recorder):
    """The refusal of a model for an error in its trace."""
    line, name, text = lines.of_error(error), type(error).__name__, str(error).strip()
    if "data-dependent" in text or "tracing tensor" in text or name.startswith("DataDependent"):
        return f"{at(line)}a branch or a number depends on the values of a tensor: write torch.where instead."
    if name == "DynamicOutputShapeException":
        return f"{at(line)}a shape depends on the values of a tensor: keep all rows, and multiply by the mask."
    if "inplace operation" in text or "in-place operation" in text:
        places = ", ".join(dict.fromkeys(recorder.in_place())) or line
        return (
            f"{at(places)}an operation in place changes a tensor that the gradient needs: write y = y + x for y += x."
        )
    if ".numpy()" in text:
        return f"{at(line)}values are taken out of torch (.numpy()): compute with torch only."
    return f"{at(line)}the model cannot be traced ({name}: {first_line(error)})."


def of_translation(error, recorder):
    """The refusal of a model that is traced, but has no ONNX form."""
    text = causes(error)
    size = re.search(r"Constraints violated \((\w)", text)
    if size:
        what = SIZES.get(size[1], "a size")
        return (
            f"{at(recorder.constant)}{what} became a constant: do not loop over a dimension or unbind it, and make no "
            "number of Python of it; sum over it or reshape."
        )
    if recorder.complex:
        return f"{at(recorder.complex)}complex numbers have no ONNX form: write their real and imaginary parts."
    found = re.search(r"No ONNX function found for <OpOverload\(op='([\w.]+)'", text)
    found = found or re.search(r"target=torch\.ops\.(\w+\.\w+)", text)
    if not found:
        return f"the model cannot be translated to ONNX ({type(error).__name__}: {first_line(error)})."
    line = recorder.line(found[1].split(".")[-1])
    return f"{at(line)}{found[1]} has no ONNX form: write it in sums, products, matmul, exp and the like."


def first_line(error):
    """The first line of an error's text."""
    return next(iter(str(error).strip().splitlines()), "")


def causes(error):
    """The texts of an exception and of those that caused it, the first cause first."""
    found = []
    while error is not None:
        found.append(str(error))
        error = error.__cause__ or error.__context__
    return "\n".join(reversed(found))


def of_scatters(nodes):
    """The refusal of scatters, at the lines that they come from; "" if there are none."""
    found = [node for node in nodes if node.op_type.startswith("Scatter")]
    if not found:
        return ""
    places = ", ".join(dict.fromkeys(line for line, _ in map(origin, found) if line))
    name = origin(found[0])[1] or found[0].op_type
    what, remedy = SCATTERS.get(name, (name, GATHER))
    return f"{at(places)}{what} is a scatter, which ONNX Runtime computes slowly or wrongly: {remedy}."


def of_precision(error, model, places):
    """The refusal of an operator that ONNX Runtime has for other types only; None for any other error."""
    found = re.search(r"Could not find an implementation for (\w+)\(\d+\) node with name '([^']*)'", str(error))
    if not found:
        return None
    line = next((places.get(node.output[0], "") for node in model.graph.node if node.name == found[2]), "")
    return (
        f"{at(line)}ONNX Runtime has no {found[1]} in this precision: write it in exp, products and the like, or "
        "export in float32."
    )


def origin(node):
    """The line of a node as `FILE:LINE`, and the operation there; "" if unknown."""
    note = next((entry.value for entry in node.metadata_props if entry.key == NOTE), "")
    line, _, name = note.partition(" ")
    return (line, name) if re.fullmatch(r"\S+:\d+", line) else ("", "")


def lines_of(model):
    """The line of each tensor of a model."""
    return {name: origin(node)[0] for node in model.graph.node for name in node.output if origin(node)[0]}
