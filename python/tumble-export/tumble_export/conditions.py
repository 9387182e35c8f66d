"""Charge, spin and field of a structure, as inputs of a model: the same numbers at each of its centers.

A module takes those that its `forward` has arguments for, or those of its attribute `conditions` if it has one.
"""

import inspect

import numpy as np
import torch

NAMES = ("charge", "spin", "field")
NEUTRAL = {"charge": 0.0, "spin": 1.0, "field": (0.0, 0.0, 0.0)}
# of the built-in structures in turn: what a model of charge and spin knows for certain
TRIED = ({}, {"charge": 1, "spin": 2}, {"charge": -1, "spin": 2, "field": (0.1, -0.2, 0.3)}, {"spin": 3})


def of(module):
    """Names of the conditions that a module takes."""
    arguments = inspect.signature(module.forward).parameters
    return getattr(module, "conditions", tuple(name for name in NAMES if name in arguments))


def tensors(names, weights, given=None):
    """Conditions by name [C] or [C, 3], in the precision of the weights [C]; neutral ones where none are given."""
    values = NEUTRAL | (given or {})
    return {name: filled(values[name], weights) for name in names}


def filled(value, weights):
    """A number or a vector, once for each center."""
    row = torch.as_tensor(value, dtype=weights.dtype, device=weights.device)
    return row.expand(weights.shape[0], *row.shape).clone()


def arrays(structure, real):
    """All conditions of a structure as arrays by name."""
    weights = torch.ones(len(structure.numbers), dtype=torch.float64)
    return {name: tensor.numpy().astype(real) for name, tensor in tensors(NAMES, weights, structure.conditions).items()}


def of_info(info):
    """The conditions in the `info` of ASE's atoms."""
    return {name: np.asarray(info[name], float).tolist() for name in NAMES if info.get(name) is not None}


class Table(torch.nn.Module):
    """Rows of a table for whole numbers from `least` on."""

    def __init__(self, rows, least):
        super().__init__()
        self.register_buffer("rows", rows.detach().double())
        self.least = least

    def forward(self, numbers):
        """numbers [C] -> rows [C, d]."""
        return self.rows.index_select(0, torch.round(numbers).to(torch.int64) - self.least)

    @property
    def range(self):
        """The least and the largest number."""
        return [self.least, self.least + self.rows.shape[0] - 1]
