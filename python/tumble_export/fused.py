"""Steps of a model that tumble computes at once, where ONNX Runtime by itself needs many nodes: forward and backward.

In the file each is a node of the domain `tumble`, whose meaning is a function of standard operators in the same file
(`fused_onnx.py`), so that any runtime can evaluate it. tumble knows their names, and has kernels of its own.
"""

import torch


def parts(rows, heads):
    """Rows [.., 3·w], queries and keys and values, of each the heads side by side -> three of [.., H, w / H]."""
    return rows.unflatten(-1, (3, heads, -1)).unbind(-3)


def weights(queries, keys, bias):
    """Queries and keys [C, T, H, d], bias [C, 1, T] -> how much each token [C, H, T, ] attends to each [.., T]."""
    return torch.softmax(torch.einsum("cihk,cjhk->chij", queries, keys) + bias.unsqueeze(1), dim=-1)


def arranged(rows, bias, source):
    """Rows [R, n] of tokens at their places [C, T, n]."""
    return rows.index_select(0, source).view(bias.shape[0], bias.shape[2], -1)


@torch.library.custom_op("tumble::attention", mutates_args=())
def attention(
    rows: torch.Tensor,
    bias: torch.Tensor,
    source: torch.Tensor,
    target: torch.Tensor,
    filled: torch.Tensor,
    heads: int,
) -> torch.Tensor:
    """Attention among the tokens of each center.

    rows [R, 3·w] of tokens (`parts`; queries are scaled already), bias [C, 1, T] of the keys; `source` [C·T] is a
    token for every place, `target` [R] the place of every token, `filled` [C·T] tells places with a token; the bias
    of others is so low that they do not count -> [R, w].
    """
    queries, keys, values = parts(arranged(rows, bias, source), heads)
    found = torch.einsum("chij,cjhk->cihk", weights(queries, keys, bias), values)
    return found.reshape(source.shape[0], -1).index_select(0, target)


@attention.register_fake
def _(rows, bias, source, target, filled, heads):
    return rows.new_empty(rows.shape[0], rows.shape[1] // 3)


@torch.library.custom_op("tumble::attention_gradient", mutates_args=())
def attention_gradient(
    rows: torch.Tensor,
    bias: torch.Tensor,
    source: torch.Tensor,
    target: torch.Tensor,
    filled: torch.Tensor,
    gradient: torch.Tensor,
    heads: int,
) -> tuple[torch.Tensor, torch.Tensor]:
    """From the gradient [R, w] of what `attention` gives: those of its rows [R, 3·w] and of its bias [C, 1, T]."""
    queries, keys, values = parts(arranged(rows, bias, source), heads)
    there = filled.to(gradient.dtype).unsqueeze(1)
    gradient = arranged(gradient, bias, source) * there.view(*bias.shape[::2], 1)
    gradient = gradient.unflatten(-1, (heads, -1))
    p = weights(queries, keys, bias)
    product = p * torch.einsum("cihk,cjhk->chij", gradient, values)
    scores = product - p * product.sum(-1, keepdim=True)
    found = (
        torch.einsum("chij,cjhk->cihk", scores, keys),
        torch.einsum("chij,cihk->cjhk", scores, queries),
        torch.einsum("chij,cihk->cjhk", p, gradient),
    )
    found = torch.stack(found, dim=2).reshape(source.shape[0], -1).index_select(0, target)
    return found, scores.sum((1, 2)).unsqueeze(1)


@attention_gradient.register_fake
def _(rows, bias, source, target, filled, gradient, heads):
    return torch.empty_like(rows), torch.empty_like(bias)


class Attention(torch.autograd.Function):
    """`attention` with its gradient."""

    @staticmethod
    def forward(ctx, rows, bias, source, target, filled, heads):
        ctx.save_for_backward(rows, bias, source, target, filled)
        ctx.heads = heads
        return attention(rows, bias, source, target, filled, heads)

    @staticmethod
    def backward(ctx, gradient):
        rows, bias = attention_gradient(*ctx.saved_tensors, gradient, ctx.heads)
        return rows, bias, None, None, None, None
