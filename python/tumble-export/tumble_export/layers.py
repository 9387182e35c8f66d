"""Layers of models in PyTorch, with their weights in double precision, as functions of rows [R, d]."""

import copy

import torch
from torch import nn

from .functions import LayerNorm, RmsNorm, Silu


def matrices(linear):
    """Weight [in, out] and bias [out] of a linear map in double precision; low-rank updates (LoRA) are merged."""
    if hasattr(linear, "lora_A"):
        weight, bias = matrices(linear.linear)
        update = linear.lora_B.weight.double() @ linear.lora_A.weight.double()
        return weight + linear.scaling * update.t(), bias
    weight = linear.weight.detach().double().t().contiguous()
    bias = weight.new_zeros(weight.shape[1]) if linear.bias is None else linear.bias.detach().double()
    return weight, bias


class Dense(nn.Module):
    """rows [R, in] -> [R, out]."""

    def __init__(self, weight, bias):
        super().__init__()
        self.register_buffer("weight", weight.detach().contiguous())
        self.register_buffer("bias", bias.detach())

    def forward(self, rows):
        return torch.addmm(self.bias, rows, self.weight)


class Norm(nn.Module):
    """RMSNorm or LayerNorm of rows; with `affine` false, gain and shift are in the map after it."""

    def __init__(self, norm, affine):
        super().__init__()
        self.function = LayerNorm if isinstance(norm, nn.LayerNorm) else RmsNorm
        self.affine = affine
        self.register_buffer("epsilon", torch.tensor(norm.eps, dtype=torch.float64))
        self.register_buffer("gain", norm.weight.detach().double())
        shift = getattr(norm, "bias", None)
        if shift is None and not affine:
            shift = torch.zeros_like(self.gain)
        self.register_buffer("shift", None if shift is None else shift.detach().double())

    def forward(self, rows):
        rows = self.function.apply(rows, self.epsilon)
        if not self.affine:
            return rows
        rows = rows * self.gain
        return rows if self.shift is None else rows + self.shift


class Activation(nn.Module):
    """SiLU."""

    def forward(self, rows):
        return Silu.apply(rows)


def fused(model):
    """A copy of a model with tumble's operators in place of its modules `LayerNorm`, `RMSNorm` and `SiLU`."""
    model = copy.deepcopy(model)
    pin_epsilon(model)
    for owner in list(model.modules()):
        for name, part in owner.named_children():
            if isinstance(part, (nn.LayerNorm, nn.RMSNorm)) and part.weight is not None and part.weight.ndim == 1:
                setattr(owner, name, Norm(part, affine=True))
            elif isinstance(part, nn.SiLU):
                setattr(owner, name, Activation())
    return model


def pin_epsilon(model):
    """RMSNorm's default epsilon follows the precision of its input: keep the one from training."""
    epsilon = torch.finfo(next(model.parameters()).dtype).eps
    for module in model.modules():
        if isinstance(module, torch.nn.RMSNorm) and module.eps is None:
            module.eps = epsilon
