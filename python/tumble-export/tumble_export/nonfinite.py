"""Finds the first NaN or infinity in a model file: the node, and the edge or atom. Needs no torch."""

import numpy as np


def sentence(path, inputs, places=None):
    """A sentence about the node with the first NaN (or infinity, if there is no NaN) for these inputs; "" if none.

    `inputs`: arrays by the names of the contract; `places`: the lines that tensors come from, by name.
    """
    nodes, values = evaluated(path, inputs)
    for broken, word in ((np.isnan, "NaN"), (lambda x: ~np.isfinite(x), "infinity")):
        for node in nodes:
            for name in node.output:
                found = values.get(name)
                if found is not None and broken(found).any():
                    index = tuple(int(i) for i in np.argwhere(broken(found))[0])
                    return f"the first {word} is that of {described(node, places)}{place(found.shape, index, inputs)}"
    return ""


def evaluated(path, inputs):
    """The nodes of a file in their order, and all their real output tensors, by name."""
    import onnx
    import onnxruntime

    model = onnx.load(path)
    graph = model.graph
    nodes, given = list(graph.node), {output.name for output in graph.output}
    made = [name for node in nodes for name in node.output if name and name not in given]
    graph.output.extend(onnx.helper.make_empty_tensor_value_info(name) for name in made)
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL  # else it fuses nodes
    options.log_severity_level = 4
    session = onnxruntime.InferenceSession(model.SerializeToString(), options, providers=["CPUExecutionProvider"])
    wanted = {i.name: inputs[i.name] for i in session.get_inputs()}
    values = zip([o.name for o in session.get_outputs()], session.run(None, wanted))
    return nodes, {name: np.asarray(v) for name, v in values if np.asarray(v).dtype.kind == "f"}


def described(node, places=None):
    """Description of a node: operator, name, tensors, and the line that it comes from."""
    name = f' "{node.name}"' if node.name else ""
    line = (places or {}).get(node.output[0], "")
    line = f" ({line})" if line else ""
    return f"the node {node.op_type}{name}, {node.output[0]} = {node.op_type}({', '.join(node.input)}){line}"


def place(shape, index, inputs):
    """The edge or atom of an element, as the rest of a sentence; "" if the shape does not tell."""
    if "mask" not in inputs:
        return place_in_list(shape, index, inputs)
    centers, count = inputs["mask"].shape
    if len(shape) > 1 and shape[:2] == (centers, count):
        return slot(index[0] * count + index[1], inputs)
    occupied = inputs["mask"].reshape(-1) | (np.arange(centers * count) == 0)
    slots = np.flatnonzero(occupied)  # as in packing.slots_of
    atoms, edges = [("atom", c) for c in range(centers)], [("slot", s) for s in slots]
    every = [("slot", s) for s in range(centers * count)]
    fitting = [rows for rows in (atoms, edges, atoms + edges, every) if shape and len(rows) == shape[0]]
    found = {rows[index[0]] for rows in fitting}
    if len(found) != 1:
        return ""
    kind, number = found.pop()
    return f", for {atom(number, inputs)}" if kind == "atom" else slot(number, inputs)


def place_in_list(shape, index, inputs):
    """The edge or atom of an element in the layout list, where models see one edge more than there are."""
    edges, atoms = len(inputs["centers"]), len(inputs["species"])
    if edges in (atoms, atoms - 1) or not shape:
        return ""
    if shape[0] == atoms:
        return f", for {atom(index[0], inputs)}"
    return edge(index[0], inputs) if shape[0] in (edges, edges + 1) and index[0] < edges else ""


def edge(number, inputs):
    """Description of an edge in the layout list."""
    ends = (atom(inputs[end][number], inputs) for end in ("centers", "neighbors"))
    length = np.linalg.norm(inputs["edge_vectors"][number])
    return f", for the edge from {next(ends)} to {next(ends)}, of length {length:.4g}"


def slot(flat, inputs):
    """Description of the edge in a flat slot."""
    center, k = divmod(int(flat), inputs["mask"].shape[1])
    if not inputs["mask"][center, k]:
        return f", in padding (slot {k + 1} of {atom(center, inputs)}): replace the values in padding first"
    other, length = inputs["neighbors"][center, k], np.linalg.norm(inputs["edge_vectors"][center, k])
    return f", for the edge from {atom(center, inputs)} to {atom(other, inputs)}, of length {length:.4g}"


def atom(index, inputs):
    """Description of an atom: its number, from 1, and its atomic number."""
    return f"atom {int(index) + 1} (Z = {int(inputs['species'][index])})"
