"""The exchanges of rows as functions of standard operators, in the text form of ONNX: see `custom_ops_onnx.py`."""


def reverse_edges(_):
    """Rows in the order of the reversed edges."""
    return ("reversed = Gather(rows, order)",)


def kept_both_ways():
    """Edges that are kept in both directions, the number of slots of a center, and the number of each one's slots."""
    return (
        "rest = Constant<value_ints = [-1]>()",
        "slot_axis = Constant<value_int = 1>()",
        "sizes = Shape<start = 0, end = 2>(keep)",
        "flat_reverse = Reshape(reverse, rest)",
        "flat_keep = Reshape(keep, rest)",
        "flat_other = Gather(flat_keep, flat_reverse)",
        "other = Reshape(flat_other, sizes)",
        "both = And(keep, other)",
        "ones = Cast<to = 7>(both)",
        "upto = CumSum(ones, slot_axis)",
        "one = Constant<value_ints = [1]>()",
        "zero = Constant<value_ints = [0]>()",
        "places = Sub(upto, one)",
        "centers, listed = Split<axis = 0, num_outputs = 2>(sizes)",
        "start = Constant<value_int = 0>()",
        "step = Constant<value_int = 1>()",
        "no_axes = Squeeze(centers, zero)",
        "numbers = Range(start, no_axes, step)",
        "column = Unsqueeze(numbers, one)",
    )


def prune_edges(_):
    """Each row of slots sorted by `keep`, cut to the widest."""
    return (
        *kept_both_ways(),
        "counts = ReduceSum<keepdims = 1>(ones, one)",
        "most = ReduceMax<keepdims = 0>(counts)",
        "most_row = Reshape(most, rest)",
        "width = Max(most_row, one)",
        # a kept edge ranks before all others, and an earlier one before a later one
        "all_slots = Squeeze(listed, zero)",
        "slot_numbers = Range(start, all_slots, step)",
        "lead = Mul(ones, listed)",
        "rank = Sub(lead, slot_numbers)",
        "ranked, order = TopK<axis = 1, largest = 1, sorted = 1>(rank, width)",
        "first_slots = Mul(column, listed)",
        "at = Add(order, first_slots)",
        "flat_at = Reshape(at, rest)",
        "row_shape = Shape<start = 2>(rows)",
        "flat_shape = Concat<axis = 0>(rest, row_shape)",
        "flat_rows = Reshape(rows, flat_shape)",
        "kept = Gather(flat_rows, at)",
        "flat_neighbors = Reshape(neighbors, rest)",
        "kept_neighbors = Gather(flat_neighbors, at)",
        "wide = Squeeze(width, zero)",
        "kept_numbers = Range(start, wide, step)",
        "kept_mask = Less(kept_numbers, counts)",
        "back = Gather(flat_reverse, at)",
        "flat_places = Reshape(places, rest)",
        "back_place = Gather(flat_places, back)",
        "back_center = Div(back, listed)",
        "back_first = Mul(back_center, width)",
        "back_slot = Add(back_first, back_place)",
        "own_first = Mul(column, width)",
        "own_slot = Add(own_first, kept_numbers)",
        "kept_reverse = Where(kept_mask, back_slot, own_slot)",
    )


def restore_edges(_):
    """The rows of kept edges in their old slots, zeros in others."""
    return (
        *kept_both_ways(),
        "least = Max(places, zero)",
        "row_sizes = Shape<start = 1, end = 2>(rows)",
        "first_slots = Mul(column, row_sizes)",
        "at = Add(least, first_slots)",
        "row_shape = Shape<start = 2>(rows)",
        "flat_shape = Concat<axis = 0>(rest, row_shape)",
        "flat_rows = Reshape(rows, flat_shape)",
        "found = Gather(flat_rows, at)",
        "there = CastLike(both, rows)",
        "two = Constant<value_ints = [2]>()",
        "there_rows = Unsqueeze(there, two)",
        "restored = Mul(found, there_rows)",
    )


def neighbor_rows(_):
    """The row of each edge's neighbor; of its own center if the neighbor is none."""
    return (
        "count = Shape<start = 0, end = 1>(rows)",
        "is_center = Less(neighbors, count)",
        "at = Where(is_center, neighbors, centers)",
        "found = Gather(rows, at)",
    )


def sum_over_structure(_):
    """For each center the sum of its replica: one row per replica by a matrix of ones and zeros, then a gather."""
    return (
        "count = Shape<start = 0, end = 1>(rows)",
        "zero = Constant<value_ints = [0]>()",
        "own = Slice(replica, zero, count)",
        "last = ReduceMax<keepdims = 0>(own)",
        "start = Constant<value_int = 0>()",
        "step = Constant<value_int = 1>()",
        "replicas = Add(last, step)",
        "numbers = Range(start, replicas, step)",
        "one = Constant<value_ints = [1]>()",
        "column = Unsqueeze(numbers, one)",
        "belongs = Equal(column, own)",
        "factors = CastLike(belongs, rows)",
        "sums = MatMul(factors, rows)",
        "summed = Gather(sums, own)",
    )


BODIES = {
    "ReverseEdges": reverse_edges,
    "PruneEdges": prune_edges,
    "RestoreEdges": restore_edges,
    "NeighborRows": neighbor_rows,
    "SumOverStructure": sum_over_structure,
}
