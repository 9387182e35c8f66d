"""The transformer of metatrain's PET as functions of rows, with weights prepared for speed.

Rows are tokens, so that each linear map is one matrix product. Gains and shifts of a normalization are folded into the
linear map after it, and so is the scale of the queries: the same function with fewer operations.
"""

import torch
from torch import nn

from ..functions import Glu, Silu
from ..layers import Dense, Norm, matrices


def after(norm, linear):
    """The linear map with the gain and shift of the normalization before it."""
    weight, bias = matrices(linear)
    return weight * norm.gain[:, None], bias + norm.shift @ weight


class FeedForward(nn.Module):
    """rows [R, d] -> [R, d]: SiLU between two maps, or SwiGLU: values times the sigmoid of gates."""

    def __init__(self, block, norm=None):
        super().__init__()
        self.gated = block.is_swiglu
        self.up = Dense(*(after(norm, block.w_in) if norm is not None else matrices(block.w_in)))
        self.down = Dense(*matrices(block.w_out))

    def forward(self, rows):
        rows = self.up(rows)
        return self.down((Glu if self.gated else Silu).apply(rows))


class Attention(nn.Module):
    """Attention among the T tokens of each center."""

    def __init__(self, block, norm=None):
        super().__init__()
        self.heads, self.size = block.num_heads, block.head_dim
        weight, bias = after(norm, block.input_linear) if norm is not None else matrices(block.input_linear)
        width, scale = self.heads * self.size, 1.0 / (self.size**0.5 * block.temperature)
        scales = torch.ones(3 * width, dtype=torch.float64)
        scales[:width] = scale
        self.qkv, self.mix = Dense(weight * scales, bias * scales), Dense(*matrices(block.output_linear))

    def forward(self, rows, bias, tokens):
        """rows of tokens [C + E, d], logarithm of the cutoff function [C, 1, K + 1] -> [C + E, d]."""
        return self.mix(tokens.attend(self.qkv(rows), bias, self.heads))


class Block(nn.Module):
    """One transformer layer on the centers' rows [C, d_node] and the edges' rows [E, d]."""

    def __init__(self, layer):
        super().__init__()
        self.before, self.expanded = layer.transformer_type == "PreLN", layer.expanded_node_features
        self.attention_norm = Norm(layer.norm_attention, affine=not self.before)
        self.feed_norm = Norm(layer.norm_mlp, affine=not self.before)
        norms = (self.attention_norm, self.feed_norm) if self.before else (None, None)
        self.attention, self.feed = Attention(layer.attention, norms[0]), FeedForward(layer.mlp, norms[1])
        if self.expanded:
            self.contract = Dense(*matrices(layer.center_contraction))
            self.expand = Dense(*matrices(layer.center_expansion))
            self.center_norm = Norm(layer.norm_center_features, affine=False)
            self.center_feed = FeedForward(layer.center_mlp, self.center_norm)

    def forward(self, center, edges, bias, tokens):
        """bias [C, 1, K + 1]: logarithm of the cutoff function, the center's own token first; `tokens` places them."""
        narrow = self.contract(center) if self.expanded else center
        step = self.pre if self.before else self.post
        mixed, edges = step(torch.cat([narrow, edges]), edges, bias, tokens)
        if not self.expanded:
            return mixed, edges
        center = center + self.expand(mixed)
        return center + self.center_feed(self.center_norm(center)), edges

    def pre(self, rows, edges, bias, tokens):
        mixed, update = tokens.split(self.attention(self.attention_norm(rows), bias, tokens))
        edges = edges + update
        return mixed, edges + self.feed(self.feed_norm(edges))

    def post(self, rows, _edges, bias, tokens):
        rows = self.attention_norm(rows + self.attention(rows, bias, tokens))
        return tokens.split(self.feed_norm(rows + self.feed(rows)))
