"""Differentiable functions with hand-written backward passes: fewer operators in the exported graph, and no scatter.

Every backward pass is differentiable too, so that forces can be trained (a second derivative).
"""

import torch

from . import custom_ops


def single(x):
    """A number rounded to single precision, as attributes of nodes are: both precisions must be the same model."""
    return torch.tensor(x, dtype=torch.float32).item()


EPSILON = single(1e-5)


class Reverse(torch.autograd.Function):
    """Gather rows [R, d] at the slots of the reversed edges [R]. An involution: its backward is the same gather."""

    @staticmethod
    def forward(ctx, rows, slots):
        ctx.save_for_backward(slots)
        return custom_ops.reverse_edges(rows, slots) if custom_ops.wanted() else rows.index_select(0, slots)

    @staticmethod
    def backward(ctx, grad):
        (slots,) = ctx.saved_tensors
        return Reverse.apply(grad, slots), None


class Arrange(torch.autograd.Function):
    """Copy rows [R, d] of tokens to their places [Q] in the padded layout; other places are filled with arbitrary rows.

    Results of the filling must be masked. `source` [Q] is a token for every place, `target` [R] the place of every
    token. The backward pass is a gather too: it drops the gradient of the filling.
    """

    @staticmethod
    def forward(ctx, rows, source, target):
        ctx.save_for_backward(source, target)
        return rows.index_select(0, source)

    @staticmethod
    def backward(ctx, grad):
        _, target = ctx.saved_tensors
        return grad.index_select(0, target), None, None


class Collect(torch.autograd.Function):
    """The inverse of `Arrange`: rows [Q, d] of places to tokens [R, d]. `filled` [Q] is true if a place has a token."""

    @staticmethod
    def forward(ctx, rows, source, target, filled):
        ctx.save_for_backward(source, filled)
        return rows.index_select(0, target)

    @staticmethod
    def backward(ctx, grad):
        source, filled = ctx.saved_tensors
        # a product, since Where takes four times as long in ONNX Runtime
        return grad.index_select(0, source) * filled.unsqueeze(1).to(grad.dtype), None, None, None


class Silu(torch.autograd.Function):
    """x · sigmoid(x), written out since `aten.silu_backward` has no ONNX form. y' = s + y - y · s."""

    @staticmethod
    def forward(ctx, x):
        ctx.save_for_backward(x)
        return custom_ops.silu(x) if custom_ops.wanted() else x * torch.sigmoid(x)

    @staticmethod
    def backward(ctx, grad):
        (x,) = ctx.saved_tensors
        if custom_ops.wanted():
            return custom_ops.silu_gradient(x, grad)
        s = torch.sigmoid(x)
        y = x * s
        return grad * (s + (y - y * s))


class Glu(torch.autograd.Function):
    """Values times the sigmoid of gates [R, w], for rows [R, 2·w] of values and gates."""

    @staticmethod
    def forward(ctx, rows):
        ctx.save_for_backward(rows)
        if custom_ops.wanted():
            return custom_ops.glu(rows)
        values, gates = rows.chunk(2, dim=1)
        return values * torch.sigmoid(gates)

    @staticmethod
    def backward(ctx, grad):
        (rows,) = ctx.saved_tensors
        if custom_ops.wanted():
            return custom_ops.glu_gradient(rows, grad)
        values, gates = rows.chunk(2, dim=1)
        s = torch.sigmoid(gates)
        open = grad * s
        return torch.cat([open, values * open * (1.0 - s)], dim=1)


class RmsNorm(torch.autograd.Function):
    """Rows [R, d] divided by their root mean square."""

    @staticmethod
    def forward(ctx, rows, epsilon=EPSILON):
        ctx.save_for_backward(rows)
        ctx.epsilon = epsilon
        return custom_ops.rms_norm(rows, epsilon) if custom_ops.wanted() else rows * inverse_rms(rows, epsilon)

    @staticmethod
    def backward(ctx, grad):
        (rows,) = ctx.saved_tensors
        if custom_ops.wanted():
            return custom_ops.rms_norm_gradient(rows, grad, ctx.epsilon), None
        inverse = inverse_rms(rows, ctx.epsilon)
        y = rows * inverse
        return (grad - y * (grad * y).mean(-1, keepdim=True)) * inverse, None


def inverse_rms(rows, epsilon):
    """Rows [R, d] -> 1 / root mean square [R, 1]."""
    return torch.rsqrt((rows * rows).mean(-1, keepdim=True) + epsilon)


class LayerNorm(torch.autograd.Function):
    """LayerNorm of rows [R, d] without gain and shift: subtract the mean, divide by the standard deviation."""

    @staticmethod
    def forward(ctx, rows, epsilon=EPSILON):
        ctx.save_for_backward(rows)
        ctx.epsilon = epsilon
        if custom_ops.wanted():
            return custom_ops.layer_norm(rows, epsilon)
        rows = rows - rows.mean(-1, keepdim=True)
        return rows * inverse_rms(rows, epsilon)

    @staticmethod
    def backward(ctx, grad):
        (rows,) = ctx.saved_tensors
        if custom_ops.wanted():
            return custom_ops.layer_norm_gradient(rows, grad, ctx.epsilon), None
        rows = rows - rows.mean(-1, keepdim=True)
        inverse = inverse_rms(rows, ctx.epsilon)
        y = rows * inverse
        rest = grad - grad.mean(-1, keepdim=True) - y * (grad * y).mean(-1, keepdim=True)
        return rest * inverse, None


class Attention(torch.autograd.Function):
    """Attention as one operator, for tracing only; `Tokens.attend` defines it."""

    @staticmethod
    def forward(ctx, rows, bias, source, target, filled, heads):
        ctx.save_for_backward(rows, bias, source, target, filled)
        ctx.heads = heads
        return custom_ops.attention(rows, bias, source, target, filled, heads)

    @staticmethod
    def backward(ctx, grad):
        rows, bias = custom_ops.attention_gradient(*ctx.saved_tensors, grad, ctx.heads)
        return rows, bias, None, None, None, None
