"""The table of `edge_list.py` in an ONNX graph.

Lines are in the text form of ONNX: results = operator<attributes>(inputs).
"""

import numpy as np
import onnx


def find_table(graph):
    """Compute the input `table` in the graph, as `edge_list.table`, with one edge more than there are.

    The atoms are sorted in between the edges: the number of edges before each is where its own edges start.
    """
    graph.input.remove(next(i for i in graph.input if i.name == "table"))
    for name, value in CONSTANTS.items():
        graph.initializer.append(onnx.numpy_helper.from_array(np.array(value, dtype=np.int64), f"table_{name}"))
    body = onnx.parser.parse_graph(f"t (int64[E] centers, int64[N] species) => (int64[N, K] table) {{ {TABLE} }}")
    graph.node.extend(body.node)


CONSTANTS = dict(zero=0, one=1, two=2, zeros=[0], ones=[1], infinity=[np.iinfo(np.int64).max])
TABLE = """
    table_edges = Shape(centers)
    table_count = Shape(species)
    table_scalar = Squeeze(table_count)
    table_atoms = Range(table_zero, table_scalar, table_one)
    table_atom_keys = Mul(table_atoms, table_two)
    table_double = Mul(centers, table_two)
    table_edge_keys = Add(table_double, table_one)
    table_keys = Concat<axis = 0>(table_edge_keys, table_atom_keys)
    table_size = Add(table_edges, table_count)
    table_sorted, table_order = TopK<largest = 0>(table_keys, table_size)
    table_odd = Mod(table_sorted, table_two)
    table_even = Equal(table_odd, table_zero)
    table_found = NonZero(table_even)
    table_places = Squeeze(table_found, table_zeros)
    table_starts = Sub(table_places, table_atoms)
    table_later = Slice(table_starts, table_ones, table_infinity)
    table_ends = Concat<axis = 0>(table_later, table_edges)
    table_degree = Sub(table_ends, table_starts)
    table_most = ReduceMax<keepdims = 0>(table_degree)
    table_width = Max(table_most, table_one)
    table_slots = Range(table_zero, table_width, table_one)
    table_column = Unsqueeze(table_starts, table_ones)
    table_numbers = Add(table_column, table_slots)
    table_limits = Unsqueeze(table_degree, table_ones)
    table_filled = Less(table_slots, table_limits)
    table_padding = Add(table_edges, table_ones)
    table = Where(table_filled, table_numbers, table_padding)
"""
